"""What pages share and what is slow to make again. Only this and the other `..._resources` keep anything.

Nothing goes stale (`caches`): datasets never change, and runs only where they are resumed. Labels and progress change,
and are read anew each time.
"""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.caches import content_key, copied, shared
from dashboard.words import harmless
from safemil_core.assessment.descriptors import describe
from safemil_core.assessment.environments import dsrl_datasets
from safemil_core.assessment.immobility import Yardstick, is_immobile_by_table
from safemil_core.assessment.principal_components import principal_components
from safemil_core.assessment.replays import Replay, is_rendered, read_replay
from safemil_core.assessment.summaries import Paths, sample_paths
from safemil_core.assessment.teachers import Library
from safemil_core.data.cards import card
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.hidden_truth import HiddenTruth
from safemil_core.data.intake.confined import Inspected, inspect
from safemil_core.data.labels.store import LabelState, LabelStore
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import NotReady, SafeMILError
from safemil_core.running.intakes import IntakeStore
from safemil_core.running.run_notes import RunNotes
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace

BUNDLED = Path(__file__).parents[1] / "assets" / "car_circle.hdf5"
BUNDLED_NAME = "car_circle"
N_PATHS = 300
"""Paths in a picture of all; more would only be a blot."""
N_PREVIEWED = 60
"""Paths of a selection that are drawn."""


@st.cache_resource(show_spinner=False)
def quicken_reruns() -> None:
    """Take what is loaded by now out of the reach of garbage collection, once per server.

    Streamlit collects all garbage after every rerun: 150 ms over the objects of its libraries, during which no event
    is served; a few over those made since. Called when the first page is there, with all that pages load.
    """
    gc.collect()
    gc.freeze()


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


def label_state(info: DatasetInfo) -> LabelState:
    """All that is said of a dataset's trajectories at this moment; read again only after another action."""
    return _label_state(info, labels(info).latest())


def hidden_truth(info: DatasetInfo) -> HiddenTruth:
    """Whether a dataset's rewards and true costs are hidden, and by whom."""
    return HiddenTruth.of(_database(workspace().database), info)


def shows_truth(info: DatasetInfo) -> bool:
    """Whether pages may show what follows from a dataset's rewards and true costs; `trajectories` and `summary` have
    none while they may not."""
    return not hidden_truth(info).is_hidden


def shown_key(info: DatasetInfo) -> object:
    """For what is made of the truth while it is shown: another one each time that it is hidden or revealed."""
    # Never the same again: were it only whether, what is made just as that changes would be found once it changes back.
    return content_key(info), [event.at for event in hidden_truth(info).history()]


def trajectories(info: DatasetInfo) -> TrajectorySet:
    """The trajectories of a dataset, memory-mapped and shared by all sessions: never write to them.

    While the truth is hidden they are as those of a dataset that has neither rewards nor true costs.
    """
    known = _trajectories(info)
    return known if shows_truth(info) else replace(known, rewards=None, costs=None)


def summary(info: DatasetInfo) -> pd.DataFrame:
    """One row per trajectory, see `DatasetStore.table`; without labels, and without the truth while it is hidden."""
    table = _summary(info)
    return table if shows_truth(info) else table.drop(columns=["return", "true_cost"], errors="ignore")


@shared(max_entries=8)
def descriptors(info: DatasetInfo) -> np.ndarray:
    """[N, F] how each trajectory behaves, see `assessment.descriptors.describe`."""
    return describe(_summary(info))


@shared(max_entries=8)
def plane(info: DatasetInfo) -> np.ndarray:
    """[N, 2] trajectories that behave alike lie near each other, see `assessment.principal_components`."""
    values = descriptors(info)
    return principal_components(values).projected(values)


@shared(max_entries=8)
def immobile(info: DatasetInfo) -> np.ndarray:
    """[N] bool, which trajectories hardly move, see `assessment.immobility`."""
    return is_immobile_by_table(_summary(info))


@shared(max_entries=8)
def reach(info: DatasetInfo) -> np.ndarray:
    """[N] how far each trajectory reaches, 1 being the median one's; see `assessment.immobility`."""
    table = _summary(info)
    return Yardstick.of_table(table).measure_table(table)


@shared(max_entries=2)
def library(info: DatasetInfo) -> Library:
    """Its steps, ready to look for like states in; reads no truth."""
    return Library.of(_trajectories(info))


@shared(max_entries=8)
def dimension_ranges(info: DatasetInfo) -> np.ndarray:
    """[O + A, 2] lowest and highest value of each observation and action dimension."""
    _summary(info)  # with its table, a dataset of the first version gets its statistics
    known = datasets().info(info.name).statistics
    return np.concatenate([np.stack([known[of].low, known[of].high], axis=1) for of in ("observations", "actions")])


@copied(max_entries=32)
def background_paths(info: DatasetInfo, x: int, y: int) -> Paths:
    """A few of the dataset's trajectories through two observation dimensions."""
    return sample_paths(_trajectories(info), x, y)


@shared(max_entries=8)
def all_paths(info: DatasetInfo, x: int, y: int) -> Paths:
    """Many of the dataset's trajectories through two observation dimensions, coarsely."""
    return sample_paths(_trajectories(info), x, y, n=N_PATHS, n_points=60)


@shared(max_entries=8)
def paths_of(info: DatasetInfo, x: int, y: int, chosen: tuple[int, ...]) -> Paths:
    """These trajectories through two observation dimensions, or some of them where there are many."""
    return sample_paths(_trajectories(info), x, y, n=N_PREVIEWED, among=chosen)


def has_replay(info: DatasetInfo, trajectory: int) -> bool:
    """Whether the video of a recorded trajectory is rendered."""
    return is_rendered(workspace().replay(info.replays, trajectory))


def replay(info: DatasetInfo, trajectory: int) -> Replay:
    """The video of a recorded trajectory. Raises NotReady while it is not rendered."""
    found = read_replay(workspace().replay(info.replays, trajectory))
    if found is None:
        raise NotReady(f"trajectory {trajectory} has no replay yet")
    return found


def run_notes() -> RunNotes:
    """What people call the runs of the workspace and say of them."""
    return RunNotes(_database(workspace().database))


def card_text(info: DatasetInfo) -> str:
    """The dataset's card in Markdown, as it and its labels are now."""
    return card(datasets(), info.name)


def intakes() -> IntakeStore:
    """The imports of the workspace that run in processes of their own."""
    return IntakeStore(workspace())


@copied(max_entries=32)
def inspected(path: Path) -> Inspected:
    """What a file is; raises like `intake.confined.inspect`."""
    return inspect(path)


@copied(max_entries=32)
def inspected_upload(file_id: str, _upload: UploadedFile) -> Inspected:
    """What an uploaded file is; raises like `intake.confined.inspect`."""
    with workspace().received(_upload.name, _upload) as path:
        return inspect(path)


@st.cache_resource(show_spinner=False)
def dsrl_names() -> list[str]:
    """The datasets of DSRL, by name."""
    return sorted(dsrl_datasets())


def ensure_bundled_dataset() -> None:
    """Have the dataset that comes with SafeMIL in the workspace, once per server."""
    _import_bundled(workspace().root, BUNDLED)


@st.cache_resource(show_spinner=False)
def _database(path: Path) -> Database:
    return Database(path)


@shared(max_entries=8)
def _trajectories(info: DatasetInfo) -> TrajectorySet:
    return datasets().open(info.name)


@copied(max_entries=16)
def _summary(info: DatasetInfo) -> pd.DataFrame:
    return datasets().table(info.name)


@shared(max_entries=8)
def _label_state(info: DatasetInfo, latest: int) -> LabelState:
    return labels(info).state()


@st.cache_resource(show_spinner="Importing the bundled dataset…")
def _import_bundled(root: Path, file: Path) -> None:
    store = datasets()
    if file.is_file() and BUNDLED_NAME not in {info.name for info in store.list()}:
        try:
            store.add(file, name=BUNDLED_NAME)
        except SafeMILError as problem:  # the dashboard works without it
            st.warning(harmless(str(problem)))
