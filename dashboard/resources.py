"""What pages share and what is slow to make again: the only module with Streamlit's caches.

Everything is keyed by the workspace's folder, a dataset's content id or a run's id, so that nothing goes stale:
datasets and finished runs never change. Labels and progress change, and are read anew each time.
None shows a spinner: drawn in a callback, it would let Streamlit stop the callback half-way.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from safemil_core.assessment.replays import Replay, read_replay
from safemil_core.assessment.summaries import Paths, sample_paths, trajectory_table
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.labels import LabelStore
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset, SafeMILError
from safemil_core.running.runs import Run, RunStore
from safemil_core.workspace import Workspace

BUNDLED = Path(__file__).parents[1] / "assets" / "car_circle.hdf5"
BUNDLED_NAME = "car_circle"


def workspace() -> Workspace:
    """The folder that this dashboard serves."""
    return Workspace.default()


def datasets() -> DatasetStore:
    """The datasets of the workspace."""
    return DatasetStore(workspace(), _database(workspace().database))


def runs() -> RunStore:
    """The runs of the workspace."""
    return RunStore(workspace())


def labels(info: DatasetInfo) -> LabelStore:
    """The labels of a dataset."""
    return datasets().labels(info.name)


def trajectories(info: DatasetInfo) -> TrajectorySet:
    """The trajectories of a dataset, memory-mapped and shared by all sessions: never write to them."""
    return _trajectories(workspace().root, info.id, info.name)


def summary(info: DatasetInfo) -> pd.DataFrame:
    """One row per trajectory, see `assessment.summaries.trajectory_table`; without labels."""
    return _summary(workspace().root, info.id, info.name)


def background_paths(info: DatasetInfo, x: int, y: int) -> Paths:
    """A few of the dataset's trajectories through two observation dimensions."""
    return _background_paths(workspace().root, info.id, info.name, x, y)


def replay(info: DatasetInfo, trajectory: int) -> Replay | None:
    """The video of a recorded trajectory; None while it is not rendered."""
    return read_replay(workspace().replay(info.id, trajectory))


def run_costs(run: Run) -> np.ndarray:
    """[sum T] the learned cost of every step, in the order of the dataset. Raises NotReady before training ended."""
    return _run_costs(run.folder)


def run_cost_sums(run: Run) -> pd.Series:
    """[N] the learned cost of every trajectory. Raises NotReady before training ended."""
    return _run_cost_sums(run.folder)


def import_upload(upload: UploadedFile, name: str, env_id: str) -> DatasetInfo:
    """Make a dataset of an uploaded file, and free the memory that it takes; raises like `DatasetStore.add`."""
    with workspace().received(upload.name, upload) as path:
        info = datasets().add(path, name=name.strip() or None, env_id=env_id.strip() or None)
    # Streamlit would keep the file's bytes until some while after the tab is closed.
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)
    return info


def import_path(path: str, name: str, env_id: str) -> DatasetInfo:
    """Make a dataset of a file on this machine; raises like `DatasetStore.add`."""
    try:
        return datasets().add(Path(path.strip()).expanduser(), name=name.strip() or None, env_id=env_id.strip() or None)
    except PermissionError:
        raise InvalidDataset(f"{path} may not be read by this account; change its permissions or upload it") from None


def ensure_bundled_dataset() -> None:
    """Have the dataset that comes with SafeMIL in the workspace, once per server."""
    _import_bundled(workspace().root, BUNDLED)


@st.cache_resource(show_spinner=False)
def _database(path: Path) -> Database:
    return Database(path)


@st.cache_resource(max_entries=8, show_spinner=False)
def _trajectories(root: Path, dataset_id: str, name: str) -> TrajectorySet:
    return datasets().open(name)


@st.cache_data(max_entries=16, show_spinner=False)
def _summary(root: Path, dataset_id: str, name: str) -> pd.DataFrame:
    return trajectory_table(_trajectories(root, dataset_id, name))


@st.cache_data(max_entries=32, show_spinner=False)
def _background_paths(root: Path, dataset_id: str, name: str, x: int, y: int) -> Paths:
    return sample_paths(_trajectories(root, dataset_id, name), x, y)


@st.cache_data(max_entries=32, show_spinner=False)
def _run_cost_sums(folder: Path) -> pd.Series:
    return Run(folder).trajectories()["cost_sum"]


@st.cache_resource(max_entries=8, show_spinner=False)
def _run_costs(folder: Path) -> np.ndarray:
    return Run(folder).costs()["cost"].to_numpy()


@st.cache_resource(show_spinner="Importing the bundled dataset…")
def _import_bundled(root: Path, file: Path) -> None:
    store = datasets()
    if file.is_file() and BUNDLED_NAME not in {info.name for info in store.list()}:
        try:
            store.add(file, name=BUNDLED_NAME)
        except SafeMILError as problem:  # the dashboard works without it
            st.warning(str(problem))
