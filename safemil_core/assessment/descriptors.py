"""What a trajectory is like in a few numbers, and which others are like it. NumPy and pandas only.

Rewards and true costs stay out of it: what a labeller is shown next is never steered by what training must not see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

_BEHAVIOUR = re.compile(r"(action )?(mean|spread) \d+|displacement")
BLOCK = 512
"""Rows of distances that are held at once: memory stays at BLOCK x N."""


@dataclass(frozen=True)
class Nearest:
    """For each of `N` trajectories the nearest of some others."""

    distances: np.ndarray
    """[N] float64, infinite where there is no other."""

    which: np.ndarray
    """[N] int64, their numbers; -1 where there is none."""


def describe(table: pd.DataFrame) -> np.ndarray:
    """Standardised descriptors of behaviour: how each number of state and action lies and varies over a trajectory.

    Args:
        table: one row per trajectory with `length` and whichever there are of `mean i`, `spread i`, `action mean i`,
            `action spread i` and `displacement`, as `DatasetStore.table` gives them. All else is left out.

    Returns:
        [N, F] float64, mean 0 and deviation 1 over the trajectories; a number that never varies is 0.
    """
    chosen = [name for name in table.columns if _BEHAVIOUR.fullmatch(str(name))]
    numbers = np.column_stack([table[chosen].to_numpy(np.float64), np.log(table["length"].to_numpy(np.float64))])
    deviations = numbers.std(axis=0)
    # Rounding leaves a deviation of about 1e-16 of its mean where nothing varies; dividing by it would invent a number.
    is_varying = deviations > 1e-9 * np.maximum(np.abs(numbers).max(axis=0), 1e-300)
    centred = (numbers - numbers.mean(axis=0)) * is_varying
    standardised: np.ndarray = centred / np.where(is_varying, deviations, 1.0)
    return standardised


def nearest(descriptors: np.ndarray, to: np.ndarray) -> Nearest:
    """The nearest of the trajectories `to` for every trajectory; for one that is among them, the nearest other.

    Args:
        descriptors: [N, F].
        to: [M] their numbers.
    """
    n = len(descriptors)
    which = np.full(n, -1, dtype=np.int64)
    if len(to):
        place = np.full(n, -1)
        place[to] = np.arange(len(to))
        for start in range(0, n, BLOCK):
            rows = np.arange(start, min(start + BLOCK, n))
            squares = _squared_distances(descriptors[rows], descriptors[to])
            own = place[rows]
            squares[np.flatnonzero(own >= 0), own[own >= 0]] = np.inf
            best = squares.argmin(axis=1)
            which[rows] = np.where(np.isinf(squares[np.arange(len(rows)), best]), -1, to[best])
    # Once more, without the cancellation of the quick formula: equal trajectories are at distance 0.
    exact = np.linalg.norm(descriptors - descriptors[which], axis=1)
    return Nearest(np.where(which < 0, np.inf, exact), which)


def neighbours(descriptors: np.ndarray, n: int) -> np.ndarray:
    """[N, n] the trajectories most like each one, in no order and without itself; fewer where there are no more."""
    n = min(n, len(descriptors) - 1)
    found = np.empty((len(descriptors), n), dtype=np.int64)
    for start in range(0, len(descriptors), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(descriptors)))
        squares = _squared_distances(descriptors[rows], descriptors)
        squares[np.arange(len(rows)), rows] = np.inf
        found[rows] = np.argpartition(squares, n - 1, axis=1)[:, :n] if n else 0
    return found


def similar_to(descriptors: np.ndarray, trajectory: int, n: int) -> np.ndarray:
    """[at most n] the trajectories most like one, the most alike first, without itself."""
    distances = np.linalg.norm(descriptors - descriptors[trajectory], axis=1)
    order = np.argsort(distances, kind="stable")
    similar: np.ndarray = order[order != trajectory][:n]
    return similar


def farthest_first(descriptors: np.ndarray, known: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Trajectories so chosen that each is as unlike as can be to all known and all chosen before it (k-centres).

    Args:
        descriptors: [N, F].
        known: [M] trajectories to keep away from; with none, the first is the one farthest from the mean.
        n: how many; fewer where no more are left.

    Returns:
        Their numbers [n], and the distance of each to the nearest of the known and those before it [n].
    """
    if len(known):
        distances = nearest(descriptors, known).distances
        distances[known] = -1.0
    else:
        distances = np.linalg.norm(descriptors - descriptors.mean(axis=0), axis=1)
    n = min(n, len(descriptors) - len(known))
    chosen, apart = np.empty(n, dtype=np.int64), np.empty(n)
    squares = np.einsum("nf,nf->n", descriptors, descriptors)
    for position in range(n):
        best = int(distances.argmax())
        chosen[position], apart[position] = best, distances[best]
        to_best = squares + squares[best] - 2 * (descriptors @ descriptors[best])
        distances = np.minimum(distances, np.sqrt(np.maximum(to_best, 0.0)))
        distances[best] = -1.0
    return chosen, apart


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[A, B] between the rows of a [A, F] and b [B, F], by one product of matrices."""
    squares: np.ndarray = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    return squares
