"""Jobs: real processes, watched through their files as a page watches them."""

import os
import shutil
import signal
import time

import h5py
import imageio.v2 as imageio
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
from safemil_core.learning.model_files import load_policy
from safemil_core.running import jobs
from safemil_core.running.intakes import IntakeRequest
from safemil_core.running.progress import process_birth

LONG = TINY.with_values(["cost.updates=1000000", "policy.updates=1000000", "checkpoint_every=1000000"])
PATIENCE_S = 180
"""Only to end a test that would wait for ever; no test passes or fails by how long something takes."""


def wait(ask):
    """Poll until the answer is true, and return it."""
    deadline = time.time() + PATIENCE_S
    while not (answer := ask()):
        assert time.time() < deadline, "waited in vain"
        time.sleep(0.1)
    return answer


def ended(run):
    return wait(lambda: run.progress.is_finished and run.progress)


def test_a_training_runs_in_a_process_of_its_own_from_start_to_done(workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    jobs.start_training(workspace, run, "cpu")
    assert run.progress.state in ("starting", "running", "done")
    progress = ended(run)
    assert (progress.state, progress.done) == ("done", progress.total), run.log_tail()
    assert len(run.metrics()) == 3
    assert len(run.trajectories()) == 40
    load_policy(run.model("safe"))


def test_a_stop_keeps_what_is_learned(workspace):
    add_dataset(workspace)
    run = new_run(workspace, config=LONG)
    jobs.start_training(workspace, run, "cpu")
    wait(lambda: len(run.metrics()) > 0)
    assert run.progress.state == "running"
    jobs.stop(run)
    progress = ended(run)
    assert progress.state == "stopped", run.log_tail()
    assert 0 < progress.done < progress.total
    assert len(run.costs()) == 640
    assert "step_auc" in run.outcome
    load_policy(run.model("safe"))
    jobs.stop(run)  # once more does nothing
    assert run.progress == progress


def test_a_process_that_is_killed_leaves_a_lost_run(workspace):
    add_dataset(workspace)
    run = new_run(workspace, config=LONG)
    jobs.start_training(workspace, run, "cpu")
    progress = wait(lambda: run.progress.pid and run.progress)
    os.kill(progress.pid, signal.SIGKILL)
    assert ended(run).state == "lost"
    jobs.stop(run)  # nobody is hit
    assert process_birth(progress.pid) == ""


def test_a_job_that_fails_says_why_in_its_progress_and_log(workspace):
    info = add_dataset(workspace)
    run = new_run(workspace)
    shutil.rmtree(workspace.datasets / info.id)
    jobs.start_training(workspace, run, "cpu")
    progress = ended(run)
    assert progress.state == "failed"
    assert progress.message == "the folder of dataset 'walks' is gone from the workspace; import its file again"
    wait(lambda: "Traceback" in run.log_tail(100))


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
