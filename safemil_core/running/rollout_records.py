"""What policies lived through in the evaluations of a run, step by step. Without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from safemil_core.data.trajectories import TrajectorySet, sum_by_trajectory
from safemil_core.workspace import whole_file

if TYPE_CHECKING:
    from safemil_core.assessment.rollouts import Episode

_OF_STEPS = ("observations", "actions", "rewards", "costs", "learned_costs")


@dataclass(frozen=True)
class Rollouts:
    """The episodes of one policy, in the order of their seeds."""

    steps: TrajectorySet
    """An episode is a trajectory; observations have no images, costs are true ones."""
    learned_costs: np.ndarray
    """[sum T] float32, c of each step."""

    @classmethod
    def of(cls, episodes: Sequence[Episode]) -> Self:
        """What was lived through in episodes."""
        return cls._of_arrays(_arrays(episodes))

    @classmethod
    def _of_arrays(cls, arrays: dict[str, Any]) -> Self:
        learned = arrays.pop("learned_costs")
        return cls(TrajectorySet(**arrays), learned)

    def __len__(self) -> int:
        return len(self.steps)

    def learned_costs_of(self, episode: int) -> np.ndarray:
        """[T] float32, c of each step of one episode."""
        return self.learned_costs[slice(*self.steps.offsets[episode : episode + 2])]

    def totals(self, *, is_true: bool) -> np.ndarray:
        """[E] the sum of the true or of the learned costs of each episode."""
        true = self.steps.true_costs()
        return true if is_true and true is not None else sum_by_trajectory(self.learned_costs, self.steps.offsets)

    def worst_step(self, episode: int, *, is_true: bool) -> int:
        """The first of the highest true cost where any is to be seen, else the one of the highest learned cost."""
        true = self.steps[episode].costs
        if is_true and true is not None and true.any():
            return int(true.argmax())
        return int(self.learned_costs_of(episode).argmax())


def write_rollouts(path: Path, episodes: Sequence[Episode]) -> None:
    """Keep episodes; the file appears whole."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_arrays(episodes))


def read_rollouts(path: Path) -> Rollouts | None:
    """What `write_rollouts` kept, see `Run.rollouts`; None where nothing was evaluated, or by a version that did not
    keep the steps."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as kept:
        return Rollouts._of_arrays(dict(kept))


def _arrays(episodes: Sequence[Episode]) -> dict[str, np.ndarray]:
    """The steps of all episodes one after the other, and where each begins."""
    steps = {key: np.concatenate([getattr(episode, key) for episode in episodes]) for key in _OF_STEPS}
    return {"offsets": np.concatenate([[0], np.cumsum([len(episode) for episode in episodes])]), **steps}
