"""How a task's process is stopped, wherever the signal finds it."""

import errno
import signal
import subprocess
import sys
import time
from dataclasses import replace
from threading import Barrier, Thread

import pytest
from factories import add_dataset

from safemil_core.errors import NotReady
from safemil_core.running import pipeline, replay_stage, tasks
from safemil_core.running.progress import Progress, Reports, begin, write_progress
from safemil_core.running.tasks import Task


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """What a process sets for itself must not stay in the tests' one."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def wait_to_be_stopped():
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.001)


def test_a_stop_leaves_at_once():
    pipeline.heed_stopping()
    with pytest.raises(SystemExit, match="stopped before it was done"):
        signal.raise_signal(signal.SIGTERM)


def test_a_stop_that_arrives_in_a_finalizer_is_not_lost():
    class StoppedAsItGoes:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    pipeline.heed_stopping()
    with pytest.raises(SystemExit, match="stopped before it was done"):
        StoppedAsItGoes()
        wait_to_be_stopped()


def test_a_second_stop_does_not_disturb_the_leaving():
    pipeline.heed_stopping()
    with pytest.raises(SystemExit):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            is_tidy = True
    assert is_tidy


def test_a_stop_before_the_process_is_there_is_heeded_once_it_is(workspace):
    task = Task.of_dataset("replay", workspace, add_dataset(workspace))
    write_progress(task.progress_file, Progress("starting", updated_at=time.time()))
    tasks.stop(task)
    assert (task.progress.state, task.progress.message) == ("stopped", "stopped before it was done")
    assert pipeline.main(["--workspace", str(workspace.root), "replay", "walks"]) == 1
    assert task.progress.state == "stopped"


def test_what_is_asked_for_twice_at_once_begins_once(workspace, monkeypatch):
    task, begun, together = Task.of_dataset("replay", workspace, add_dataset(workspace)), [], Barrier(2)
    monkeypatch.setattr(tasks, "start_process", lambda *arguments: begun.append(arguments))

    def ask():
        together.wait()
        tasks.start(workspace, task, prepare=lambda: time.sleep(0.05))

    dashboards = [Thread(target=ask) for _ in range(2)]
    for dashboard in dashboards:
        dashboard.start()
    for dashboard in dashboards:
        dashboard.join()
    assert len(begun) == 1


def test_what_is_asked_for_while_somebody_else_is_about_to_begin_it_is_refused_and_begins_once(workspace, monkeypatch):
    task, begun = Task.of_dataset("replay", workspace, add_dataset(workspace)), []
    monkeypatch.setattr(tasks, "start_process", lambda *arguments: begun.append(arguments))
    monkeypatch.setattr(tasks, "PATIENCE_S", 0.05)

    def ask_again():
        with pytest.raises(NotReady, match="another program has been starting or stopping 'replay' of walks for more"):
            tasks.start(workspace, task)

    tasks.start(workspace, task, prepare=ask_again)
    assert len(begun) == 1


def test_a_process_that_comes_to_what_another_is_at_leaves_it_alone(workspace, monkeypatch):
    task, done = Task.of_dataset("replay", workspace, add_dataset(workspace)), []
    monkeypatch.setattr(replay_stage, "render_replays", lambda *_: done.append("rendered"))
    other = begin(7, "cpu")
    write_progress(task.progress_file, other)
    assert pipeline.main(["--workspace", str(workspace.root), "replay", "walks"]) == 1
    assert (task.progress, done) == (other, [])
    write_progress(task.progress_file, replace(other, born="another"))  # that had this number and has died
    assert pipeline.main(["--workspace", str(workspace.root), "replay", "walks"]) == 0
    assert done == ["rendered"]


@pytest.mark.parametrize(
    ("ends_by", "said"),
    [(SystemExit("stopped before it was done"), "stopped before it was done"), (ValueError("no"), "ValueError: no")],
)
def test_however_a_task_ends_it_is_said_how_far_it_was(workspace, monkeypatch, ends_by, said):
    task = Task.of_dataset("replay", workspace, add_dataset(workspace))

    def render(*_):
        reports = Reports(task.progress_file, total=7, every_s=0)
        reports.done(3)
        raise ends_by

    monkeypatch.setattr(replay_stage, "render_replays", render)
    assert pipeline.main(["--workspace", str(workspace.root), "replay", "walks"]) == 1
    progress = task.progress
    assert (progress.done, progress.total, progress.message) == (3, 7, said)
    assert progress.seconds > 0


def test_what_a_stopped_task_says_itself_stands(workspace, monkeypatch):
    task = Task.of_dataset("replay", workspace, add_dataset(workspace))

    def render(*_):
        write_progress(task.progress_file, Progress("stopped", 1, 4, message="one is done"))
        raise SystemExit("stopped before it was done")

    monkeypatch.setattr(replay_stage, "render_replays", render)
    assert pipeline.main(["--workspace", str(workspace.root), "replay", "walks"]) == 1
    assert (task.progress.done, task.progress.total, task.progress.message) == (1, 4, "one is done")


def test_a_full_disk_fails_a_task_in_words(workspace, monkeypatch):
    def render(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(replay_stage, "render_replays", render)
    task = Task.of_dataset("replay", workspace, add_dataset(workspace))
    assert pipeline.main(["--workspace", str(workspace.root), "replay", "walks"]) == 1
    assert task.progress.state == "failed"
    assert task.progress.message.startswith("the disk is full; free some space")


def test_what_else_goes_wrong_in_a_finalizer_is_printed_as_ever():
    program = """
from safemil_core.running.pipeline import heed_stopping
class Broken:
    def __del__(self):
        raise ValueError("as it went")
heed_stopping()
Broken()
print("still here")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ValueError: as it went" in ended.stderr
    assert ended.stdout == "still here\n"
