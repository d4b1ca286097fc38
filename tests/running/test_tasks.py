"""Tasks that begin at once: real processes, watched as a page watches them."""

import os
import signal
import time

import h5py
import imageio.v2 as imageio
from factories import (
    CAR,
    CAR_CIRCLE,
    CAR_SIZES,
    add_dataset,
    dsrl_arrays,
    finished_car_run,
    new_run,
    save_untrained,
    store_of,
    write_dsrl,
)
from test_jobs import wait

from safemil_core.assessment.environments import FRAME_SIZE
from safemil_core.assessment.replays import read_replay
from safemil_core.learning.networks import Sizes
from safemil_core.running import tasks
from safemil_core.running.intakes import IntakeRequest
from safemil_core.running.progress import Progress, write_progress
from safemil_core.running.tasks import Task


def ended(task):
    """How a task ended."""
    return wait(lambda: (progress := task.progress) and progress.is_finished and progress)


def test_an_evaluation_of_an_unfinished_run_fails_in_words(workspace):
    add_dataset(workspace, env_id=CAR)
    run = new_run(workspace)
    tasks.start_evaluation(workspace, run, episodes=2, n_videos=0)
    progress = ended(Task.of_run("evaluate", run))
    assert progress.state == "failed"
    assert "has no safe.safetensors yet" in progress.message


def test_an_evaluation_rolls_out_both_policies_and_that_of_another_run(workspace):
    run = finished_car_run(workspace)
    other = new_run(workspace, "cars", marked=(0,))
    save_untrained(other.folder, Sizes(*CAR_SIZES))
    tasks.start_evaluation(workspace, run, episodes=1, n_videos=0, beside=[other])
    progress = ended(Task.of_run("evaluate", run))
    assert (progress.state, progress.done, progress.total) == ("done", 3, 3), progress.message
    report = run.evaluation
    assert report["policies"].keys() == {"safe", "bc", other.id}
    assert report["episodes"] == 1
    assert run.films() == []


def test_replays_are_rendered_in_the_background_in_the_order_of_the_wishes_and_cached(workspace):
    arrays = dsrl_arrays((70, 8, 8), *CAR_SIZES)
    with h5py.File(CAR_CIRCLE) as recorded:
        arrays["observations"] = recorded["observations"][1_000:1_086]
    info = add_dataset(workspace, "cars", arrays, env_id=CAR)
    assert tasks.want_replays(workspace, info, [2, 0]).state in ("starting", "running")
    task = Task.of_dataset("replay", workspace, info)
    progress = wait(lambda: (p := task.progress) and (p.done == 2 or p.is_finished) and p)
    assert progress.state == "running", progress.message  # it waits for another wish
    os.kill(progress.pid, signal.SIGTERM)
    assert tasks.want_replays(workspace, info, [0, 2]) is None  # both are there
    for trajectory, stride, n_frames in ((2, 1, 8), (0, 2, 35)):
        found = read_replay(workspace.replay(info.replays, trajectory))
        assert found.stride == stride
        with imageio.get_reader(found.video, format="mp4") as reader:
            assert reader.count_frames() == n_frames
            assert tuple(reader.get_meta_data()["size"]) == FRAME_SIZE
    assert read_replay(workspace.replay(info.replays, 1)) is None
    first, last = (workspace.replay(info.replays, trajectory).stat().st_mtime_ns for trajectory in (2, 0))
    assert first < last


def test_a_dataset_without_an_environment_has_no_replays_and_says_so_once(workspace):
    info = add_dataset(workspace)
    tasks.want_replays(workspace, info, [0])
    progress = ended(Task.of_dataset("replay", workspace, info))
    assert progress.state == "failed"
    assert "names no environment" in progress.message
    assert tasks.want_replays(workspace, info, [0]).state == "failed"  # it would only fail again


def test_replays_that_were_stopped_are_rendered_once_they_are_wished_for_again(workspace):
    info = add_dataset(workspace)
    task = Task.of_dataset("replay", workspace, info)
    write_progress(task.progress_file, Progress("stopped", updated_at=time.time()))
    assert tasks.want_replays(workspace, info, [0]).state == "starting"
    assert ended(task).state == "failed"  # it did begin: there is no environment


def test_nothing_is_known_of_replays_that_nobody_wished_for(workspace):
    assert Task.of_dataset("replay", workspace, add_dataset(workspace)).progress is None


def test_an_import_runs_in_the_background_and_says_which_dataset_came_of_it(workspace, tmp_path):
    path = write_dsrl(tmp_path / "walks.hdf5")
    intake = tasks.start_intake(workspace, IntakeRequest("path", (str(path),), author="ann", name="strolls"))
    progress = wait(lambda: intake.progress.is_finished and intake.progress)
    assert (progress.state, progress.message) == ("done", "strolls"), (intake.folder / "log.txt").read_text()
    assert store_of(workspace).info("strolls").n_trajectories == 3


def test_an_import_that_fails_says_why(workspace, tmp_path):
    (tmp_path / "notes.txt").write_text("no dataset")
    intake = tasks.start_intake(workspace, IntakeRequest("path", (str(tmp_path / "notes.txt"),), author="ann"))
    progress = wait(lambda: intake.progress.is_finished and intake.progress)
    assert progress.state == "failed"
    assert "notes.txt" in progress.message
