"""Every test of the dashboard has a workspace of its own, which the app opens."""

from pathlib import Path

import pytest

from dashboard import resources
from safemil_core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("SAFEMIL_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(resources, "BUNDLED", Path("/nowhere.hdf5"))
    return Workspace(tmp_path)
