"""How far a process has got: the file that others poll, also when that process is gone."""

import json
import os
import subprocess
import sys
import time

import pytest
from factories import document

from safemil_core.errors import NotFound
from safemil_core.running.progress import (
    Progress,
    Reports,
    begin,
    is_alive,
    process_birth,
    read_progress,
    write_progress,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "progress.json"


def write(path, progress):
    write_progress(path, progress)
    return read_progress(path)


def test_a_process_that_works_is_running(path):
    progress = begin(50, "cpu")
    assert (progress.state, progress.pid, progress.total) == ("running", os.getpid(), 50)
    assert write(path, progress) == progress
    assert is_alive(progress.pid, progress.born)
    assert not progress.is_finished


def test_a_process_that_died_without_a_word_is_lost(path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    progress = Progress("running", 3, 10, pid=child.pid, born=process_birth(child.pid), updated_at=time.time())
    assert write(path, progress).state == "running"
    child.kill()
    deadline = time.time() + 10
    while write(path, progress).state != "lost":  # also before its parent has asked for its end
        assert time.time() < deadline
        time.sleep(0.01)
    child.wait()
    lost = read_progress(path)
    assert (lost.state, lost.message, lost.done) == ("lost", "its process died", 3)


def test_another_process_of_the_same_number_is_not_taken_for_it(path):
    mine = begin(10, "cpu")
    assert write(path, Progress("running", pid=mine.pid, born=str(int(mine.born) - 1))).state == "lost"


def test_one_that_never_began_is_lost_after_a_minute(path):
    assert write(path, Progress("starting", updated_at=time.time() - 50)).state == "starting"
    assert write(path, Progress("starting", updated_at=time.time() - 70)).state == "lost"


@pytest.mark.parametrize("state", ["done", "stopped", "failed", "lost"])
def test_what_has_ended_stays_as_it_ended(path, state):
    progress = Progress(state, 5, 10, pid=2**22 - 1, born="1", message="why")
    assert write(path, progress) == progress
    assert progress.is_finished


def test_rate_and_time_left_by_hand():
    progress = Progress("running", done=20, total=100, started_at=1000.0, updated_at=1010.0)
    assert progress.seconds == pytest.approx(10)
    assert progress.rate == pytest.approx(2)
    assert progress.seconds_left == pytest.approx(40)
    assert Progress("starting", total=10).seconds_left == float("inf")


def test_progress_that_is_gone_is_said(path):
    with pytest.raises(NotFound, match=f"{path.parent.name} has no progress file"):
        read_progress(path)


def test_a_file_that_a_machine_left_half_as_it_went_down_is_of_a_lost_process(path):
    path.write_bytes(bytes(20))
    assert (read_progress(path).state, read_progress(path).message) == ("lost", "its process died")


def test_a_reader_never_sees_half_a_progress_file(path):
    """A writer in another process rewrites it as fast as it can."""
    write_progress(path, Progress("starting", updated_at=time.time()))
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
    assert [found.name for found in path.parent.iterdir()] == ["progress.json"]


def test_between_two_reports_a_moment_passes_and_the_end_is_always_said(tmp_path, monkeypatch):
    clock = iter([100.0, 100.1, 100.3, 100.4, 100.4])
    monkeypatch.setattr("safemil_core.running.progress.time.time", lambda: next(clock))
    path, told = tmp_path / "inputs" / "progress.json", []
    reports = Reports(path, total=4, on_progress=lambda progress: told.append(progress.done))
    seen = [read_progress(path).done]
    for done in (1, 2, 3):
        reports.done(done)
        seen.append(read_progress(path).done)
    assert seen == [0, 0, 2, 2]
    reports.end()
    ended = read_progress(path)
    assert (ended.state, ended.done, ended.started_at, ended.updated_at) == ("done", 4, 100.0, 100.4)
    assert told == [0, 1, 2, 3, 4]


def test_the_total_may_be_known_only_later(tmp_path):
    reports = Reports(tmp_path / "progress.json")
    reports.done(1, 8)
    reports.done(2)
    assert (reports.latest.done, reports.latest.total) == (2, 8)


def test_parts_are_counted_anew_and_what_came_of_it_is_said_at_the_end(path):
    reports = Reports(path)
    reports.part("fetching")
    reports.done(5, 9)
    reports.part("reading")
    now = read_progress(path)
    assert (now.state, now.message, now.done, now.total) == ("running", "reading", 0, 0)
    reports.done(3, 4)
    reports.end("walks")
    ended = read_progress(path)
    assert (ended.state, ended.message, ended.done, ended.total) == ("done", "walks", 4, 4)


def test_work_that_goes_on_counts_from_where_it_was_and_may_stop_again(path):
    reports = Reports(path, 10, done=4, every_s=0)
    assert read_progress(path).done == 4
    for done in (5, 6):  # at once
        reports.done(done)
        assert read_progress(path).done == done
    reports.stop("goes on from there")
    stopped = read_progress(path)
    assert (stopped.state, stopped.done, stopped.total, stopped.message) == ("stopped", 6, 10, "goes on from there")


def test_where_no_other_process_watches_there_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = []
    reports = Reports(None, 2, on_progress=told.append)
    reports.done(1)
    reports.end()
    assert [(progress.state, progress.done) for progress in told] == [("running", 0), ("running", 1), ("done", 2)]
    assert list(tmp_path.iterdir()) == []
