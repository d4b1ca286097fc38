"""What the maps of a dataset's states can have along an axis, with every step as a cell of it, kept in files.

A map needs two coordinates of every step. Out of an array with a row a step they take the whole file to read; kept one
byte a step and coordinate, a map over any two of them is counted in a moment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from safemil_core.assessment.principal_components import N, PrincipalComponents, principal_components
from safemil_core.data.dataset_info import DatasetInfo
from safemil_core.data.storage.npy_stream import blocks
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.workspace import whole_file

FINE = 200
"""Cells along an axis as it is kept; maps have a divisor of it."""
OUTSIDE = 255
"""In the place of a cell: the step is in none."""
CENTRAL = (0.5, 99.5)
"""Percentiles between which an axis lies: a single outlier would squeeze all else into one cell."""
BLOCK = 65_536
"""Steps that are read together."""


@dataclass(frozen=True)
class Axis:
    """One coordinate of every step."""

    low: float
    high: float

    cells: np.ndarray
    """[S] uint8, which of FINE equal cells from `low` to `high`; OUTSIDE where it is in none. Possibly memory-mapped.

    A value on an edge belongs to the cell above, the highest one to the last cell.
    """

    @classmethod
    def of(cls, values: np.ndarray, *, is_full: bool = False) -> Axis:
        """Of values `[S]`, over their central 99 % or their full range."""
        low, high = _range(values, is_full)
        edges = np.linspace(low, high, FINE + 1)
        cells = np.empty(len(values), dtype=np.uint8)
        for first in range(0, len(values), BLOCK):
            cells[first : first + BLOCK] = _cells(values[first : first + BLOCK].astype(np.float64), edges)
        return cls(low, high, cells)

    def edges(self, bins: int) -> np.ndarray:
        """[bins + 1] where the cells of a map begin and the last one ends; `bins` divides FINE."""
        return np.linspace(self.low, self.high, FINE + 1)[:: FINE // bins]


def axis_names(info: DatasetInfo) -> tuple[str, ...]:
    """All axes of a dataset by their numbers: observation dimensions, action dimensions, principal components of what
    places a step (`TrajectorySet.coordinates`)."""
    components = ("principal component 1", "principal component 2") if len(info.coordinate_names) >= N else ()
    return (*info.number_names, *components)


def are_alike(names: Sequence[str]) -> bool:
    """Whether dimensions are directions of one space by their names, as x and y are, or vel_x and vel_y: of one unit, a
    plot shows true shapes where all have the same scale."""
    return len({re.sub("[xyz]", "·", name) for name in names}) == 1


class StateAxes:
    """The axes of one dataset, made when they are asked for and then kept.

    Args:
        folder: where they are kept.
        trajectories: of the dataset; whoever only wants what is kept need not open them.
    """

    def __init__(self, folder: Path, trajectories: TrajectorySet) -> None:
        self._folder = folder
        self._trajectories = trajectories

    @property
    def n_dimensions(self) -> int:
        """Axes that are dimensions of observations and actions; principal components come after them."""
        return int(self._trajectories.observations.shape[1] + self._trajectories.actions.shape[1])

    def prepare(self) -> None:
        """Make what is not there yet of all axes over their central range."""
        n = self.n_dimensions + (N if self._trajectories.coordinates.shape[1] >= N else 0)
        for number in range(n):
            self.axis(number)

    def axis(self, number: int, *, is_full: bool = False) -> Axis:
        """One axis, memory-mapped."""
        path = self._path(number, is_full)
        if not path.exists():
            for first, values in self._values(number).items():
                _write(self._path(first, is_full), Axis.of(values, is_full=is_full))
        low, high = np.fromfile(path, dtype="<f8", count=2).tolist()
        return Axis(low, high, np.memmap(path, dtype=np.uint8, mode="r", offset=16))

    def components(self) -> PrincipalComponents:
        """The principal components of what places a step."""
        path = self._folder / "components.json"
        if not path.exists():
            found = vars(principal_components(self._trajectories.coordinates))
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps({name: array.tolist() for name, array in found.items()}))
        kept = json.loads(path.read_text())
        return PrincipalComponents(**{name: np.array(values) for name, values in kept.items()})

    def _path(self, number: int, is_full: bool) -> Path:
        return self._folder / f"{'full' if is_full else 'central'}-{number:04d}.cells"

    def _values(self, number: int) -> dict[int, np.ndarray]:
        """[S] float32, the coordinate of every step; with the other one's where both come from one look at the data."""
        observations, actions = self._trajectories.observations, self._trajectories.actions
        if number < observations.shape[1]:
            return {number: _column(observations, number)}
        if number < self.n_dimensions:
            return {number: _column(actions, number - observations.shape[1])}
        projected = self.components().projected(self._trajectories.coordinates)
        return {self.n_dimensions + component: projected[:, component] for component in range(N)}


def _write(path: Path, axis: Axis) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(np.array([axis.low, axis.high], dtype="<f8").tobytes())
        file.write(axis.cells.data)


def _column(array: np.ndarray, dimension: int) -> np.ndarray:
    return np.concatenate([np.array(block[:, dimension]) for block in blocks(array, BLOCK)])


def _range(values: np.ndarray, is_full: bool) -> tuple[float, float]:
    full = float(values.min()), float(values.max())
    low, high = full if is_full else (float(edge) for edge in np.percentile(values, CENTRAL))
    if low >= high:  # nearly all values are one; show whatever else there is
        low, high = full
    if low >= high:
        half = max(0.5, abs(low) / 1_000)
        low, high = low - half, high + half
    return low, high


def _cells(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The cell of each value: by division, then put right where rounding took it over an edge."""
    low, high = edges[0], edges[-1]
    cells: np.ndarray = np.clip((values - low) * (FINE / (high - low)), 0, FINE - 1).astype(np.intp)
    cells -= (values < edges[cells]) & (cells > 0)
    cells += (values >= edges[cells + 1]) & (cells < FINE - 1)
    cells[(values < low) | (values > high)] = OUTSIDE
    return cells
