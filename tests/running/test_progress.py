"""How far a process has got: the file that others poll, also when that process is gone."""

import json
import os
import subprocess
import sys
import time

import pytest
from factories import add_dataset, document, new_run

from safemil_core.errors import NotFound
from safemil_core.running.progress import Progress, begin, is_alive, process_birth, read_progress, write_progress


@pytest.fixture
def run(workspace):
    add_dataset(workspace)
    return new_run(workspace)


def write(run, progress):
    write_progress(run.folder / "progress.json", progress)
    return run.progress


def test_a_process_that_works_is_running(run):
    progress = begin(50, "cpu")
    assert (progress.state, progress.pid, progress.total) == ("running", os.getpid(), 50)
    assert write(run, progress) == progress
    assert is_alive(progress.pid, progress.born)
    assert not progress.is_finished


def test_a_process_that_died_without_a_word_is_lost(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    progress = Progress("running", 3, 10, pid=child.pid, born=process_birth(child.pid), updated_at=time.time())
    assert write(run, progress).state == "running"
    child.kill()
    deadline = time.time() + 10
    while write(run, progress).state != "lost":  # also before its parent has asked for its end
        assert time.time() < deadline
        time.sleep(0.01)
    child.wait()
    assert run.progress.state == "lost"
    assert run.progress.message == "its process died"
    assert run.progress.done == 3


def test_another_process_of_the_same_number_is_not_taken_for_it(run):
    mine = begin(10, "cpu")
    assert write(run, Progress("running", pid=mine.pid, born=str(int(mine.born) - 1))).state == "lost"


def test_one_that_never_began_is_lost_after_a_minute(run):
    assert write(run, Progress("starting", updated_at=time.time() - 50)).state == "starting"
    assert write(run, Progress("starting", updated_at=time.time() - 70)).state == "lost"


@pytest.mark.parametrize("state", ["done", "stopped", "failed", "lost"])
def test_what_has_ended_stays_as_it_ended(run, state):
    progress = Progress(state, 5, 10, pid=2**22 - 1, born="1", message="why")
    assert write(run, progress) == progress
    assert progress.is_finished


def test_rate_and_time_left_by_hand():
    progress = Progress("running", done=20, total=100, started_at=1000.0, updated_at=1010.0)
    assert progress.rate == pytest.approx(2)
    assert progress.seconds_left == pytest.approx(40)
    assert Progress("starting", total=10).seconds_left == float("inf")


def test_progress_that_is_gone_is_said(run):
    (run.folder / "progress.json").unlink()
    with pytest.raises(NotFound, match=f"{run.id} has no progress file"):
        _ = run.progress
    assert run.evaluation_progress is None


def test_a_reader_never_sees_half_a_progress_file(run):
    """A writer in another process rewrites it as fast as it can."""
    path = run.folder / "progress.json"
    code = (
        "import sys; from pathlib import Path; from safemil_core.running.progress import *\n"
        "for i in range(1500): write_progress(Path(sys.argv[1]), Progress('done', i, message='x' * 5000))"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    while writer.poll() is None:
        assert read_progress(path).state in ("starting", "done")
    assert writer.returncode == 0
    assert document(path)["done"] == 1499
    assert json.loads(path.read_text())["message"] == "x" * 5000
    assert not list(run.folder.glob("*.tmp"))
