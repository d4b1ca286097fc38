"""Curated: chosen trajectories of a dataset with all that is said about them. It is what an export writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from safemil_core.data.recording import CUT_OFF, NOTHING, About
from safemil_core.data.trajectories import TrajectorySet


@dataclass(frozen=True)
class CuratedTrajectory:
    """One trajectory of `T` steps as it is written."""

    number: int
    """Its number in the dataset that it was chosen from."""

    observations: np.ndarray
    """[T, O] float32."""

    actions: np.ndarray
    """[T, A] float32."""

    rewards: np.ndarray | None
    """[T] float32."""

    costs: np.ndarray | None
    """[T] float32, true costs."""

    states: np.ndarray | None
    """[T, S] float32, of the simulator that made the data."""

    end: int
    """Bits of `recording.TERMINATED` and `recording.CUT_OFF`; CUT_OFF where the dataset does not know."""

    final_observation: np.ndarray | None
    """[O] float32, after the last action, where known."""

    images: Mapping[str, np.ndarray]
    """[T, height, width, channels] uint8 by name."""

    final_images: Mapping[str, np.ndarray]
    """[height, width, channels] uint8 by name, where known."""

    label: str
    """non_preferred, preferred, unsure or none."""

    segments: tuple[tuple[int, int], ...]
    """First and last step of each segment that somebody marked as where it went wrong."""

    tags: tuple[str, ...]

    weight: float | None
    """Of behaviour cloning, where a run gave one."""

    learned_costs: np.ndarray | None
    """[T] float32, where a run gave them."""

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True)
class Curated:
    """`M` trajectories, in the order in which they are to be written."""

    trajectories: TrajectorySet
    """All N of the dataset, memory-mapped."""

    chosen: np.ndarray
    """[M] int64, numbers within them."""

    about: About
    """Parts, names, environment, references and facts; its labels, segments and tags are not used."""

    labels: np.ndarray
    """[N] str."""

    segments: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """By number in the dataset."""

    tags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Numbers in the dataset by tag."""

    weights: np.ndarray | None = None
    """[N] float64."""

    learned_costs: np.ndarray | None = None
    """[sum T] float32."""

    card: str = ""
    """The dataset's card in Markdown, for formats that are folders with a README."""

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def n_steps(self) -> int:
        """Of the chosen trajectories."""
        return int(self.trajectories.lengths[self.chosen].sum())

    def __iter__(self) -> Iterator[CuratedTrajectory]:
        return (self._one(int(number)) for number in self.chosen)

    def _one(self, number: int) -> CuratedTrajectory:
        every = self.trajectories
        steps = every.steps(number)
        one = every[number]
        return CuratedTrajectory(
            number=number,
            observations=one.observations,
            actions=one.actions,
            rewards=one.rewards,
            costs=one.costs,
            states=None if every.states is None else every.states[steps],
            end=CUT_OFF if every.ends is None else int(every.ends[number]),
            final_observation=None if every.final_observations is None else every.final_observations[number],
            images={name: array[steps] for name, array in every.images.items()} or NOTHING,
            final_images={name: array[number] for name, array in every.final_images.items()} or NOTHING,
            label=str(self.labels[number]),
            segments=tuple(self.segments.get(number, ())),
            tags=tuple(tag for tag, members in self.tags.items() if number in members),
            weight=None if self.weights is None else float(self.weights[number]),
            learned_costs=None if self.learned_costs is None else self.learned_costs[steps],
        )

    def renumbered(self) -> tuple[dict[int, str], dict[int, tuple[tuple[int, int], ...]], dict[str, tuple[int, ...]]]:
        """Labels, segments and tags by the numbers 0 to M - 1 that the trajectories have in the export."""
        new = {int(old): position for position, old in enumerate(self.chosen)}
        return (
            {new[int(old)]: str(self.labels[old]) for old in self.chosen if self.labels[old] != "none"},
            {new[old]: tuple(spans) for old, spans in self.segments.items() if old in new and spans},
            {tag: tuple(sorted(new[old] for old in members if old in new)) for tag, members in self.tags.items()},
        )
