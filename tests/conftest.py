"""What tests of several folders share: a workspace of their own, and a machine that stays responsive."""

import os

import pytest
from hypothesis import HealthCheck, settings

from safemil_core.workspace import Workspace

os.environ.setdefault("DSRL_SUPPRESS_IMPORT_ERROR", "1")
# These networks are tiny, here and in the processes that tests start; threads would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline: how fast a machine is must not decide a test.
settings.register_profile(
    "safemil", deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("safemil")


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")
