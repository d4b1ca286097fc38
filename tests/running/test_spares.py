"""A spare worker waits with torch in memory, does the next job, and is the only one of its workspace."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from factories import add_dataset, new_run
from test_jobs import ended

from safemil_core.data.database import Database
from safemil_core.errors import InvalidConfig
from safemil_core.running import jobs
from safemil_core.running.job_store import JobStore
from safemil_core.running.spares import has_spare, patience_s
from safemil_core.workspace import Workspace


@pytest.fixture
def spare(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    """A spare that waits."""
    monkeypatch.setenv("SAFEMIL_SPARE_WORKER_S", "60")
    process = start(workspace)
    until = time.monotonic() + 60
    while not has_spare(workspace):
        assert time.monotonic() < until
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()


def start(workspace: Workspace) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", jobs.WORKER, "--workspace", str(workspace.root), "--spare"]
    return subprocess.Popen(command)


def test_the_next_job_is_done_by_the_spare_and_by_nobody_else(workspace, spare):
    add_dataset(workspace)
    run = new_run(workspace)
    jobs.start_training(workspace, run, "cpu")
    job = ended(workspace, run)
    assert (job.state, job.pid, job.attempt) == ("done", spare.pid, 1)
    assert spare.wait(60) == 0
    assert not has_spare(workspace)


def test_there_is_one_spare_and_the_place_of_a_dead_one_is_free(workspace, spare):
    assert start(workspace).wait(60) == 0  # another finds the place taken, and goes
    jobs.keep_ready(workspace)
    assert JobStore(Database(workspace.database)).all("train") == {}
    assert has_spare(workspace)
    spare.kill()
    spare.wait()
    assert not has_spare(workspace)


def test_a_spare_goes_when_no_job_comes(workspace, monkeypatch):
    monkeypatch.setenv("SAFEMIL_SPARE_WORKER_S", "1")
    assert start(workspace).wait(60) == 0


def test_how_long_it_waits_is_a_number_of_seconds(monkeypatch):
    monkeypatch.delenv("SAFEMIL_SPARE_WORKER_S", raising=False)
    assert patience_s() == 300
    monkeypatch.setenv("SAFEMIL_SPARE_WORKER_S", "soon")
    with pytest.raises(InvalidConfig, match="SAFEMIL_SPARE_WORKER_S must be a whole number of seconds, got 'soon'"):
        patience_s()
