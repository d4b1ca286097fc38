"""What the trajectories of a dataset observe and do, and whether an environment offers that. No environments here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.recording import Part
from safemil_core.errors import EnvironmentUnavailable


@dataclass(frozen=True)
class Interface:
    """Between an agent and its environment, as a dataset has it."""

    n_observations: int
    """Numbers of an observation; 0 where it is an image alone."""
    actions: tuple[Part, ...]
    images: tuple[Part, ...] = ()
    """Of an observation."""

    @classmethod
    def of(cls, dataset: DatasetInfo) -> Self:
        """Of a dataset."""
        return cls(dataset.n_observations, dataset.actions, dataset.images)

    @cached_property
    def choices(self) -> list[int | None]:  # asked for at every step
        """Of each action how many there are to choose from; None where it is a number."""
        return [part.n_choices for part in self.actions for _ in range(part.size)]


def require_fit(env_id: str, observed: Any, acted: Any, interface: Interface) -> None:
    """Whether an environment offers what a dataset has.

    Args:
        env_id: name of the environment.
        observed: its gymnasium space of observations.
        acted: its space of actions.
        interface: of the dataset.

    Raises:
        EnvironmentUnavailable: it does not.
    """
    is_observing = interface.n_observations in (0, _size(observed))
    if not (is_observing and _can_act(acted, interface.choices)):
        raise EnvironmentUnavailable(
            f"{env_id} has observations of {_words(observed)} and actions of {_words(acted)}, the dataset has "
            f"{_numbers(interface.n_observations)} and {_chosen(interface.choices)}; import it with another --env"
        )
    shapes = [part.shape for part in interface.images]
    if shapes and shapes != [observed.shape] and (len(shapes) > 1 or shapes[0][2] % 3):
        raise EnvironmentUnavailable(
            f"a policy sees one picture of {env_id} in three colours, or the last few of them, but the dataset has "
            f"images of {' and '.join(' x '.join(map(str, shape)) for shape in shapes)}; evaluate it elsewhere"
        )


def image_of(frames: Sequence[np.ndarray], n: int) -> np.ndarray:
    """[height, width, 3n] the last `n` of frames [height, width, 3], the oldest first, so that motion can be seen;
    where there are fewer, the first stands for those before it too."""
    latest = list(frames)[-n:]
    return np.concatenate([latest[0]] * (n - len(latest)) + latest, axis=2)


def newest_frames(images: np.ndarray) -> np.ndarray:
    """[T, height, width, 3] the last frame in each of images [T, height, width, channels]; without colours in grey."""
    n = images.shape[3]
    if n < 3:
        return np.repeat(images[..., :1], 3, axis=3)
    return images[..., -3:] if n % 3 == 0 else images[..., :3]


def _can_act(space: Any, choices: list[int | None]) -> bool:
    offered = _choices(space)
    if offered is None:
        return _size(space) == len(choices) == choices.count(None)
    return len(offered) == len(choices) and all(n and n <= most for n, most in zip(choices, offered, strict=True))


def _choices(space: Any) -> list[int] | None:
    """Of each action of a space; None where actions are numbers."""
    kind = type(space).__name__
    if kind == "Discrete":
        return [int(space.n)]
    return [int(n) for n in space.nvec.flat] if kind == "MultiDiscrete" else None


def _size(space: Any) -> int | None:
    """Numbers of a point of a space; None where it is no array."""
    return None if space.shape is None else int(np.prod(space.shape))


def _words(space: Any) -> str:
    size, choices = _size(space), _choices(space)
    if choices:
        return _chosen(choices)
    return f"kind {type(space).__name__}" if size is None else _numbers(size)


def _chosen(choices: Sequence[int | None]) -> str:
    if None in choices:
        return _numbers(len(choices))
    return f"{' and '.join(map(str, choices))} choices"


def _numbers(n: int) -> str:
    return f"{n} number{'s' * (n != 1)}"
