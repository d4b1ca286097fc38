"""The intake stage: a request becomes a dataset: fetched where it is public, read and checked, named, labelled."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from safemil_core.assessment.environments import dsrl_datasets
from safemil_core.assessment.state_axes import StateAxes
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.intake.downloads import dsrl_file, fetch, minari_files
from safemil_core.data.recording import Options
from safemil_core.errors import DownloadFailed, InvalidDataset
from safemil_core.running.intakes import Intake, IntakeRequest
from safemil_core.running.progress import OnProgress, Progress, begin
from safemil_core.workspace import Workspace, as_name, file_lock


def take_in(workspace: Workspace, intake: Intake) -> None:
    """The work of an intake's process; its progress file says how far it is and what came of it."""
    info = bring(workspace, intake.request, intake.write_progress)
    now = time.time()
    done = Progress("done", info.n_steps, info.n_steps, now, now, message=info.name)
    intake.write_progress(replace(done, started_at=intake.progress.started_at))
    with suppress(OSError):  # the dataset is there; a page makes what a full disk has left no room for
        trajectories = DatasetStore.of(workspace).open(info.name)
        StateAxes(workspace.state_axes(info.id), trajectories).prepare()


def bring(workspace: Workspace, request: IntakeRequest, on_progress: OnProgress = lambda _: None) -> DatasetInfo:
    """Make the dataset.

    Raises:
        NotFound, DownloadFailed, InvalidDataset, AlreadyExists: nothing of a dataset is kept; what was fetched of a
            file that may be right stays, so that the next attempt goes on with it.
    """
    if request.source == "path":
        return _add(workspace, request, [Path(path) for path in request.what], on_progress)
    with _own_folder(workspace, request) as folder:
        path = _fetch(request, folder, on_progress)
        env_id = request.env_id or _environment_of(path)
        try:
            info = _add(workspace, replace(request, env_id=env_id), [path], on_progress)
        except InvalidDataset:  # fetching goes on where it stopped, and would give the same file again
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
    return info


def _fetch(request: IntakeRequest, folder: Path, on_progress: OnProgress) -> Path:
    name = request.what[0]
    files = [dsrl_file(name, dsrl_datasets())] if request.source == "dsrl" else minari_files(name)
    report = _Reporter("fetching", on_progress)
    fetch(files, folder, lambda done, total: report(done, total or 0))
    return folder / files[0].path if request.source == "dsrl" else folder


def _environment_of(path: Path) -> str | None:
    """DSRL names its files by the environment: SafetyCarCircle-v0-100-1450.hdf5."""
    match = re.match(r"Safe\w+-v\d+(?=-)", path.name)
    return match.group() if match else None


def _add(workspace: Workspace, request: IntakeRequest, paths: list[Path], on_progress: OnProgress) -> DatasetInfo:
    report = _Reporter("reading and checking", on_progress)
    name = request.name
    if name is None and request.source != "path":
        name = as_name(re.sub(r"\W+", "-", request.what[0]))
    return DatasetStore.of(workspace).add(
        paths,
        name=name,
        env_id=request.env_id,
        options=Options(columns=request.columns, episode_length=request.episode_length),
        author=request.author,
        on_progress=lambda done, total: report(done, total or 0),
    )


class _Reporter:
    """Reports at most ten times a second."""

    def __init__(self, message: str, on_progress: OnProgress) -> None:
        self._progress, self._on_progress = replace(begin(0, "cpu"), message=message), on_progress
        self._on_progress(self._progress)

    def __call__(self, done: int, total: int) -> None:
        now = time.time()
        if now - self._progress.updated_at > 0.1 or done == total:
            self._progress = replace(self._progress, done=done, total=total, updated_at=now)
            self._on_progress(self._progress)


@contextmanager
def _own_folder(workspace: Workspace, request: IntakeRequest) -> Iterator[Path]:
    """The folder of a download, for one process at a time."""
    folder = workspace.downloads / f"{request.source}-{as_name(request.what[0])}"
    folder.mkdir(exist_ok=True)
    with file_lock(workspace.downloads / f".{folder.name}.lock") as is_ours:
        if not is_ours:
            raise DownloadFailed(f"{request.what[0]} is being fetched already; wait for it")
        folder.mkdir(exist_ok=True)
        yield folder
