"""Which trajectories hardly move. NumPy and pandas only; rewards and true costs stay out of it.

A trajectory's reach is how far its states lie from their own mean: the root mean square distance over its steps, in
deviations of the dataset, averaged over the dimensions that vary in it. A body that trembles in one place has a small
reach whatever it does with its limbs; one that goes round and round has a large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from safemil_core.data.storage.statistics import Moments
from safemil_core.data.trajectories import TrajectorySet

IMMOBILE_REACH = 0.5
"""Of the median trajectory's: with less reach, a trajectory counts as immobile. In the bundled dataset no trajectory
lies between 0.49 and 0.76 of it, and those below are the ones with next to no return."""
_BLOCK = 2**20
"""Numbers of the steps that are looked at at once, about: 16 MB of float64 with their copies."""


@dataclass(frozen=True)
class Yardstick:
    """What the reach of any trajectory, one that a policy lives through too, is measured in."""

    deviations: np.ndarray
    """[D] of the coordinates over all steps of a dataset."""
    median: float
    """The reach of its median trajectory."""

    @classmethod
    def of(cls, trajectories: TrajectorySet) -> Self:
        """Of a dataset, read block by block. Where its table is at hand, `of_table` need not read the steps."""
        return cls._of(*stretches(trajectories))

    @classmethod
    def of_table(cls, table: pd.DataFrame) -> Self:
        """The same from the table of its trajectories, see `trajectory_table.read_table`."""
        return cls._of(*_stretches_by_table(table))

    @classmethod
    def _of(cls, lengths: np.ndarray, means: np.ndarray, spreads: np.ndarray) -> Self:
        deviations = _deviations(lengths, means, spreads)
        return cls(deviations, float(np.median(_reach(spreads, deviations))))

    def measure(self, trajectories: TrajectorySet) -> np.ndarray:
        """[N] float64, the reach of each trajectory: 1 is the median one's; 0 everywhere where nothing moves."""
        return self._in_medians(stretches(trajectories)[2])

    def measure_table(self, table: pd.DataFrame) -> np.ndarray:
        """[N] float64, the same from the table of the trajectories."""
        return self._in_medians(_stretches_by_table(table)[2])

    def _in_medians(self, spreads: np.ndarray) -> np.ndarray:
        return _reach(spreads, self.deviations) / (self.median or 1.0)


def is_immobile(trajectories: TrajectorySet) -> np.ndarray:
    """[N] bool, whether each trajectory reaches less than half as far as the median one.

    Reads the steps block by block. Where the dataset's table is at hand, `is_immobile_by_table` need not.
    """
    return _is_far_below_median(*stretches(trajectories))


def is_immobile_by_table(table: pd.DataFrame) -> np.ndarray:
    """[N] bool, the same from the table of the trajectories."""
    return _is_far_below_median(*_stretches_by_table(table))


def stretches(trajectories: TrajectorySet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Length [N], mean [N, D] and deviation [N, D] of the coordinates of each trajectory, read block by block."""
    offsets, coordinates = trajectories.offsets, trajectories.coordinates
    n_steps = max(1, _BLOCK // max(1, coordinates.shape[1]))
    # Whole trajectories: each block begins with the first that begins after so many steps.
    begins = np.unique(np.searchsorted(offsets[:-1], np.arange(0, offsets[-1], n_steps)))
    begins = begins[begins < len(trajectories)]
    parts = []
    for first, beyond in zip(begins, [*begins[1:], len(trajectories)], strict=True):
        start, stop = offsets[first], offsets[beyond]
        parts.append(Moments.of(np.asarray(coordinates[start:stop]), offsets[first:beyond] - start))
    lengths, means, spreads = zip(*((part.n, part.mean, part.spread) for part in parts), strict=True)
    return np.concatenate(lengths), np.concatenate(means), np.concatenate(spreads)


def _deviations(lengths: np.ndarray, means: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """[D] the deviation of each dimension over all steps, from those of each trajectory [N], [N, D], [N, D]."""
    shares = (lengths / lengths.sum())[:, None]
    mean = (shares * means).sum(axis=0)
    of: np.ndarray = np.sqrt((shares * (spreads**2 + (means - mean) ** 2)).sum(axis=0))
    return of


def _reach(spreads: np.ndarray, of: np.ndarray) -> np.ndarray:
    """[N] from deviations within each trajectory [N, D] and those to measure in [D]."""
    varies = of > 1e-9 * max(float(of.max(initial=0.0)), 1e-300)
    if not varies.any():
        return np.zeros(len(spreads))
    far: np.ndarray = np.sqrt(((spreads[:, varies] / of[varies]) ** 2).mean(axis=1))
    return far


def _is_far_below_median(lengths: np.ndarray, means: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    far = _reach(spreads, _deviations(lengths, means, spreads))
    below: np.ndarray = far < IMMOBILE_REACH * np.median(far)
    return below


def _stretches_by_table(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `stretches` gives."""
    prefix = "" if "mean 0" in table.columns else "action "  # where observations are images alone
    n_dimensions = sum(str(name).startswith(f"{prefix}mean ") for name in table.columns)
    means, spreads = (
        table[[f"{prefix}{kind} {i}" for i in range(n_dimensions)]].to_numpy(np.float64) for kind in ("mean", "spread")
    )
    return table["length"].to_numpy(), means, spreads
