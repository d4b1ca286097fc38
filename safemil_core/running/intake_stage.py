"""The intake stage: a request becomes a dataset: fetched where it is public, read and checked, named, labelled."""

from __future__ import annotations

import hashlib
import re
import shutil
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
from safemil_core.running.progress import Reports
from safemil_core.workspace import Workspace, as_name, file_lock


def take_in(workspace: Workspace, intake: Intake) -> None:
    """The work of an intake's process; its progress file says how far it is and what came of it."""
    reports = Reports(intake.progress_file)
    info = bring(workspace, intake.request, reports)
    reports.end(info.name)
    with suppress(OSError):  # the dataset is there; a page makes what a full disk has left no room for
        trajectories = DatasetStore.of(workspace).open(info.name)
        StateAxes(workspace.state_axes(info.id), trajectories).prepare()


def bring(workspace: Workspace, request: IntakeRequest, reports: Reports) -> DatasetInfo:
    """Make the dataset; fetching, and reading and checking, are the parts of which the reports tell.

    Raises:
        NotFound, DownloadFailed, InvalidDataset, AlreadyExists: nothing of a dataset is kept; what was fetched of a
            file that may be right stays, so that the next attempt goes on with it.
    """
    if request.source == "path":
        return _add(workspace, request, [Path(path) for path in request.what], reports)
    with _own_folder(workspace, request) as folder:
        path = _fetch(request, folder, reports)
        env_id = request.env_id or _environment_of(path)
        try:
            info = _add(workspace, replace(request, env_id=env_id), [path], reports)
        except InvalidDataset:  # fetching goes on where it stopped, and would give the same file again
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
    return info


def _fetch(request: IntakeRequest, folder: Path, reports: Reports) -> Path:
    name = request.what[0]
    files = [dsrl_file(name, dsrl_datasets())] if request.source == "dsrl" else minari_files(name)
    reports.part("fetching")
    fetch(files, folder, reports.done)
    return folder / files[0].path if request.source == "dsrl" else folder


def _environment_of(path: Path) -> str | None:
    """DSRL names its files by the environment: SafetyCarCircle-v0-100-1450.hdf5."""
    match = re.match(r"Safe\w+-v\d+(?=-)", path.name)
    return match.group() if match else None


def _add(workspace: Workspace, request: IntakeRequest, paths: list[Path], reports: Reports) -> DatasetInfo:
    reports.part("reading and checking")
    name = request.name
    if name is None and request.source != "path":
        name = as_name(re.sub(r"\W+", "-", request.what[0]))
    return DatasetStore.of(workspace).add(
        paths,
        name=name,
        env_id=request.env_id,
        options=Options(columns=request.columns, episode_length=request.episode_length),
        author=request.author,
        on_progress=reports.done,
    )


@contextmanager
def _own_folder(workspace: Workspace, request: IntakeRequest) -> Iterator[Path]:
    """The folder of a download, for one process at a time; names that are alike but for capitals or ends have two."""
    name = request.what[0]
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    folder = workspace.downloads / f"{request.source}-{as_name(name)}-{digest}"
    folder.mkdir(exist_ok=True)
    with file_lock(workspace.downloads / f".{folder.name}.lock") as is_ours:
        if not is_ours:
            raise DownloadFailed(f"{name} is being fetched already; wait for it")
        folder.mkdir(exist_ok=True)
        yield folder
