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
from safemil_core.running import jobs, spares
from safemil_core.running.job_store import JobStore
from safemil_core.running.spares import has_spare, patience_s, wait_for_job
from safemil_core.workspace import Workspace, file_lock


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
    assert JobStore(Database(workspace.database)).all() == {}
    assert has_spare(workspace)
    spare.kill()
    spare.wait()
    assert not has_spare(workspace)


def test_a_spare_goes_when_no_job_comes(workspace, monkeypatch):
    monkeypatch.setenv("SAFEMIL_SPARE_WORKER_S", "1")
    assert start(workspace).wait(60) == 0


def test_a_job_that_comes_during_the_last_nap_is_done_too(workspace, monkeypatch):
    class Late(JobStore):
        """A job comes just after the only look for one."""

        def n_claimable(self, limit):
            n = super().n_claimable(limit)
            assert has_spare(workspace)  # so that nobody calls a worker for it
            self.enqueue("walks-1", asked="cpu", author="ann")
            return n

    monkeypatch.setattr(spares, "patience_s", lambda: 0.01)
    jobs_of_it = Late(Database(workspace.database))
    job = wait_for_job(workspace, jobs_of_it, should_stop=lambda: False)
    assert job is not None
    assert (job.subject, job.state) == ("walks-1", "running")


def test_one_that_shall_stop_takes_no_job(workspace):
    store = JobStore(Database(workspace.database))
    store.enqueue("walks-1", asked="cpu", author="ann")
    assert wait_for_job(workspace, store, should_stop=lambda: True) is None
    assert store.find("walks-1").state == "queued"


def test_those_who_look_for_a_spare_see_none_in_one_another(workspace):
    with file_lock(workspace.spare_lock, is_shared=True):  # as another does who looks
        assert not has_spare(workspace)


def test_how_long_it_waits_is_a_number_of_seconds(monkeypatch):
    monkeypatch.delenv("SAFEMIL_SPARE_WORKER_S", raising=False)
    assert patience_s() == 300
    monkeypatch.setenv("SAFEMIL_SPARE_WORKER_S", "soon")
    with pytest.raises(InvalidConfig, match="SAFEMIL_SPARE_WORKER_S must be a whole number of seconds, got 'soon'"):
        patience_s()
