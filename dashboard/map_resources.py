"""Maps of the state, counted once and kept like `resources`."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from dashboard.caches import shared
from dashboard.resources import shown_key, trajectories, workspace
from dashboard.run_resources import run_costs
from safemil_core.assessment.principal_components import PrincipalComponents
from safemil_core.assessment.state_axes import Axis, StateAxes
from safemil_core.assessment.state_maps import CellSums, cell_sums, steps_inside, trajectories_inside
from safemil_core.data.dataset_info import DatasetInfo
from safemil_core.data.labels.store import LABELS
from safemil_core.running.run_folder import Run

CellValue = Literal["learned", "true"]


@shared(max_entries=24)
def state_axis(info: DatasetInfo, number: int, *, is_full: bool) -> Axis:
    """One axis of a dataset's maps, see `state_axes.axis_names`."""
    return _axes(info).axis(number, is_full=is_full)


@shared(max_entries=8)
def principal_components(info: DatasetInfo) -> PrincipalComponents:
    """Those of a dataset's states."""
    return _axes(info).components()


@shared(max_entries=8)
def run_labels(run: Run) -> np.ndarray:
    """[N] the label of each trajectory as the run knew it. Raises NotReady before its costs are learned."""
    return run.trajectories()["label"].to_numpy(str)


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
    return _map_sums(info, run if value == "learned" else None, x, y, of, is_full)


@shared(max_entries=4, dataset=shown_key)
def inside_cells(
    info: DatasetInfo, run: Run, x: int, y: int, bins: int, cells: np.ndarray, *, is_full: bool
) -> pd.DataFrame:
    """The trajectories with steps in chosen cells of a map, see `state_maps.trajectories_inside`; with true costs where
    they may be shown."""
    across, up = (state_axis(info, number, is_full=is_full) for number in (x, y))
    known = trajectories(info)
    return trajectories_inside(steps_inside(across, up, bins, cells), known.offsets, run_costs(run), known.costs)


@shared(max_entries=12)  # 4 MB each
def _map_sums(info: DatasetInfo, run: Run | None, x: int, y: int, of: Run, is_full: bool) -> CellSums:
    """Of the learned cost of a run, or of the true cost, which is of no run."""
    known, labels = trajectories(info), run_labels(of)
    values = known.costs if run is None else run_costs(run)
    assert values is not None
    groups = sum((number * (labels == label) for number, label in enumerate(LABELS)), np.zeros(len(labels), np.uint8))
    across, up = (state_axis(info, number, is_full=is_full) for number in (x, y))
    return cell_sums(values, across, up, np.repeat(groups, known.lengths), len(LABELS))


def _axes(info: DatasetInfo) -> StateAxes:
    return StateAxes(workspace().state_axes(info.id), trajectories(info))
