"""Start, stop and watch what runs in processes of its own, which outlive the page or command that asked.

Trainings wait in a queue for a worker (`running.worker`); whoever looks at them moves the queue on. The other tasks
begin at once (`running.pipeline`). Neither is imported here, so that pages can do without torch.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.errors import NotReady
from safemil_core.running.devices import limit_of_a_device
from safemil_core.running.intakes import Intake, IntakeRequest, IntakeStore
from safemil_core.running.job_store import Job, JobState, JobStore
from safemil_core.running.progress import Progress, is_alive, read_progress, write_progress
from safemil_core.running.requirements import require_learnable
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNotes
from safemil_core.running.runs import RunStore
from safemil_core.running.spares import has_spare, patience_s
from safemil_core.workspace import Workspace, whole_file

PIPELINE, WORKER = "safemil_core.running.pipeline", "safemil_core.running.worker"
RETRY_AFTER_S = 60.0
WAKE_AGAIN_AFTER_S = 10.0
"""A worker takes a second or two until it claims its job, and pages look every second."""
_children: list[subprocess.Popen[bytes]] = []
"""Only to collect the exit status of our own children; losing it is harmless."""
_woken_at: dict[Path, float] = {}
"""When this process last called workers to a workspace."""


def start_training(workspace: Workspace, run: Run, device: str = "auto") -> Job:
    """Have a run that `RunStore.create` made trained as soon as its device has room; once more does nothing."""
    store = JobStore(Database(workspace.database))
    is_new = store.enqueue("train", run.id, asked=device, author=run.info.author) is not None
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
    job = JobStore(Database(workspace.database)).ask_to_stop("train", run.id)
    if job is not None:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(job.pid, signal.SIGTERM)


def delete(workspace: Workspace, run: Run) -> None:
    """Remove a run, its job, and what was said of it.

    Raises:
        NotReady: it is being trained.
    """
    database = Database(workspace.database)
    if not JobStore(database).delete("train", run.id):
        raise NotReady(f"run {run.id} is being trained; stop it first")
    RunNotes(database).forget(run.id)
    RunStore(workspace).delete(run.id)


def job_of(workspace: Workspace, run: Run) -> Job:
    """The training of a run: who does it, and how far it is."""
    return jobs_of(workspace, [run])[0]


def jobs_of(workspace: Workspace, runs: Sequence[Run]) -> list[Job]:
    """The training of each run."""
    found = advance(workspace).all("train")
    return [found.get(run.id) or _without_row(run) for run in runs]


def queue(workspace: Workspace) -> list[Job]:
    """The trainings that are at work, and after them those that wait, in their order."""
    living = [job for job in advance(workspace).all("train").values() if not job.is_finished]
    return sorted(living, key=lambda job: job.state == "queued")


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
    is_busy = any(not job.is_finished for job in store.all("train").values())
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
    _start(workspace, workspace.workers_log, WORKER, *how)


def _without_row(run: Run) -> Job:
    """The training of a run that was never queued, or by a version that had no queue and kept progress in a file."""
    progress = run.old_progress or Progress("lost", message="it was never started; resume it")
    living = progress.state in ("starting", "running")
    return Job(
        id=0,
        kind="train",
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


def start_evaluation(workspace: Workspace, run: Run, episodes: int, n_videos: int) -> None:
    """Roll out a finished run's policies and render the first episodes."""
    folder = run.folder / "evaluation"
    folder.mkdir(exist_ok=True)
    now = time.time()
    write_progress(folder / "progress.json", Progress("starting", total=episodes, started_at=now, updated_at=now))
    _start(
        workspace,
        folder / "log.txt",
        PIPELINE,
        "evaluate",
        run.id,
        "--episodes",
        str(episodes),
        "--videos",
        str(n_videos),
    )


def start_intake(workspace: Workspace, request: IntakeRequest) -> Intake:
    """Have a dataset fetched, read and checked in the background."""
    intake = IntakeStore(workspace).create(request)
    _start(workspace, intake.folder / "log.txt", PIPELINE, "intake", intake.id)
    return intake


def start_committee(workspace: Workspace, dataset: DatasetInfo, author: str) -> Progress:
    """Have an ensemble of cost networks learn from the labels of now, for `committees.read_committee`.

    Returns:
        Its progress, or that of the one that is at it already: there is one at a time.

    Raises:
        InvalidLabels, InvalidConfig: nothing can be learned from the dataset.
    """
    running = committee_progress(workspace, dataset)
    if running is not None and not running.is_finished:
        return running
    require_learnable(dataset, DatasetStore(workspace, Database(workspace.database)).labels(dataset.name).current())
    folder, now = workspace.committee(dataset.id), time.time()
    progress = Progress("starting", started_at=now, updated_at=now)
    write_progress(folder / "progress.json", progress)
    _start(workspace, folder / "log.txt", PIPELINE, "committee", dataset.name, "--author", author)
    return progress


def committee_progress(workspace: Workspace, dataset: DatasetInfo) -> Progress | None:
    """How far the latest ensemble of this dataset has got, if there ever was one."""
    path = workspace.committee(dataset.id) / "progress.json"
    return read_progress(path) if path.exists() else None


def stop_committee(workspace: Workspace, dataset: DatasetInfo) -> None:
    """End the ensemble that learns; what an earlier one said stays."""
    progress = committee_progress(workspace, dataset)
    if progress is not None:
        _terminate(progress)


def want_replays(workspace: Workspace, dataset: DatasetInfo, trajectories: list[int]) -> Progress | None:
    """Have replays of these trajectories rendered in the background, in this order, before any wished for earlier.

    Returns:
        The progress of the process that renders them; None where all are in the cache already.
    """
    missing = [t for t in trajectories if not workspace.replay(dataset.id, t).exists()]
    if not missing:
        return None
    folder = workspace.replay(dataset.id, 0).parent
    with whole_file(folder / "wanted.json") as temporary:
        temporary.write_text(json.dumps(missing))
    path = folder / "progress.json"
    progress = read_progress(path) if path.exists() else None
    if progress is None or progress.state in ("done", "lost") or _may_retry(progress):
        now = time.time()
        progress = Progress("starting", started_at=now, updated_at=now)
        write_progress(path, progress)
        _start(workspace, folder / "log.txt", PIPELINE, "replay", dataset.name)
    return progress


def _may_retry(progress: Progress) -> bool:
    """What failed would at once fail again; later, the environment may have been named or installed."""
    return progress.state == "failed" and time.time() - progress.updated_at > RETRY_AFTER_S


def replay_progress(workspace: Workspace, dataset: DatasetInfo) -> Progress | None:
    """How far the process that renders this dataset's replays has got, if there ever was one."""
    path = workspace.replay(dataset.id, 0).parent / "progress.json"
    return read_progress(path) if path.exists() else None


def _terminate(progress: Progress) -> None:
    if progress.pid and not progress.is_finished and is_alive(progress.pid, progress.born):
        os.kill(progress.pid, signal.SIGTERM)


def _start(workspace: Workspace, log: Path, module: str, *arguments: str) -> None:
    _children[:] = [child for child in _children if child.poll() is None]
    command = [sys.executable, "-m", module, "--workspace", str(workspace.root), *arguments]
    with log.open("ab") as output:
        _children.append(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the dashboard's terminal does not reach it
            )
        )
