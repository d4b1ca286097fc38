"""A worker does a job, and however the job ends, its row says so: also when disk, memory, data or numbers give out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from factories import TINY, add_dataset, crossing_arrays, fill, new_run
from test_jobs import wait

from safemil_core.config import RunConfig
from safemil_core.data.database import Database
from safemil_core.errors import NotFound, NotReady, OutOfRoom
from safemil_core.learning.model_files import load_state
from safemil_core.running.job_store import Job, JobStore
from safemil_core.running.run_folder import Run
from safemil_core.running.worker import train_here
from safemil_core.workspace import Workspace
from tests.running.conftest import Workers

ENDLESS = TINY.with_values(
    ["cost.updates=1000000", "policy.updates=1000000", "cost.hidden_sizes=[64]", "log_every=5", "checkpoint_every=50"]
)


def queue(workspace: Workspace, run: Run) -> JobStore:
    jobs = JobStore(Database(workspace.database))
    assert jobs.enqueue(run.id, asked="cpu", author="ann")
    return jobs


def done_by(workers: Workers, workspace: Workspace, run: Run, spare_memory: int | None = None) -> Job:
    """The job of a run as a worker leaves it."""
    jobs = queue(workspace, run)
    workers.start(workspace, spare_memory)
    assert workers.has_ended_well()
    job = jobs.find(run.id)
    assert job is not None
    return job


def test_a_full_disk_fails_the_job_and_leaves_its_last_checkpoint(small_disk: Path, workers: Workers) -> None:
    workspace = Workspace(small_disk / "workspace")
    add_dataset(workspace)
    run = new_run(workspace, config=ENDLESS)
    jobs = queue(workspace, run)
    pid = workers.start(workspace)
    wait(lambda: len(run.checkpoints()) == 2)
    os.kill(pid, signal.SIGSTOP)  # or what it lets go of to say its last words might be filled too
    fill(small_disk / "filler")
    os.kill(pid, signal.SIGCONT)
    assert workers.has_ended_well()
    job = jobs.find(run.id)
    assert job is not None
    assert job.state == "failed"
    assert job.message.startswith("the disk is full; free some space")
    (newest, _), updates = run.checkpoints(), run.metrics()["update"]
    load_state(newest)
    assert updates.is_monotonic_increasing
    assert updates.iloc[-1] >= int(newest.stem)
    assert not list(run.folder.rglob("*.tmp"))

    (small_disk / "filler").unlink()
    jobs.enqueue(run.id, asked="cpu", author="ann")
    pid = workers.start(workspace)
    wait(lambda: run.checkpoints()[0] > newest)
    jobs.ask_to_stop(run.id)
    subprocess.run(["kill", str(pid)], check=True)
    assert workers.has_ended_well()
    assert f"from the checkpoint after {int(newest.stem)} updates" in run.log_tail(100)
    again = jobs.find(run.id)
    assert again is not None
    assert (again.state, again.attempt) == ("stopped", 2)
    assert run.has_policies


def test_too_little_memory_fails_the_job_in_words(workspace: Workspace, workers: Workers) -> None:
    add_dataset(workspace)
    huge = new_run(workspace, config=TINY.with_values(["cost.network=mlp", "cost.hidden_sizes=[8192,8192]"]))
    job = done_by(workers, workspace, huge, spare_memory=2**28)
    assert job.state == "failed"
    assert job.message.startswith("there is not enough memory on this device; train again with a smaller")
    assert "Traceback" in huge.log_tail(200)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_too_little_memory_on_a_gpu_fails_the_job_in_words(workspace: Workspace) -> None:
    add_dataset(workspace)
    run = new_run(workspace, config=TINY.with_values(["cost.network=mlp", "cost.hidden_sizes=[8192,8192]"]))
    torch.cuda.set_per_process_memory_fraction(1e-3)
    try:
        with pytest.raises(OutOfRoom, match="there is not enough memory on this device"):
            train_here(workspace, run, "cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    job = JobStore(Database(workspace.database)).find(run.id)
    assert job is not None
    assert (job.state, job.device) == ("failed", "cuda:0")


def test_a_vanished_dataset_fails_the_job_in_words_until_it_is_back(workspace: Workspace, workers: Workers) -> None:
    info = add_dataset(workspace)
    run = new_run(workspace)
    folder = workspace.datasets / info.id
    (folder / "observations.npy").unlink()
    assert done_by(workers, workspace, run).message == (
        "observations.npy of dataset 'walks' is gone from the workspace; "
        f"remove the folder datasets/{info.id} in it and import its file again"
    )
    shutil.rmtree(folder)
    job = done_by(workers, workspace, run)
    assert (job.state, job.attempt) == ("failed", 2)
    assert job.message == "the folder of dataset 'walks' is gone from the workspace; import its file again"
    add_dataset(workspace)
    assert done_by(workers, workspace, run).state == "done"


def test_numbers_that_overflow_fail_the_job_in_words(workspace: Workspace, workers: Workers) -> None:
    arrays = crossing_arrays()
    arrays["observations"][:, 1] = np.finfo(np.float32).min
    arrays["observations"][::7, 1] = np.finfo(np.float32).max
    add_dataset(workspace, arrays=arrays)
    run = new_run(workspace)
    job = done_by(workers, workspace, run)
    assert job.state == "failed"
    assert "no number" in job.message


def test_a_job_whose_run_is_gone_fails_and_the_next_is_done(workspace: Workspace, workers: Workers) -> None:
    add_dataset(workspace)
    run = new_run(workspace)
    shutil.rmtree(run.folder)
    job = done_by(workers, workspace, run)
    assert (job.state, job.message) == ("failed", f"there is no run {run.id!r}; `safemil runs` lists them")


def test_a_worker_without_a_job_just_goes(workspace: Workspace, workers: Workers) -> None:
    workers.start(workspace)
    assert workers.has_ended_well()


def test_a_run_trained_here_has_a_job_too(workspace: Workspace) -> None:
    add_dataset(workspace)
    run = new_run(workspace)
    reports: list[Job] = []
    job = train_here(workspace, run, "cpu", reports.append)
    assert (job.state, job.done, job.total, job.device) == ("done", 50, 50, "cpu")
    assert [report.done for report in reports] == [0, 10, 20, 30, 40, 50, 50]
    assert all(report.rate > 0 for report in reports[1:])
    assert reports[-1] == job == JobStore(Database(workspace.database)).find(run.id)
    with pytest.raises(NotReady, match=f"run {run.id} is queued, being trained or done"):
        train_here(workspace, run, "cpu")


def test_a_run_trained_here_that_fails_says_so_in_its_row(workspace: Workspace) -> None:
    info = add_dataset(workspace)
    run = new_run(workspace, config=RunConfig())
    shutil.rmtree(workspace.datasets / info.id)
    with pytest.raises(NotFound, match="the folder of dataset 'walks' is gone"):
        train_here(workspace, run, "cpu")
    job = JobStore(Database(workspace.database)).find(run.id)
    assert job is not None
    assert (job.state, job.can_resume) == ("failed", True)
