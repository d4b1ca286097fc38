"""All trajectories by time: in which order and alignment they lie, and what a picture of limited size shows of them.

NumPy only. A picture keeps the highest step of each of its cells, and which one it is: a mean would wash spikes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

Alignment = Literal["start", "end", "first spike"]
ALIGNMENTS: tuple[Alignment, ...] = get_args(Alignment)

HALF = 0.5
"""Of its highest value: a trajectory's first spike is the first step that reaches it."""
MOST_POOLED = 255
"""Rows, and steps, that one cell may stand for: places within a cell are told in a byte."""
N_LEVELS = 255
"""Of a value in a picture; 0 is left for cells without a step."""


@dataclass(frozen=True)
class Peaks:
    """Where each of `N` trajectories is highest, and where it first comes near that."""

    highest: np.ndarray
    """[N] its largest value."""

    first_spikes: np.ndarray
    """[N] int64, the first step that reaches half of it."""


@dataclass(frozen=True)
class Layout:
    """Which trajectory lies in which row, and which of its steps at time 0."""

    order: np.ndarray
    """[N] int64, the trajectory of each row, the first on top."""

    origins: np.ndarray
    """[N] int64 by trajectory: the step that lies at time 0."""

    offsets: np.ndarray
    """[N + 1] int64, where trajectories begin among all steps."""

    @property
    def times(self) -> tuple[int, int]:
        """The earliest time at which any step lies, and the one after the last."""
        lengths = np.diff(self.offsets)
        return int(-self.origins.max()), int((lengths - self.origins).max())


@dataclass(frozen=True)
class Window:
    """A stretch of rows and of times, ends excluded."""

    rows: tuple[int, int]
    times: tuple[int, int]


@dataclass(frozen=True)
class Picture:
    """What a window shows: in each cell its highest step, of equal ones the last."""

    window: Window

    row_edges: np.ndarray
    """[R + 1] int64, the rows where cells begin, and where the last ones end."""

    width: int
    """Times that a column covers; the last one may cover fewer within the window."""

    levels: np.ndarray
    """[R, C] uint8: 0 where no step lies, else 1 to 255 from the lowest to the highest value of the scale."""

    rows_within: np.ndarray
    """[R, C] uint8, in which of the cell's rows its highest step lies."""

    times_within: np.ndarray
    """[R, C] uint8, at which of the column's times."""


def peaks(values: np.ndarray, offsets: np.ndarray) -> Peaks:
    """The highest value `[sum T]` of each trajectory, and its first spike."""
    highest = np.maximum.reduceat(values, offsets[:-1])
    # Of values below 0 the half would be above the highest.
    near = np.minimum(highest, (highest * HALF).astype(values.dtype))
    reached = np.flatnonzero(values >= np.repeat(near, np.diff(offsets)))
    first = reached[np.searchsorted(reached, offsets[:-1])]
    return Peaks(highest, first - offsets[:-1])


def row_order(keys: np.ndarray, groups: np.ndarray | None = None, *, is_descending: bool = False) -> np.ndarray:
    """[N] trajectories sorted by a number each, of equal ones the earlier first, unknown ones (NaN) last.

    Args:
        keys: [N] what to sort by.
        groups: [N] int, the group of each: groups stay together, the lowest first.
        is_descending: the largest first.
    """
    keys = keys.astype(np.float64)
    keys = np.where(np.isnan(keys), np.inf, -keys if is_descending else keys)
    order: np.ndarray = np.lexsort((keys,) if groups is None else (keys, groups))
    return order


def origins(align: Alignment, offsets: np.ndarray, first_spikes: np.ndarray) -> np.ndarray:
    """[N] int64, the step of each trajectory that lies at time 0: its first, its last, or its first spike."""
    if align == "start":
        return np.zeros(len(offsets) - 1, dtype=np.int64)
    return np.diff(offsets) - 1 if align == "end" else first_spikes


def levels(values: np.ndarray, high: float) -> np.ndarray:
    """[sum T] uint8, 1 for 0 and below to 255 for `high` and above."""
    scaled = values * np.float32((N_LEVELS - 1) / high) if high > 0 else np.zeros_like(values, dtype=np.float32)
    found: np.ndarray = (np.clip(scaled, 0, N_LEVELS - 1) + np.float32(1.5)).astype(np.uint8)
    return found


def picture(
    steps: np.ndarray,
    layout: Layout,
    window: Window,
    *,
    most_rows: int,
    most_columns: int,
    breaks: tuple[int, ...] = (),
) -> Picture:
    """What a window shows at about this many cells: exactly every step where it has no more rows and times than that.

    Args:
        steps: [sum T] uint8, the level of each step (see `levels`).
        layout: where they lie.
        window: within the layout's rows and times, not empty.
        most_rows: of cells; some more where there are breaks.
        most_columns: of cells; more only where a column would cover more than `MOST_POOLED` times.
        breaks: rows at which a cell has to begin, for example where a group does.
    """
    first_time, end_time = window.times
    width = min(MOST_POOLED, -(-(end_time - first_time) // most_columns))
    edges = _row_edges(window.rows, most_rows, breaks)
    cells = np.zeros((len(edges) - 1, -(-(end_time - first_time) // width)), dtype=np.uint32)
    for place, (begin, end) in enumerate(pairwise(edges.tolist())):
        for within, number in enumerate(layout.order[begin:end].tolist()):
            offset, origin = int(layout.offsets[number]), int(layout.origins[number])
            low, high = max(first_time, -origin), min(end_time, int(layout.offsets[number + 1]) - offset - origin)
            if low < high:
                shown = steps[offset + origin + low : offset + origin + high]
                _raise(cells[place], shown, low - first_time, width, within)
    return Picture(
        window,
        edges,
        width,
        levels=(cells >> 16).astype(np.uint8),
        rows_within=(cells >> 8 & 255).astype(np.uint8),
        times_within=(cells & 255).astype(np.uint8),
    )


def _raise(cells: np.ndarray, steps: np.ndarray, at: int, width: int, row: int) -> None:
    """Let the steps of a row, which begin at this time of the window, into its cells where they are the highest.

    A cell packs level, row and time into one number, so that its maximum carries along where it is.
    """
    packed = steps.astype(np.uint32) << 16 | row << 8
    first, skipped = divmod(at, width)
    if width > 1:
        packed |= (np.arange(skipped, skipped + len(steps)) % width).astype(np.uint32)
        packed = np.maximum.reduceat(packed, np.append(0, np.arange(width - skipped, len(steps), width)))
    into = cells[first : first + len(packed)]
    np.maximum(into, packed, out=into)


def _row_edges(rows: tuple[int, int], most: int, breaks: tuple[int, ...]) -> np.ndarray:
    begin, end = rows
    height = min(MOST_POOLED, -(-(end - begin) // most))
    stops = [begin, *(row for row in breaks if begin < row < end), end]
    stretches = [np.arange(low, high, height) for low, high in pairwise(stops)]
    return np.concatenate([*stretches, [end]])
