"""Start and stop the pipeline in processes of their own, which outlive the page that asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.running.intakes import Intake, IntakeRequest, IntakeStore
from safemil_core.running.progress import Progress, is_alive, read_progress, write_progress
from safemil_core.running.runs import Run, require_learnable
from safemil_core.workspace import Workspace, whole_file

RETRY_AFTER_S = 60.0
_children: list[subprocess.Popen[bytes]] = []
"""Only to collect the exit status of our own children; losing it is harmless."""


def start_training(workspace: Workspace, run: Run, device: str = "auto") -> None:
    """Train a run that `RunStore.create` made."""
    _start(workspace, run.folder / "log.txt", "train", run.id, "--device", device)


def start_evaluation(workspace: Workspace, run: Run, episodes: int, n_videos: int) -> None:
    """Roll out a finished run's policies and render the first episodes."""
    folder = run.folder / "evaluation"
    folder.mkdir(exist_ok=True)
    now = time.time()
    write_progress(folder / "progress.json", Progress("starting", total=episodes, started_at=now, updated_at=now))
    _start(workspace, folder / "log.txt", "evaluate", run.id, "--episodes", str(episodes), "--videos", str(n_videos))


def start_intake(workspace: Workspace, request: IntakeRequest) -> Intake:
    """Have a dataset fetched, read and checked in the background."""
    intake = IntakeStore(workspace).create(request)
    _start(workspace, intake.folder / "log.txt", "intake", intake.id)
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
    _start(workspace, folder / "log.txt", "committee", dataset.name, "--author", author)
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
        _start(workspace, folder / "log.txt", "replay", dataset.name)
    return progress


def _may_retry(progress: Progress) -> bool:
    """What failed would at once fail again; later, the environment may have been named or installed."""
    return progress.state == "failed" and time.time() - progress.updated_at > RETRY_AFTER_S


def replay_progress(workspace: Workspace, dataset: DatasetInfo) -> Progress | None:
    """How far the process that renders this dataset's replays has got, if there ever was one."""
    path = workspace.replay(dataset.id, 0).parent / "progress.json"
    return read_progress(path) if path.exists() else None


def stop(run: Run) -> None:
    """Ask a training process to finish: it keeps what it has learned so far and ends as `stopped`."""
    _terminate(run.progress)


def _terminate(progress: Progress) -> None:
    if progress.pid and not progress.is_finished and is_alive(progress.pid, progress.born):
        os.kill(progress.pid, signal.SIGTERM)


def _start(workspace: Workspace, log: Path, *arguments: str) -> None:
    _children[:] = [child for child in _children if child.poll() is None]
    command = [sys.executable, "-m", "safemil_core.running.pipeline", "--workspace", str(workspace.root), *arguments]
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
