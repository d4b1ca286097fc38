"""Jobs: real processes, watched as a page watches them."""

import os
import re
import signal
import subprocess
import sys
import time

import h5py
import imageio.v2 as imageio
import pytest
from factories import (
    CAR,
    CAR_CIRCLE,
    CAR_SIZES,
    TINY,
    add_dataset,
    dsrl_arrays,
    finished_car_run,
    new_run,
    store_of,
    write_dsrl,
)

from safemil_core.assessment.environments import FRAME_SIZE
from safemil_core.assessment.replays import read_replay
from safemil_core.data.database import Database
from safemil_core.errors import NotReady
from safemil_core.learning.model_files import load_policy
from safemil_core.running import jobs
from safemil_core.running.intakes import IntakeRequest
from safemil_core.running.job_store import DIED, JobStore
from safemil_core.running.progress import Progress, process_birth, write_progress
from safemil_core.running.runs import RunStore

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


def ended(workspace, run):
    return wait(lambda: (job := jobs.job_of(workspace, run)).is_finished and job)


def test_trainings_run_one_after_the_other_whether_anybody_looks_or_not(workspace):
    add_dataset(workspace)
    first, second = new_run(workspace), new_run(workspace)
    assert jobs.start_training(workspace, first, "cpu").state == "queued"
    jobs.start_training(workspace, second, "cpu")
    jobs.start_training(workspace, second, "cpu")  # once more does nothing
    store = JobStore(Database(workspace.database))
    job = wait(lambda: (found := store.find("train", second.id)).is_finished and found)
    assert (job.state, job.done, job.total, job.device, job.attempt) == ("done", 50, 50, "cpu", 1), second.log_tail()
    before = store.find("train", first.id)
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

    assert jobs.resume(workspace, run).state == "queued"
    assert run.outcome != {}
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
    assert JobStore(Database(workspace.database)).all("train").keys() == {waiting.id}


DASHBOARD = """
import sys, time
from pathlib import Path
from safemil_core.running import jobs
from safemil_core.running.runs import RunStore
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
    wait(lambda: any(job.pid for job in store.all("train").values()))
    dashboards[0].kill()
    dashboards[1].communicate()
    assert dashboards[1].returncode == 0
    dashboards[0].communicate()
    found = store.all("train")
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


def test_an_evaluation_of_an_unfinished_run_fails_in_words(workspace):
    add_dataset(workspace, env_id=CAR)
    run = new_run(workspace)
    jobs.start_evaluation(workspace, run, episodes=2, n_videos=0)
    progress = wait(lambda: run.evaluation_progress.is_finished and run.evaluation_progress)
    assert progress.state == "failed"
    assert "has no safe.safetensors yet" in progress.message


def test_an_evaluation_rolls_out_both_policies(workspace):
    run = finished_car_run(workspace)
    jobs.start_evaluation(workspace, run, episodes=1, n_videos=0)
    progress = wait(lambda: run.evaluation_progress.is_finished and run.evaluation_progress)
    assert (progress.state, progress.done, progress.total) == ("done", 2, 2), progress.message
    report = run.evaluation
    assert report["policies"].keys() == {"safe", "bc"}
    assert report["episodes"] == 1
    assert run.videos() == []


def test_replays_are_rendered_in_the_background_in_the_order_of_the_wishes_and_cached(workspace):
    arrays = dsrl_arrays((70, 8, 8), *CAR_SIZES)
    with h5py.File(CAR_CIRCLE) as recorded:
        arrays["observations"] = recorded["observations"][1_000:1_086]
    info = add_dataset(workspace, "cars", arrays, env_id=CAR)
    assert jobs.want_replays(workspace, info, [2, 0]).state in ("starting", "running")
    wait(lambda: jobs.replay_progress(workspace, info).done == 2 or jobs.replay_progress(workspace, info).is_finished)
    progress = jobs.replay_progress(workspace, info)
    assert progress.state == "running", progress.message  # it waits for another wish
    os.kill(progress.pid, signal.SIGTERM)
    assert jobs.want_replays(workspace, info, [0, 2]) is None  # both are there
    for trajectory, stride, n_frames in ((2, 1, 8), (0, 2, 35)):
        found = read_replay(workspace.replay(info.id, trajectory))
        assert found.stride == stride
        with imageio.get_reader(found.video, format="mp4") as reader:
            assert reader.count_frames() == n_frames
            assert tuple(reader.get_meta_data()["size"]) == FRAME_SIZE
    assert read_replay(workspace.replay(info.id, 1)) is None
    first, last = (workspace.replay(info.id, trajectory).stat().st_mtime_ns for trajectory in (2, 0))
    assert first < last


def test_a_dataset_without_an_environment_has_no_replays_and_says_so_once(workspace):
    info = add_dataset(workspace)
    jobs.want_replays(workspace, info, [0])
    progress = wait(lambda: jobs.replay_progress(workspace, info).is_finished and jobs.replay_progress(workspace, info))
    assert progress.state == "failed"
    assert "names no environment" in progress.message
    assert jobs.want_replays(workspace, info, [0]).state == "failed"  # it would only fail again


def test_nothing_is_known_of_replays_that_nobody_wished_for(workspace):
    assert jobs.replay_progress(workspace, add_dataset(workspace)) is None


def test_an_import_runs_in_the_background_and_says_which_dataset_came_of_it(workspace, tmp_path):
    path = write_dsrl(tmp_path / "walks.hdf5")
    intake = jobs.start_intake(workspace, IntakeRequest("path", (str(path),), author="ann", name="strolls"))
    progress = wait(lambda: intake.progress.is_finished and intake.progress)
    assert (progress.state, progress.message) == ("done", "strolls"), (intake.folder / "log.txt").read_text()
    assert store_of(workspace).info("strolls").n_trajectories == 3


def test_an_import_that_fails_says_why(workspace, tmp_path):
    (tmp_path / "notes.txt").write_text("no dataset")
    intake = jobs.start_intake(workspace, IntakeRequest("path", (str(tmp_path / "notes.txt"),), author="ann"))
    progress = wait(lambda: intake.progress.is_finished and intake.progress)
    assert progress.state == "failed"
    assert "notes.txt" in progress.message
