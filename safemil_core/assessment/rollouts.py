"""Episodes of policies: what one is, and having them lived through by worker processes that hold the simulators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from safetensors.numpy import load, save

from safemil_core.assessment.environments import Environment
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.simulator_workers import TaskLost, Watch, work_through
from safemil_core.errors import EnvironmentUnavailable


@dataclass(frozen=True)
class EpisodeTask:
    """One episode to run: all that a worker needs."""

    env_id: Environment
    interface: Interface
    """Of the dataset that the networks learned from."""
    policy: Path | None
    """The trained network's file; None acts uniformly at random."""
    cost: Path | None
    """The same; None scores nothing."""
    seed: int
    """Of the environment, and of random actions."""
    video: Path | None = None
    """Where to film the episode, with its costs below."""
    frame_stride: int = 0
    """Film every so many steps."""


@dataclass(frozen=True)
class Episode:
    """One episode that a policy lived through, of `T` steps."""

    seed: int
    rewards: np.ndarray
    """[T] float32."""
    costs: np.ndarray
    """[T] float32, true costs."""
    learned_costs: np.ndarray
    """[T] float32, c of each step; 0 where nothing scored them."""
    observations: np.ndarray
    """[T, O] float32, the numbers that the policy saw; images are left out."""
    actions: np.ndarray
    """[T, A] float32, as a dataset has them."""

    def __len__(self) -> int:
        return len(self.rewards)

    def to_bytes(self) -> bytes:
        """All of it, as safetensors: npz would take ten times as long, which tells where steps are short."""
        return save({each.name: np.asarray(getattr(self, each.name)) for each in fields(self)})

    @classmethod
    def from_bytes(cls, content: bytes) -> Episode:
        """What `to_bytes` gave."""
        arrays = load(content)
        return cls(int(arrays.pop("seed")), **arrays)


def run_episodes(
    tasks: Sequence[EpisodeTask],
    on_done: Callable[[int, Episode], None],
    n_workers: int | None = None,
    watch: Watch | None = None,
) -> None:
    """Run episodes side by side, in one process a core or in `n_workers`; `on_done` gets a task's position and episode
    as each ends.

    What an episode is like depends on its task alone, to the bit: not on which others are run, where, or how often one
    has to be begun again because its process crashed, hung or took too much memory (`watch`).

    Raises:
        EnvironmentUnavailable: the simulator is missing, does not fit, or ends its process every time.
    """
    # Films first, which take longest. Then one policy after the other: a worker asks it once for all of its episodes.
    order = sorted(range(len(tasks)), key=lambda position: (not tasks[position].video, str(tasks[position].policy)))
    try:
        work_through(
            "safemil_core.assessment.episode_worker",
            [_as_bytes(tasks[position]) for position in order],
            lambda number, content: on_done(order[number], Episode.from_bytes(content)),
            n_workers,
            watch,
        )
    except TaskLost as lost:
        task = tasks[order[lost.number]]
        raise EnvironmentUnavailable(
            f"an episode of {task.env_id} with seed {task.seed} cannot be run: its process {lost.cause}, each time it "
            "was begun again; look into the log, and mend or update the simulator"
        ) from None


def total(episodes: Iterable[Episode], key: str) -> np.ndarray:
    """[n] the sum of `rewards`, `costs` or `learned_costs` over each episode."""
    return np.array([float(getattr(episode, key).sum()) for episode in episodes])


def task_of(content: bytes) -> EpisodeTask:
    """A task as it came to a worker."""
    return _adapter().validate_json(content)


def _as_bytes(task: EpisodeTask) -> bytes:
    """A task as it goes to a worker, whose folder is another."""
    paths = {name: path.absolute() for name in ("policy", "cost", "video") if (path := getattr(task, name))}
    return _adapter().dump_json(replace(task, **paths))


@cache
def _adapter() -> TypeAdapter[EpisodeTask]:
    return TypeAdapter(EpisodeTask)
