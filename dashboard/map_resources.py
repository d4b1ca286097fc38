"""Maps of the state, counted once: keyed by a dataset's content and a run's folder and version, like all that pages
keep (`resources`, `run_resources`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.resources import trajectories, workspace
from dashboard.run_resources import costs_written_at, run_costs
from safemil_core.assessment.principal_components import PrincipalComponents
from safemil_core.assessment.state_axes import Axis, StateAxes
from safemil_core.assessment.state_maps import CellSums, cell_sums, steps_inside, trajectories_inside
from safemil_core.data.dataset_info import DatasetInfo
from safemil_core.data.labels.store import LABELS
from safemil_core.running.run_folder import Run

CellValue = Literal["learned", "true"]


def state_axis(info: DatasetInfo, number: int, *, is_full: bool) -> Axis:
    """One axis of a dataset's maps, see `state_axes.axis_names`."""
    return _axis(workspace().state_axes(info.id), number, is_full, info)


def principal_components(info: DatasetInfo) -> PrincipalComponents:
    """Those of a dataset's states."""
    return _components(workspace().state_axes(info.id), info)


def run_labels(run: Run) -> np.ndarray:
    """[N] the label of each trajectory as the run knew it. Raises NotReady before its costs are learned."""
    return _run_labels(run.folder, costs_written_at(run))


def map_sums(info: DatasetInfo, run: Run, value: CellValue, x: int, y: int, *, of: Run, is_full: bool) -> CellSums:
    """What a value of steps comes to in the fine cells over two axes, for the trajectories of each label apart.

    Args:
        info: the dataset.
        run: whose learned cost it is.
        value: learned or true cost; the true one must be known and not hidden.
        x: the axis along the columns.
        y: the one along the rows.
        of: the run whose labels count; groups are in the order of LABELS.
        is_full: whether outliers are in it.
    """
    values = (run.folder, costs_written_at(run)) if value == "learned" else (Path("true"), 0)  # that is of no run
    axes = workspace().state_axes(info.id)
    return _map_sums(axes, *values, of.folder, costs_written_at(of), x, y, is_full, info, run, of)


def inside_cells(
    info: DatasetInfo, run: Run, x: int, y: int, bins: int, cells: np.ndarray, *, is_full: bool
) -> pd.DataFrame:
    """The trajectories with steps in chosen cells of a map, see `state_maps.trajectories_inside`; with true costs where
    they may be shown."""
    chosen, has_truth = cells.astype("<i4").tobytes(), trajectories(info).costs is not None
    axes = workspace().state_axes(info.id)
    return _inside(axes, run.folder, costs_written_at(run), x, y, bins, chosen, is_full, has_truth, info, run)


@st.cache_resource(max_entries=24, show_spinner=False)
def _axis(axes: Path, number: int, is_full: bool, _info: DatasetInfo) -> Axis:
    return StateAxes(axes, trajectories(_info)).axis(number, is_full=is_full)


@st.cache_resource(max_entries=8, show_spinner=False)
def _components(axes: Path, _info: DatasetInfo) -> PrincipalComponents:
    return StateAxes(axes, trajectories(_info)).components()


@st.cache_resource(max_entries=8, show_spinner=False)
def _run_labels(folder: Path, written_at: int) -> np.ndarray:
    return Run(folder).trajectories()["label"].to_numpy(str)


@st.cache_resource(max_entries=12, show_spinner=False)  # 4 MB each
def _map_sums(
    axes: Path,
    valued: Path,
    valued_at: int,
    labelled: Path,
    labelled_at: int,
    x: int,
    y: int,
    is_full: bool,
    _info: DatasetInfo,
    _run: Run,
    _of: Run,
) -> CellSums:
    known = trajectories(_info)
    values = run_costs(_run) if valued == _run.folder else known.costs
    assert values is not None
    labels = run_labels(_of)
    groups = sum((number * (labels == label) for number, label in enumerate(LABELS)), np.zeros(len(labels), np.uint8))
    across, up = (state_axis(_info, number, is_full=is_full) for number in (x, y))
    return cell_sums(values, across, up, np.repeat(groups, known.lengths), len(LABELS))


@st.cache_resource(max_entries=4, show_spinner=False)
def _inside(
    axes: Path,
    folder: Path,
    written_at: int,
    x: int,
    y: int,
    bins: int,
    chosen: bytes,
    is_full: bool,
    has_truth: bool,
    _info: DatasetInfo,
    _run: Run,
) -> pd.DataFrame:
    across, up = (state_axis(_info, number, is_full=is_full) for number in (x, y))
    steps = steps_inside(across, up, bins, np.frombuffer(chosen, dtype="<i4"))
    known = trajectories(_info)
    return trajectories_inside(steps, known.offsets, run_costs(_run), known.costs)
