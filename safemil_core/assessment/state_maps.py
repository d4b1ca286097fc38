"""Values of steps over two axes of the state, cell by cell: their mean, maximum, spread and number, for all steps or
for groups of trajectories; differences; and the steps and trajectories that lie in chosen cells.

All steps are looked at once for a pair of axes (`cell_sums`); every map of them follows from what that gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from safemil_core.assessment.state_axes import FINE, Axis

Statistic = Literal["mean", "maximum", "spread", "steps"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
BINS = (10, 20, 25, 40, 50, 100, 200)
"""Cells along an axis that a map can have."""

BLOCK = 524_288
"""Steps that are counted together."""
_WIDE = 256
"""Cells along an axis while steps are counted: those that an axis has, and those outside."""


@dataclass(frozen=True)
class CellSums:
    """What the steps in every cell come to, for G groups of trajectories apart."""

    counts: np.ndarray
    """[G, Y, X] int64."""

    sums: np.ndarray
    """[G, Y, X] float64."""

    squares: np.ndarray
    """[G, Y, X] float64, sums of squares."""

    highest: np.ndarray
    """[G, Y, X] float32, -inf where no step is."""

    def of(self, groups: Sequence[int]) -> CellSums:
        """Of the steps of several groups together, as one."""
        some = list(groups)
        return CellSums(
            self.counts[some].sum(axis=0, keepdims=True),
            self.sums[some].sum(axis=0, keepdims=True),
            self.squares[some].sum(axis=0, keepdims=True),
            self.highest[some].max(axis=0, keepdims=True, initial=-np.inf),
        )

    def coarser(self, bins: int) -> CellSums:
        """With `bins` cells along either axis, each made of as many of these."""
        n_groups, n_rows, n_columns = self.counts.shape
        shape = n_groups, bins, n_rows // bins, bins, n_columns // bins
        counts, sums, squares = (
            array.reshape(shape).sum(axis=(2, 4)) for array in (self.counts, self.sums, self.squares)
        )
        return CellSums(counts, sums, squares, self.highest.reshape(shape).max(axis=(2, 4)))


@dataclass(frozen=True)
class StateMap:
    """One value for every cell."""

    values: np.ndarray
    """[Y, X] float64, NaN where there is nothing to say."""

    counts: np.ndarray
    """[Y, X] int64, steps in each cell; of a difference those of both sides, steps that are in both counted once."""


def cell_sums(values: np.ndarray, x: Axis, y: Axis, groups: np.ndarray | None = None, n_groups: int = 1) -> CellSums:
    """What the steps in every fine cell come to; those outside either axis are left out.

    Args:
        values: [S] one value a step.
        x: along the columns.
        y: along the rows.
        groups: [S] uint8, the group of each step, below `n_groups`; all are in one where None.
    """
    n_cells = n_groups * _WIDE * _WIDE
    counts = np.zeros(n_cells, dtype=np.int64)
    sums, squares = np.zeros(n_cells), np.zeros(n_cells)
    highest = np.full(n_cells, -np.inf, dtype=np.float32)
    for first in range(0, len(values), BLOCK):
        some = slice(first, first + BLOCK)
        cells = y.cells[some].astype(np.intp) * _WIDE + x.cells[some]
        if groups is not None:
            cells += groups[some].astype(np.intp) * _WIDE * _WIDE
        exact = values[some].astype(np.float64)
        counts += np.bincount(cells, minlength=n_cells)
        sums += np.bincount(cells, weights=exact, minlength=n_cells)
        squares += np.bincount(cells, weights=exact * exact, minlength=n_cells)
        np.maximum.at(highest, cells, values[some].astype(np.float32, copy=False))
    inside = (slice(None), slice(FINE), slice(FINE))
    shape = n_groups, _WIDE, _WIDE
    return CellSums(*(array.reshape(shape)[inside].copy() for array in (counts, sums, squares, highest)))


def state_map(found: CellSums, statistic: Statistic) -> StateMap:
    """A statistic of one group's steps (`CellSums.of`) in every cell; spread is the standard deviation."""
    counts, sums, squares, highest = found.counts[0], found.sums[0], found.squares[0], found.highest[0]
    if statistic == "steps":
        return StateMap(np.where(counts > 0, counts, np.nan), counts)
    n = np.where(counts > 0, counts, np.nan)
    if statistic == "mean":
        return StateMap(sums / n, counts)
    if statistic == "maximum":
        return StateMap(np.where(counts > 0, highest, np.nan), counts)
    return StateMap(np.sqrt(np.maximum(squares / n - (sums / n) ** 2, 0)), counts)


def compared(these: CellSums, others: CellSums, statistic: Statistic, *, are_same_steps: bool = False) -> StateMap:
    """A statistic of one group's steps less that of another's; of their numbers, the shares are compared.

    Args:
        these: of one group (`CellSums.of`).
        others: of another one, over the same cells.
        statistic: which.
        are_same_steps: whether both are values of the same steps, as the costs of two runs are.
    """
    one, other = state_map(these, statistic), state_map(others, statistic)
    found = (share_difference if statistic == "steps" else difference)(one, other)
    return replace(found, counts=one.counts) if are_same_steps else found


def difference(these: StateMap, others: StateMap) -> StateMap:
    """One map minus another over the same cells, where both have steps."""
    return StateMap(these.values - others.values, these.counts + others.counts)


def share_difference(these: StateMap, others: StateMap) -> StateMap:
    """By how much a cell's share of one map's steps exceeds its share of the other's, where either has steps."""
    shares = [found.counts / max(1, int(found.counts.sum())) for found in (these, others)]
    counts = these.counts + others.counts
    return StateMap(np.where(counts > 0, shares[0] - shares[1], np.nan), counts)


def steps_inside(x: Axis, y: Axis, bins: int, chosen: np.ndarray) -> np.ndarray:
    """Numbers of the steps that lie in chosen cells of a map.

    Args:
        x: along the columns.
        y: along the rows.
        bins: cells of the map along either axis.
        chosen: of its cells, row * bins + column.
    """
    is_chosen = np.zeros((bins, bins), dtype=bool)
    is_chosen.reshape(-1)[chosen] = True
    wide = np.zeros((_WIDE, _WIDE), dtype=bool)
    wide[:FINE, :FINE] = is_chosen.repeat(FINE // bins, axis=0).repeat(FINE // bins, axis=1)
    found = [
        first + np.flatnonzero(wide[y.cells[first : first + BLOCK], x.cells[first : first + BLOCK]])
        for first in range(0, len(x.cells), BLOCK)
    ]
    return np.concatenate(found)


def trajectories_inside(
    steps: np.ndarray, offsets: np.ndarray, learned: np.ndarray, true: np.ndarray | None = None
) -> pd.DataFrame:
    """The trajectories that steps belong to, with most of these steps first.

    Args:
        steps: numbers of steps, increasing.
        offsets: [N + 1] where trajectories begin.
        learned: [S] learned cost of every step.
        true: [S] true cost, where it is to be told.

    Returns:
        Columns trajectory, steps (how many of these), learned_cost (their mean), costliest (the time of the step of
            highest learned cost among them, the first of equal ones), true_cost (their mean, where given).
    """
    bounds = np.searchsorted(steps, offsets)
    trajectories = np.flatnonzero(np.diff(bounds))
    starts, counts = bounds[trajectories], np.diff(bounds)[trajectories]
    costs = learned[steps]
    table = pd.DataFrame({"trajectory": trajectories, "steps": counts, "learned_cost": _means(costs, starts, counts)})
    table["costliest"] = steps[_first_highest(costs, starts, counts)] - offsets[trajectories]
    if true is not None:
        table["true_cost"] = _means(true[steps], starts, counts)
    ranks = np.lexsort((trajectories, -table["learned_cost"], -counts))
    return table.iloc[ranks].reset_index(drop=True)


def _first_highest(values: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The place of the highest value in each stretch, the first of equal ones."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    places = np.flatnonzero(values == np.repeat(np.maximum.reduceat(values, starts), counts))
    firsts: np.ndarray = places[np.searchsorted(places, starts)]
    return firsts


def _means(values: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    if not len(values):
        return np.zeros(0)
    means: np.ndarray = np.add.reduceat(values.astype(np.float64), starts) / counts
    return means
