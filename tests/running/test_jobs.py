"""Jobs: real processes, watched as a page watches them."""

import gc
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from factories import TINY, add_dataset, fill, new_run

from safemil_core.data.database import Database
from safemil_core.errors import NotReady, OutOfRoom
from safemil_core.learning.model_files import load_policy
from safemil_core.running import jobs
from safemil_core.running.job_store import DIED, JobStore
from safemil_core.running.progress import Progress, process_birth, write_progress
from safemil_core.running.run_notes import RunNotes
from safemil_core.running.runs import RunStore
from safemil_core.running.tasks import Task
from safemil_core.workspace import Workspace

LONG = TINY.with_values(["cost.updates=1000000", "policy.updates=1000000", "checkpoint_every=1000000"])
PATIENCE_S = 180
"""Only to end a test that would wait for ever; no test passes or fails by how long something takes."""


def wait(ask, every_s=0.1):
    """Poll until the answer is true, and return it."""
    deadline = time.time() + PATIENCE_S
    while not (answer := ask()):
        assert time.time() < deadline, "waited in vain"
        time.sleep(every_s)
    return answer


@contextmanager
def held(run):
    """As by a worker; of a full disk the file has nothing in it."""
    (run.folder / "reserve").touch()
    try:
        yield
    finally:
        (run.folder / "reserve").unlink()


def ended(workspace, run):
    return wait(lambda: (job := jobs.job_of(workspace, run)).is_finished and job)


def test_a_place_is_among_those_that_wait_for_the_same_device(workspace):
    def job(number, device, state):
        return replace(jobs.job_of(workspace, run), id=number, device=device, state=state)

    add_dataset(workspace)
    run = new_run(workspace)
    living = [job(1, "cpu", "running"), job(2, "cpu", "queued"), job(3, "cuda", "queued"), job(4, "cpu", "queued")]
    assert [jobs.place_in_queue(each, living) for each in living] == [0, 1, 1, 2]
    assert jobs.place_in_queue(job(5, "cpu", "queued"), living) == 0


def test_trainings_run_one_after_the_other_whether_anybody_looks_or_not(workspace):
    add_dataset(workspace)
    first, second = new_run(workspace), new_run(workspace)
    assert jobs.start_training(workspace, first, "cpu").attempt == 1
    jobs.start_training(workspace, second, "cpu")
    jobs.start_training(workspace, second, "cpu")  # once more does nothing
    store = JobStore(Database(workspace.database))
    job = wait(lambda: (found := store.find(second.id)).is_finished and found)
    assert (job.state, job.done, job.total, job.device, job.attempt) == ("done", 50, 50, "cpu", 1), second.log_tail()
    before = store.find(first.id)
    assert before.state == "done"
    assert before.ended_at <= job.started_at
    assert before.pid != job.pid
    assert len(second.metrics()) == 5
    assert len(second.trajectories()) == 40
    load_policy(second.model("safe"))
    assert re.fullmatch(
        r"\S+ \S+ attempt 1 begins in process \d+\n\S+ \S+ training on cpu from the beginning\n"
        r"\S+ \S+ done after 50 updates",
        second.log_tail(),
    )
    assert workspace.workers_log.read_text() == ""


def test_what_is_stopped_keeps_what_it_learned_and_can_be_resumed(workspace):
    add_dataset(workspace)
    run, waiting = new_run(workspace, config=LONG), new_run(workspace)
    jobs.start_training(workspace, run, "cpu")
    wait(lambda: len(run.metrics()) > 0)
    jobs.start_training(workspace, waiting, "cpu")
    jobs.stop(workspace, waiting)
    assert jobs.job_of(workspace, waiting).state == "stopped"
    assert jobs.job_of(workspace, run).state == "running"
    with pytest.raises(NotReady, match=f"run {run.id} is being trained; stop it first"):
        jobs.delete(workspace, run)
    with pytest.raises(NotReady, match=f"run {run.id} is running; only one that was stopped"):
        jobs.resume(workspace, run)
    jobs.stop(workspace, run)
    jobs.stop(workspace, run)  # its process has been told
    job = ended(workspace, run)
    assert (job.state, job.message) == ("stopped", ""), run.log_tail()
    assert 0 < job.done < job.total
    assert len(run.costs()) == 640
    assert "step_auc" in run.outcome
    load_policy(run.model("safe"))
    assert int(run.checkpoints()[0].stem) == job.done

    assert jobs.resume(workspace, run).attempt == 2
    going = wait(lambda: (now := jobs.job_of(workspace, run)).done > job.done and now)
    assert (going.attempt, going.state) == (2, "running")
    assert f"training on cpu from the checkpoint after {job.done} updates" in run.log_tail()
    assert run.outcome == {}
    os.kill(going.pid, signal.SIGKILL)
    lost = ended(workspace, run)
    assert (lost.state, lost.message) == ("lost", DIED)
    assert process_birth(going.pid) == ""
    jobs.stop(workspace, run)  # nobody is hit
    jobs.delete(workspace, run)
    assert [found.id for found in RunStore(workspace).list()] == [waiting.id]
    assert JobStore(Database(workspace.database)).all().keys() == {waiting.id}


DASHBOARD = """
import sys, time
from pathlib import Path
from safemil_core.running import jobs
from safemil_core.running.run_notes import RunNotes
from safemil_core.running.runs import RunStore
from safemil_core.running.tasks import Task
from safemil_core.workspace import Workspace
from safemil_core.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]))
runs = RunStore(workspace).list()
input()
for run in runs:
    jobs.start_training(workspace, run, "cpu")
while not all(job.is_finished for job in jobs.jobs_of(workspace, runs)):
    time.sleep(0.05)
"""


def test_two_dashboards_start_every_run_once_also_when_one_of_them_is_killed(workspace, monkeypatch):
    monkeypatch.setenv("SAFEMIL_JOBS_PER_DEVICE", "2")
    add_dataset(workspace)
    runs = [new_run(workspace) for _ in range(3)]
    command = [sys.executable, "-c", DASHBOARD, str(workspace.root)]
    dashboards = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(2)]
    for dashboard in dashboards:  # both wait for their line, so that they begin together
        dashboard.stdin.write("\n")
        dashboard.stdin.flush()
    store = JobStore(Database(workspace.database))
    wait(lambda: any(job.pid for job in store.all().values()))
    dashboards[0].kill()
    dashboards[1].communicate()
    assert dashboards[1].returncode == 0
    dashboards[0].communicate()
    found = store.all()
    assert {(job.state, job.attempt) for job in found.values()} == {("done", 1)}
    assert len({job.pid for job in found.values()}) == 3
    for run in runs:
        assert run.log_tail(100).count("begins in process") == 1
    for job in found.values():
        at_its_start = [other for other in found.values() if other.started_at <= job.started_at < other.ended_at]
        assert len(at_its_start) <= 2


def test_runs_of_versions_without_a_queue_are_listed_as_they_ended(workspace):
    add_dataset(workspace)
    never, done, failed, died = (new_run(workspace) for _ in range(4))
    write_progress(done.folder / "progress.json", Progress("done", 30, 30, 100.0, 160.0, 7, "1", "cpu"))
    write_progress(failed.folder / "progress.json", Progress("failed", message="no memory"))
    write_progress(died.folder / "progress.json", Progress("running", 5, 30, 100.0, 160.0, 7, "another birth", "cpu"))
    found = jobs.jobs_of(workspace, [never, done, failed, died])
    assert [job.state for job in found] == ["lost", "done", "failed", "lost"]
    assert [job.subject for job in found] == [never.id, done.id, failed.id, died.id]
    assert (found[1].done, found[1].total, found[1].seconds, found[1].device) == (30, 30, 60, "cpu")
    assert found[2].message == "no memory"
    assert [job.can_resume for job in found] == [True, False, True, True]
    jobs.stop(workspace, died)
    jobs.delete(workspace, done)
    assert done.id not in [run.id for run in RunStore(workspace).list()]


def test_a_run_is_not_deleted_under_a_task_that_works_on_it(workspace):
    add_dataset(workspace)
    run, now = new_run(workspace), time.time()
    task, me = Task.of_run("evaluate", run), os.getpid()
    task.folder.mkdir(exist_ok=True)
    write_progress(task.progress_file, Progress("running", updated_at=now, pid=me, born=process_birth(me)))
    with pytest.raises(NotReady, match=f"an evaluation of run {run.id} is at work; stop it, or wait for it"):
        jobs.delete(workspace, run)
    write_progress(task.progress_file, Progress("done"))
    jobs.delete(workspace, run)
    assert not run.folder.exists()


def test_a_run_can_be_deleted_to_make_room_on_a_full_disk_unless_it_may_be_trained(small_disk):
    workspace = Workspace(small_disk / "workspace")
    add_dataset(workspace)
    run = new_run(workspace)
    JobStore(Database(workspace.database)).enqueue(run.id, asked="cpu", author="ann")
    RunNotes(Database(workspace.database)).write(run.id, author="ann", name="the first")
    run.model_file("cost").write_bytes(bytes(2**20))
    gc.collect()  # nobody has the database open, whose helper files would be there already
    fill(small_disk / "filler")
    with pytest.raises(OutOfRoom, match="the disk is full; free some space"), held(run):
        jobs.delete(workspace, run)
    jobs.delete(workspace, run)
    assert not run.folder.exists()
    assert run.id not in JobStore(Database(workspace.database)).all()
    assert run.id not in RunNotes(Database(workspace.database)).all()
