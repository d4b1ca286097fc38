"""Killed at any moment, a run loses at most the updates since its last checkpoint, and comes to the same bits."""

import os
import random
import signal
import time
from contextlib import suppress

import pytest
from factories import TINY, add_dataset, new_run, store_of
from test_jobs import wait

from safemil_core.data.database import Database
from safemil_core.running.job_store import JobStore
from safemil_core.running.run_folder import MODELS
from safemil_core.running.runs import RunStore
from safemil_core.running.training_stage import train_run

KILLS = int(os.environ.get("SAFEMIL_KILLS", "8"))
OFTEN = TINY.with_values(["cost.updates=60", "policy.updates=60", "log_every=1", "checkpoint_every=7"])
SETTINGS = {
    "one after the other": [],
    "in turn, two members": ["schedule=alternate", "cost.members=2", "cost.failure_modes=2"],
}


def files_of(run):
    return {model: run.model(model).read_bytes() for model in MODELS}


def rows_of(run):
    return run.metrics().drop(columns="seconds").set_index("update").to_csv()


def is_killed(workers, workspace, run, rng, *, in_training):
    """Begins the job of a run and kills its process, in training or at any moment, unless it ends before."""
    jobs, had = JobStore(Database(workspace.database)), run.checkpoints()
    pid = workers.start(workspace)
    if in_training:
        wait(lambda: run.checkpoints() != had or jobs.find(run.id).is_finished, every_s=0.001)
    time.sleep(rng.uniform(0, 0.1 if in_training else 0.5))
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return not workers.has_ended_well()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_run_killed_at_random_moments_comes_to_the_same_networks(workspace, workers, settings):
    add_dataset(workspace)
    datasets, runs, jobs = store_of(workspace), RunStore(workspace), JobStore(Database(workspace.database))
    uninterrupted = new_run(workspace, config=OFTEN.with_values(settings))
    assert train_run(workspace, uninterrupted, "cpu")
    rng, n_killed, n_resumed = random.Random(7), 0, 0
    while n_killed < KILLS:
        run = runs.repeat(uninterrupted, datasets.info("walks"), datasets.labels("walks"), author="ann")
        jobs.enqueue(run.id, asked="cpu", author="ann")
        while not (job := jobs.find(run.id)).is_finished:
            assert job.state == "queued"
            if n_killed == KILLS:
                workers.start(workspace)
                assert workers.has_ended_well()
            elif is_killed(workers, workspace, run, rng, in_training=n_killed % 2 == 1):
                n_killed += 1
                jobs.n_claimable(1)  # whoever looks next marks it as lost, unless it was killed before its claim
                if jobs.find(run.id).state == "lost":
                    assert jobs.enqueue(run.id, asked="cpu", author="ann").attempt == job.attempt + 1
                    n_resumed += bool(run.checkpoints())
        assert job.state == "done", run.log_tail()
        assert files_of(run) == files_of(uninterrupted)
        assert rows_of(run) == rows_of(uninterrupted)
        assert not list(run.folder.rglob("*.tmp"))
        assert len(run.checkpoints()) == 2
    assert n_resumed > 0
