"""Killed at any moment, a run loses at most the updates since its last checkpoint, and comes to the same bits."""

import os
import random
import signal
import time
from contextlib import suppress

from factories import TINY, add_dataset, new_run, store_of

from safemil_core.data.database import Database
from safemil_core.running.job_store import JobStore
from safemil_core.running.runs import MODELS, RunStore
from safemil_core.running.training_stage import train_run

KILLS = int(os.environ.get("SAFEMIL_KILLS", "15"))
CONFIG = TINY.with_values(["cost.updates=60", "policy.updates=60", "log_every=1", "checkpoint_every=7"])


def files_of(run):
    return {model: run.model(model).read_bytes() for model in MODELS}


def rows_of(run):
    return run.metrics().drop(columns="seconds").set_index("update").to_csv()


def test_a_run_killed_at_random_moments_comes_to_the_same_networks(workspace, workers):
    add_dataset(workspace)
    datasets, runs, jobs = store_of(workspace), RunStore(workspace), JobStore(Database(workspace.database))
    uninterrupted = new_run(workspace, config=CONFIG)
    assert train_run(workspace, uninterrupted, "cpu")
    expected, rows = files_of(uninterrupted), rows_of(uninterrupted)
    rng, n_killed, n_resumed, took = random.Random(7), 0, 0, 0.5
    while n_killed < KILLS:
        run = runs.repeat(uninterrupted, datasets.info("walks"), datasets.labels("walks"), author="ann")
        jobs.enqueue("train", run.id, asked="cpu", author="ann")
        while not (job := jobs.find("train", run.id)).is_finished:
            assert job.state == "queued"
            begun, pid = time.monotonic(), workers.start(workspace)
            if n_killed < KILLS:
                time.sleep(rng.uniform(0, took))
                with suppress(ProcessLookupError):  # it was quicker
                    os.kill(pid, signal.SIGKILL)
            if workers.has_ended_well():
                took = time.monotonic() - begun
                continue
            n_killed += 1
            before = run.checkpoints()
            jobs.n_claimable(1)  # whoever looks next marks it as lost, unless it was killed before it had claimed it
            state = jobs.find("train", run.id).state
            assert state in ("lost", "queued", "done")
            if state == "lost":
                assert jobs.enqueue("train", run.id, asked="cpu", author="ann").attempt == job.attempt + 1
                n_resumed += bool(before)
        assert job.state == "done", run.log_tail()
        assert files_of(run) == expected
        assert rows_of(run) == rows
        assert not list(run.folder.rglob("*.tmp"))
        assert len(run.checkpoints()) == 2
    assert n_resumed > KILLS / 4  # many died in the middle of training
