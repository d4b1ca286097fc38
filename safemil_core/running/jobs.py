"""Start, stop and watch trainings, which outlive the page or command that asked.

They wait in a queue for a worker (`running.worker`); whoever looks at them moves the queue on. The worker is not
imported here, so that pages can do without torch. What begins at once is in `running.tasks`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from safemil_core.data.database import Database
from safemil_core.errors import NotReady, OutOfRoom
from safemil_core.running.devices import limit_of_a_device
from safemil_core.running.job_store import Job, JobState, JobStore
from safemil_core.running.processes import start_process
from safemil_core.running.progress import Progress
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNotes
from safemil_core.running.runs import RunStore
from safemil_core.running.spares import has_spare, patience_s
from safemil_core.running.tasks import RUN_TASK_WORDS, Task
from safemil_core.workspace import Workspace

WORKER = "safemil_core.running.worker"
WAKE_AGAIN_AFTER_S = 10.0
"""A worker takes a second or two until it claims its job, and pages look every second."""
_woken_at: dict[Path, float] = {}
"""When this process last called workers to a workspace."""


def start_training(workspace: Workspace, run: Run, device: str = "auto") -> Job:
    """Have a run that `RunStore.create` made trained as soon as its device has room; once more does nothing."""
    store = JobStore(Database(workspace.database))
    is_new = store.enqueue(run.id, asked=device, author=run.info.author) is not None
    if is_new and _n_missing(workspace, store):
        _wake(workspace)
    return job_of(workspace, run)


def resume(workspace: Workspace, run: Run, device: str | None = None) -> Job:
    """Queue a run once more that was stopped, failed or died; it goes on from its last checkpoint.

    Raises:
        NotReady: as `resumable`.
    """
    return start_training(workspace, run, device or resumable(workspace, run).asked)


def resumable(workspace: Workspace, run: Run) -> Job:
    """The job of a run that can be resumed. Raises NotReady where it is queued, running or done."""
    job = job_of(workspace, run)
    if not job.can_resume:
        raise NotReady(f"run {run.id} is {job.state}; only one that was stopped, has failed or is lost can be resumed")
    return job


def stop(workspace: Workspace, run: Run) -> None:
    """Ask a training to finish: what it has learned by then is kept, and it can be resumed. A queued one just ends."""
    job = JobStore(Database(workspace.database)).ask_to_stop(run.id)
    if job is not None:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(job.pid, signal.SIGTERM)


def delete(workspace: Workspace, run: Run) -> None:
    """Remove a run, its job, and what was said of it; on a full disk too, where that is to make room.

    Raises:
        NotReady: it is being trained, or another task of it is at work.
        OutOfRoom: the disk is full, and it may be that a process trains it.
    """
    for task, words in RUN_TASK_WORDS.items():
        if Task.of_run(task, run).is_live:
            raise NotReady(f"{words} of run {run.id} is at work; stop it, or wait for it")
    try:
        _forget(workspace, run)
    except OutOfRoom:
        if run.is_held:
            raise
        RunStore(workspace).delete(run.id)
        _forget(workspace, run)
    else:
        RunStore(workspace).delete(run.id)


def _forget(workspace: Workspace, run: Run) -> None:
    database = Database(workspace.database)
    if not JobStore(database).delete(run.id):
        raise NotReady(f"run {run.id} is being trained; stop it first")
    RunNotes(database).forget(run.id)


def job_of(workspace: Workspace, run: Run) -> Job:
    """The training of a run: who does it, and how far it is."""
    return jobs_of(workspace, [run])[0]


def jobs_of(workspace: Workspace, runs: Sequence[Run]) -> list[Job]:
    """The training of each run."""
    found = advance(workspace).all()
    return [found.get(run.id) or _without_row(run) for run in runs]


def queue(workspace: Workspace) -> list[Job]:
    """The trainings that are at work, and after them those that wait, in their order."""
    living = [job for job in advance(workspace).all().values() if not job.is_finished]
    return sorted(living, key=lambda job: job.state == "queued")


def place_in_queue(job: Job, living: Sequence[Job]) -> int:
    """The place of a job among the living (`queue`) that wait for the same device, from 1; 0 where it does not wait."""
    waiting = [it.id for it in living if it.state == "queued" and it.device == job.device]
    return waiting.index(job.id) + 1 if job.id in waiting else 0


def advance(workspace: Workspace) -> JobStore:
    """Move the queue on: what has died is lost, and a worker comes where a job waits and its device has room."""
    store = JobStore(Database(workspace.database))
    n = _n_missing(workspace, store)
    if n and not _was_woken(workspace):
        for _ in range(n):
            _wake(workspace)
    return store


def keep_ready(workspace: Workspace) -> None:
    """Have a spare worker wait where somebody may soon start a training and none is at work: see `running.spares`."""
    store = JobStore(Database(workspace.database))
    is_busy = any(not job.is_finished for job in store.all().values())
    if is_busy or patience_s() == 0 or has_spare(workspace) or _was_woken(workspace):
        return
    _wake(workspace, "--spare")


def _n_missing(workspace: Workspace, store: JobStore) -> int:
    """How many workers are missing: for the jobs that could begin, beside the spare that waits."""
    n = store.n_claimable(limit_of_a_device())
    return n - 1 if n and has_spare(workspace) else n


def _was_woken(workspace: Workspace) -> bool:
    """Whether this process called a worker a moment ago."""
    return time.monotonic() - _woken_at.get(workspace.root, -WAKE_AGAIN_AFTER_S) < WAKE_AGAIN_AFTER_S


def _wake(workspace: Workspace, *how: str) -> None:
    """Call a worker; one too many finds nothing to do and goes."""
    _woken_at[workspace.root] = time.monotonic()
    start_process(workspace, workspace.workers_log, WORKER, *how)


def _without_row(run: Run) -> Job:
    """The training of a run that was never queued, or by a version that had no queue and kept progress in a file."""
    progress = run.old_progress or Progress("lost", message="it was never started; resume it")
    living = progress.state in ("starting", "running")
    return Job(
        id=0,
        subject=run.id,
        author=run.info.author,
        asked="auto",
        device=progress.device,
        state="running" if living else cast(JobState, progress.state),
        attempt=0,
        queued_at=progress.started_at,
        started_at=progress.started_at,
        updated_at=progress.updated_at,
        ended_at=0.0 if living else progress.updated_at,
        pid=progress.pid,
        born=progress.born,
        done=progress.done,
        total=progress.total,
        rate=0.0,
        message=progress.message,
    )
