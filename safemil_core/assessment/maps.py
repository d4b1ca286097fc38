"""Costs laid out to be looked at: over two dimensions of the state, and by label. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from safemil_core.data.labels.store import LABELS, Label

Statistic = Literal["mean", "max"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)

CENTRAL = (0.5, 99.5)
"""Percentiles between which a map lies: a single outlier would squeeze all else into one bin."""


@dataclass(frozen=True)
class StateMap:
    """One value per cell of a grid over two dimensions of the state."""

    x_edges: np.ndarray
    """[X + 1] where the columns begin and the last one ends."""

    y_edges: np.ndarray
    """[Y + 1]."""

    values: np.ndarray
    """[Y, X] float64, NaN where no step lies."""

    counts: np.ndarray
    """[Y, X] int64, steps in each cell."""


def grid(x: np.ndarray, y: np.ndarray, bins: int, *, is_full: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The x and y edges of `bins` by `bins` equal cells, over the central 99 % of either axis or its full range."""
    return _edges(x, bins, is_full), _edges(y, bins, is_full)


def state_map(
    values: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    bins: int | tuple[np.ndarray, np.ndarray],
    statistic: Statistic = "mean",
) -> StateMap:
    """The mean or largest value in every cell; steps outside the grid are left out.

    Args:
        values: [S] one value a step.
        x: [S] the state's dimension along the columns.
        y: [S] the one along the rows.
        bins: cells along each axis of the central range (see `grid`), or the edges themselves, so that maps of
            different steps can be compared cell by cell.
    """
    x_edges, y_edges = grid(x, y, bins) if isinstance(bins, int) else bins
    columns, rows = _bin(x, x_edges), _bin(y, y_edges)
    is_inside = (columns >= 0) & (rows >= 0)
    n_columns, n_rows = len(x_edges) - 1, len(y_edges) - 1
    cells = rows[is_inside] * n_columns + columns[is_inside]
    inside = values[is_inside].astype(np.float64)
    counts = np.bincount(cells, minlength=n_rows * n_columns)
    if statistic == "mean":
        sums = np.bincount(cells, weights=inside, minlength=n_rows * n_columns)
        summary = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    else:
        summary = np.full(len(counts), -np.inf)
        np.maximum.at(summary, cells, inside)
        summary[counts == 0] = np.nan
    shape = (n_rows, n_columns)
    return StateMap(x_edges, y_edges, summary.reshape(shape), counts.reshape(shape))


def steps_of(label: Label, labels: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[sum T] bool, the steps of all trajectories with a label."""
    return np.repeat(labels == label, np.diff(offsets))


def histogram_by_label(
    values: np.ndarray, labels: np.ndarray, n_bins: int
) -> tuple[np.ndarray, dict[Label, np.ndarray]]:
    """Edges `[n_bins + 1]` and, for every label that occurs, how many trajectories fall into each bin."""
    edges = _edges(values, n_bins, is_full=True)
    return edges, {
        label: np.histogram(values[labels == label], edges)[0] for label in LABELS if (labels == label).any()
    }


def _edges(values: np.ndarray, bins: int, is_full: bool) -> np.ndarray:
    full = float(values.min()), float(values.max())
    low, high = full if is_full else (float(edge) for edge in np.percentile(values, CENTRAL))
    if low >= high:  # nearly all values are one; show whatever else there is
        low, high = full
    if low >= high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def _bin(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each value, the last one closed on both sides as NumPy's histograms are; -1 outside."""
    bins = np.searchsorted(edges, values, side="right") - 1
    bins[values == edges[-1]] = len(edges) - 2
    bins[(values < edges[0]) | (values > edges[-1])] = -1
    return bins
