"""The learned cost at steps that nobody has recorded: around one step, with all but one or two of its numbers fixed.

NumPy only. The numbers of a step are those of its observation and then of its action, `O + A`, as the dataset has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safemil_core.assessment.histograms import middles
from safemil_core.data.storage.npy_stream import blocks
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.learning.cost_function import CostFunction

N_CELLS = 48
"""Of a plane, along each axis."""
N_POINTS = 121
"""Of a line."""
N_REACH = 9
"""Points of a line that only says how far the cost reaches."""
_REACH_ROWS = 2_048
"""Steps of such lines that are looked at together."""
N_ALIKE = 150
N_DENSITY = 40
"""Cells of a plane, along each axis, in which recorded steps are counted."""
_BLOCK = 256
"""Sampled steps for which a file is mapped at a time."""
CENTRAL = 0.99
"""Share of the steps that the usual range of a number holds."""


@dataclass(frozen=True)
class Ranges:
    """Where the numbers of a dataset's steps lie."""

    central: np.ndarray
    """[O + A, 2] the central 99 % of each."""
    full: np.ndarray
    """[O + A, 2] all of each."""
    deviation: np.ndarray
    """[O + A] the standard deviation of each."""

    @classmethod
    def of(cls, numbers: np.ndarray) -> Ranges:
        """Of steps [S, O + A]."""
        beyond = (1 - CENTRAL) / 2
        return cls(
            central=np.quantile(numbers, [beyond, 1 - beyond], axis=0).T,
            full=np.stack([numbers.min(axis=0), numbers.max(axis=0)], axis=1),
            deviation=numbers.std(axis=0),
        )


@dataclass(frozen=True)
class Plane:
    """The cost over two numbers of a step."""

    x: np.ndarray
    """[n] float32 values of the one."""
    y: np.ndarray
    """[n] float32 values of the other."""
    costs: np.ndarray
    """[n, n] float32, a row for each value of y."""
    spread: np.ndarray | None
    """[n, n] float32, how far the networks of an ensemble differ; None where there is one."""

    def holds(self, points: np.ndarray) -> np.ndarray:
        """[S] bool, which of the points [S, 2] lie in it."""
        low, high = ([float(axis[end]) for axis in (self.x, self.y)] for end in (0, -1))
        is_inside: np.ndarray = np.all((points >= low) & (points <= high), axis=1)
        return is_inside


@dataclass(frozen=True)
class Density:
    """Where recorded steps lie in a plane: its outline at 0.5 holds half of those in the plane."""

    x: np.ndarray
    """[n] middles of cells."""
    y: np.ndarray
    """[n]."""
    held: np.ndarray
    """[n, n] share of the steps that lie in denser cells, a row for each value of y."""


@dataclass(frozen=True)
class Line:
    """The cost over one number of a step, or over the choices of an action."""

    x: np.ndarray
    """[n] float32."""
    costs: np.ndarray
    """[n] float32."""
    spread: np.ndarray | None
    """[n] float32, as in `Plane`."""


def widened(bounds: np.ndarray, value: float, by: float = 0.0) -> tuple[float, float]:
    """A range [2] that reaches further by this share of itself to either side, and as far as a value; never empty."""
    low, high = bounds.tolist()
    more = by * (high - low)
    low, high = min(low - more, value), max(high + more, value)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def plane(
    function: CostFunction, step: np.ndarray, x: int, y: int, across: tuple[float, float], up: tuple[float, float]
) -> Plane:
    """The cost of a step [O + A] with its numbers x and y moved over two ranges."""
    xs, ys = np.linspace(*across, N_CELLS, dtype=np.float32), np.linspace(*up, N_CELLS, dtype=np.float32)
    numbers = np.tile(step.astype(np.float32), (N_CELLS * N_CELLS, 1))
    numbers[:, x], numbers[:, y] = np.tile(xs, N_CELLS), np.repeat(ys, N_CELLS)
    costs, spread = _costs(function, numbers)
    shape = (N_CELLS, N_CELLS)
    return Plane(xs, ys, costs.reshape(shape), None if spread is None else spread.reshape(shape))


def line(function: CostFunction, step: np.ndarray, number: int, values: np.ndarray) -> Line:
    """The cost of a step [O + A] with one of its numbers set to each of these values [n]."""
    numbers = np.tile(step.astype(np.float32), (len(values), 1))
    numbers[:, number] = values
    return Line(values.astype(np.float32), *_costs(function, numbers))


def density(over: Plane, points: np.ndarray) -> Density:
    """Where points [S, 2] lie densely; spread over neighbouring cells, so that outlines do not follow chance."""
    inside = points[over.holds(points)]
    within = [(float(axis[0]), float(axis[-1])) for axis in (over.x, over.y)]
    counts, x_edges, y_edges = np.histogram2d(inside[:, 0], inside[:, 1], bins=N_DENSITY, range=within)
    counts = _smoothed(counts)
    falling = np.sort(counts.ravel())[::-1]
    held = np.concatenate([[0.0], np.cumsum(falling) / max(1.0, falling.sum())])
    denser = held[np.searchsorted(-falling, -counts)]
    return Density(middles(x_edges), middles(y_edges), denser.T)


def sampled(trajectories: TrajectorySet, n: int) -> np.ndarray:
    """[S, O + A] float32, observations and actions of evenly spaced steps, `n` to twice as many, of few steps all.

    Read in blocks that are let go: an even stride touches every page of a large file, and would keep it in memory.
    """
    every = max(1, trajectories.n_steps // n)
    return np.concatenate(
        [
            np.concatenate([block[::every].copy() for block in blocks(steps, every * _BLOCK)])
            for steps in (trajectories.observations, trajectories.actions)
        ],
        axis=1,
    )


def reach(function: CostFunction, steps: np.ndarray, ranges: np.ndarray, among: list[int]) -> np.ndarray:
    """[len(among)] by how much the cost varies while each of these numbers alone moves over its range: the mean over
    steps [n, O + A]."""
    reached = []
    at_once = max(1, _REACH_ROWS // (N_REACH * len(steps)))
    for some in (among[start : start + at_once] for start in range(0, len(among), at_once)):
        numbers = np.tile(steps, (len(some), N_REACH, 1, 1))
        for place, number in enumerate(some):
            numbers[place, :, :, number] = np.linspace(ranges[number, 0], ranges[number, 1], N_REACH)[:, None]
        costs, _ = _costs(function, numbers.reshape(-1, steps.shape[1]))
        reached.append(np.ptp(costs.reshape(len(some), N_REACH, len(steps)), axis=1).mean(axis=1))
    return np.concatenate(reached) if reached else np.empty(0)


def by_reach(function: CostFunction, steps: np.ndarray, ranges: np.ndarray, among: Sequence[int]) -> list[int]:
    """These numbers of a step, the one first that moves the cost of steps [n, O + A] most; see `reach`."""
    reached = reach(function, steps, ranges, list(among))
    return [among[place] for place in np.argsort(-reached, kind="stable")]


def alike(numbers: np.ndarray, deviation: np.ndarray, step: np.ndarray, free: tuple[int, ...]) -> np.ndarray:
    """[at most N_ALIKE] the steps of [S, O + A] whose other numbers than the free ones are most like those of a step.

    By the distance with each number divided by its deviation [O + A]; numbers that never vary do not count.
    """
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    scale[list(free)] = 0.0
    differences = (numbers - step) * scale
    squares = np.einsum("sd,sd->s", differences, differences)
    n = min(N_ALIKE, len(numbers))
    nearest: np.ndarray = np.argpartition(squares, n - 1)[:n]
    return nearest


def _smoothed(counts: np.ndarray) -> np.ndarray:
    """Counts [n, m], of which each gives a half to its neighbours along either axis, twice."""
    for axis in (0, 1):
        for _ in range(2):
            padded = np.pad(counts, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
            before, after = (np.take(padded, np.arange(n, n + counts.shape[axis]), axis=axis) for n in (0, 2))
            counts = (before + 2 * counts + after) / 4
    return counts


def _costs(function: CostFunction, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """[n] the mean over the networks and, of an ensemble, their deviation."""
    each = function.each(function.inputs(numbers))
    return each.mean(axis=0), each.std(axis=0) if len(each) > 1 else None
