"""Tables that describe the trajectories of a dataset and their labels. NumPy and pandas only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidLabels

N_EXAMPLES = 50


@dataclass(frozen=True)
class LabelCounts:
    """How many trajectories carry each label."""

    non_preferred: int
    preferred: int
    unlabelled: int
    unsure: int = 0


@dataclass(frozen=True)
class Paths:
    """Lines through two observation dimensions, one after the other in flat arrays, a NaN after each."""

    x: np.ndarray
    """[M] float32."""
    y: np.ndarray
    """[M] float32."""


def example_marks(table: pd.DataFrame, n: int = N_EXAMPLES) -> list[int]:
    """The costliest trajectories, as an example of what to mark non-preferred; needs `true_cost`.

    Returns:
        At most `n` and at most a quarter of all, the costliest first, of equal ones the earlier; none without cost.

    Raises:
        InvalidLabels: the true costs are not known.
    """
    if "true_cost" not in table:
        raise InvalidLabels("this dataset has no true costs, so there is no example to take from them; mark by hand")
    costs = table["true_cost"].to_numpy()
    order = np.argsort(-costs, kind="stable")[: min(n, max(1, len(table) // 4))]
    return [int(i) for i in order if costs[i] > 0]


def label_counts(labels: np.ndarray) -> LabelCounts:
    """Count the labels `[N]` of a dataset."""
    return LabelCounts(
        non_preferred=int((labels == "non_preferred").sum()),
        preferred=int((labels == "preferred").sum()),
        unlabelled=int((labels == "none").sum()),
        unsure=int((labels == "unsure").sum()),
    )


def neighbours(order: np.ndarray, shown: np.ndarray, trajectory: int) -> tuple[int | None, int | None]:
    """The shown trajectories before and after one, which need not be shown itself.

    Args:
        order: [N] all trajectories, as a list orders them.
        shown: [N] bool by trajectory number, whether the list shows it.
        trajectory: the one in question.
    """
    place = int(np.flatnonzero(order == trajectory)[0])
    before, after = order[:place], order[place + 1 :]
    before, after = before[shown[before]], after[shown[after]]
    return (int(before[-1]) if len(before) else None), (int(after[0]) if len(after) else None)


def sample_paths(
    trajectories: TrajectorySet,
    x: int,
    y: int,
    n: int = 40,
    n_points: int = 100,
    among: Sequence[int] | None = None,
) -> Paths:
    """A light subset to draw: at most `n` trajectories, evenly spaced, of about `n_points` each.

    Args:
        trajectories: read only where they are drawn.
        x: the coordinate on the horizontal axis.
        y: the one on the vertical axis.
        n: how many at most.
        n_points: of each, roughly.
        among: the numbers to choose from, at least one; all where None.
    """
    numbers = np.arange(len(trajectories)) if among is None else np.asarray(among)
    pieces = []
    for place in np.unique(np.linspace(0, len(numbers) - 1, n).astype(int)):
        coordinates = trajectories[int(numbers[place])].coordinates
        every = max(1, len(coordinates) // n_points)
        pieces += [coordinates[::every][:, [x, y]], np.full((1, 2), np.nan, dtype=np.float32)]
    points = np.concatenate(pieces)
    return Paths(x=points[:, 0], y=points[:, 1])
