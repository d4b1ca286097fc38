"""Trajectory and TrajectorySet: the types that everything else speaks. Not how they are stored (`datasets`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from safemil_core.data.recording import NOTHING
from safemil_core.errors import InvalidDataset


@dataclass(frozen=True)
class Trajectory:
    """One recorded episode of `T` steps: views into its set's arrays, nothing copied."""

    observations: np.ndarray
    """[T, O] float32, what the agent saw before each action."""

    actions: np.ndarray
    """[T, A] float32."""

    rewards: np.ndarray | None
    """[T] float32, or None where the data have none."""

    costs: np.ndarray | None
    """[T] float32, the true cost of each step, or None where it is unknown."""

    def __len__(self) -> int:
        return len(self.observations)

    @property
    def coordinates(self) -> np.ndarray:
        """[T, D] float32, what places a step in a plot: the numbers of the observations; those of the actions where
        observations are images alone."""
        return self.observations if self.observations.shape[1] else self.actions


@dataclass(frozen=True)
class TrajectorySet:
    """`N` trajectories of any lengths in flat arrays; trajectory i is the steps offsets[i] to offsets[i + 1].

    Raises:
        InvalidDataset: the arrays do not fit one another, or a value is not finite.
    """

    observations: np.ndarray
    """[sum T, O] float32, possibly memory-mapped."""

    actions: np.ndarray
    """[sum T, A] float32."""

    offsets: np.ndarray
    """[N + 1] int64, first 0, last sum T, strictly increasing."""

    rewards: np.ndarray | None = None
    """[sum T] float32. Shown and used in evaluation; training never sees it."""

    costs: np.ndarray | None = None
    """[sum T] float32, true costs. Shown and used in evaluation; training never sees them."""

    states: np.ndarray | None = None
    """[sum T, S] float32, the simulator's whole state before each step, where the data bring it; to show them with."""

    ends: np.ndarray | None = None
    """[N] uint8, how each trajectory ended: bits of `recording.TERMINATED` and `recording.CUT_OFF`, where known."""

    final_observations: np.ndarray | None = None
    """[N, O] float32, what the agent saw after its last action, where known."""

    images: Mapping[str, np.ndarray] = field(default_factory=lambda: NOTHING)
    """Image observations by name, [sum T, height, width, channels] uint8, possibly memory-mapped."""

    final_images: Mapping[str, np.ndarray] = field(default_factory=lambda: NOTHING)
    """[N, height, width, channels] uint8, by the same names, where known."""

    def __post_init__(self) -> None:
        offsets = self.offsets
        if offsets.ndim != 1 or len(offsets) < 2:
            raise InvalidDataset("expected at least one trajectory, found none")
        if offsets[0] != 0 or (np.diff(offsets) <= 0).any():
            raise InvalidDataset("every trajectory needs at least one step, and their offsets must increase from 0")
        for key, rank in (("observations", 2), ("actions", 2), ("rewards", 1), ("costs", 1), ("states", 2)):
            array = getattr(self, key)
            if array is None:
                continue
            if array.ndim != rank or array.dtype != np.float32:
                raise InvalidDataset(f"{key} must be float32 of rank {rank}, found {array.dtype} of rank {array.ndim}")
            if len(array) != offsets[-1]:
                raise InvalidDataset(f"{key} has {len(array)} steps, the episodes add up to {offsets[-1]}")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Trajectory:
        if not 0 <= index < len(self):
            raise IndexError(f"trajectory {index} of {len(self)}")
        steps = self.steps(index)
        return Trajectory(
            observations=self.observations[steps],
            actions=self.actions[steps],
            rewards=None if self.rewards is None else self.rewards[steps],
            costs=None if self.costs is None else self.costs[steps],
        )

    def __iter__(self) -> Iterator[Trajectory]:
        return (self[index] for index in range(len(self)))

    @property
    def coordinates(self) -> np.ndarray:
        """[sum T, D] float32, what places a step in a plot: the numbers of the observations; those of the actions where
        observations are images alone."""
        return self.observations if self.observations.shape[1] else self.actions

    def steps(self, index: int) -> slice:
        """Where a trajectory lies in the flat arrays."""
        return slice(int(self.offsets[index]), int(self.offsets[index + 1]))

    @property
    def lengths(self) -> np.ndarray:
        """[N] int64, steps of each trajectory."""
        return np.diff(self.offsets)

    @property
    def n_steps(self) -> int:
        return int(self.offsets[-1])

    def returns(self) -> np.ndarray | None:
        """[N] undiscounted sum of rewards of each trajectory, where rewards are known."""
        return None if self.rewards is None else sum_by_trajectory(self.rewards, self.offsets)

    def true_costs(self) -> np.ndarray | None:
        """[N] undiscounted sum of true costs of each trajectory, where they are known."""
        return None if self.costs is None else sum_by_trajectory(self.costs, self.offsets)


def sum_by_trajectory(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[N] float64, the sum over each trajectory of a value per step `[sum T]`."""
    sums: np.ndarray = np.add.reduceat(values.astype(np.float64), offsets[:-1])
    return sums


def evenly_spaced(offsets: np.ndarray, members: np.ndarray, n: int) -> np.ndarray:
    """[members, n] int64, so many steps of each of some trajectories; of one that is shorter, some of them twice."""
    lengths = np.diff(offsets)[members]
    within = (np.arange(n) + 0.5) / n * lengths[:, None]
    steps: np.ndarray = offsets[:-1][members][:, None] + within.astype(np.int64)
    return steps


def owners(offsets: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """[n] int64, the trajectories that these steps of all are of, [n]."""
    found: np.ndarray = np.searchsorted(offsets, steps, side="right") - 1
    return found


def times(offsets: np.ndarray) -> np.ndarray:
    """[sum T] int64, the time of every step within its trajectory."""
    elapsed: np.ndarray = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    return elapsed
