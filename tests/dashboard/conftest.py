"""Every test of the dashboard has a workspace of its own, which the app opens."""

from pathlib import Path

import pytest
import run_fixtures as runs

from dashboard import resources
from safemil_core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("SAFEMIL_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("SAFEMIL_SPARE_WORKER_S", "0")
    monkeypatch.setattr(resources, "BUNDLED", Path("/nowhere.hdf5"))
    return Workspace(tmp_path)


@pytest.fixture
def info(workspace):
    """A dataset with marks."""
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    return info


@pytest.fixture
def run(workspace, info):
    """A run of it that is done."""
    return runs.finish(runs.new_run(workspace, info), workspace)
