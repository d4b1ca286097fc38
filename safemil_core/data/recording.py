"""What reading a file gives, whatever its format: what it says of itself, and its steps in blocks.

A reader never holds a file whole: `Recording.steps` is an iterator, and `storage.build` writes each block away.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from safemil_core.errors import InvalidDataset

NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})

REFERENCES = ("random_return", "random_cost", "constrained_return", "constrained_cost")
"""Values that a dataset's returns and costs are measured in, by DSRL's names for them."""

GOES_ON, TERMINATED, CUT_OFF = 0, 1, 2
"""How a step ends, in bits: the environment said that the episode is over; a time limit or the recording ended it."""


DTYPES = ("float32", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
"""Of parts: all floating-point numbers become float32, the others keep their type on the way out."""


@dataclass(frozen=True)
class Part:
    """One named part of what an agent sees or does: where the data have a dictionary, one of its leaves."""

    name: str = ""
    """Path within a dictionary, its keys joined by `/`; empty where there is no dictionary."""

    shape: tuple[int, ...] = ()
    """Of one step's value; () is a single number."""

    dtype: str = "float32"
    """As the file has it, so that an export can give it back: float32, or an integer or bool type."""

    n_choices: int | None = None
    """Of a discrete value: it is one of 0 to n_choices - 1."""

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES or any(size < 0 for size in self.shape):
            raise InvalidDataset(f"{self.name!r} holds {self.dtype} of shape {self.shape}, expected numbers")

    @property
    def size(self) -> int:
        """Numbers that it takes in the flat vector of a step."""
        return math.prod(self.shape)  # of any magnitude, where a file makes it up


@dataclass(frozen=True)
class Clip:
    """A piece of a video file that shows one trajectory."""

    file: str
    """Relative to the dataset's folder, as it lies at the source."""
    start_s: float
    end_s: float


@dataclass(frozen=True)
class About:
    """What a file says of itself before its steps are read."""

    observations: tuple[Part, ...]
    """Parts of the flat observation vector, in order; their sizes add up to O. Empty: images are all there is."""

    actions: tuple[Part, ...]
    """Parts of the flat action vector; their sizes add up to A."""

    images: tuple[Part, ...] = ()
    """Image observations, uint8 of shape (height, width, channels); they stay out of the flat vector."""

    has_rewards: bool = False
    has_costs: bool = False

    n_states: int = 0
    """Numbers of the simulator's state that comes with each step; 0: none does."""

    n_steps: int | None = None
    """Where the file says it, for progress only."""

    env_id: str | None = None
    """The gymnasium environment that made the data, where the file names it. Never built because a file says so."""

    observation_names: tuple[str, ...] = ()
    """One for each of the O numbers, or none: they are then made from the parts."""

    action_names: tuple[str, ...] = ()

    references: Mapping[str, float] = field(default_factory=dict)
    """Measured values of REFERENCES, all of them finite."""

    notes: tuple[str, ...] = ()
    """What the user should know although the file is valid, a sentence each."""

    labels: Mapping[int, str] = field(default_factory=dict)
    """Labels that the file brings, by trajectory: non_preferred, preferred, unsure."""

    segments: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """Non-preferred segments that the file brings, by trajectory: first and last step."""

    tags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Named groups of trajectories that the file brings, for example robomimic's `mask/*`."""

    clips: Mapping[int, Clip] = field(default_factory=dict)
    """Videos that come with the data, by trajectory."""

    facts: Mapping[str, str] = field(default_factory=dict)
    """What else the file says of itself, for the dataset's card: author, licence, task, ..."""


@dataclass(frozen=True)
class Steps:
    """`n` consecutive steps. A block may begin and end anywhere within an episode."""

    observations: np.ndarray
    """[n, O] float32."""

    actions: np.ndarray
    """[n, A] float32."""

    ends: np.ndarray
    """[n] uint8: GOES_ON, or bits of TERMINATED and CUT_OFF at the last step of an episode."""

    rewards: np.ndarray | None = None
    """[n] float32."""

    costs: np.ndarray | None = None
    """[n] float32."""

    states: np.ndarray | None = None
    """[n, S] float32, the whole state of the simulator that made the data, with which pictures can be made again."""

    images: Mapping[str, np.ndarray] = field(default_factory=lambda: NOTHING)
    """[n, height, width, channels] uint8 by the name of the part."""

    final_observations: np.ndarray | None = None
    """[number of ends in this block, O] float32, what the agent saw after the last action, where that is known."""

    final_images: Mapping[str, np.ndarray] = field(default_factory=lambda: NOTHING)
    """[number of ends in this block, height, width, channels] uint8."""

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True)
class Options:
    """What a user may have to say because a file does not."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a table: which columns are `trajectory`, `step`, `observations`, `actions`, `reward`, `cost`, `terminated`,
    `truncated`. A role that is missing is guessed from the names; one without columns is absent."""

    episode_length: int | None = None
    """Steps of every episode, where the file does not say where episodes end."""


@dataclass(frozen=True)
class Recording:
    """A file, read as far as somebody asks for."""

    about: About
    steps: Iterator[Steps]


def readable(text: str) -> str:
    """A text of a file without what can be neither shown nor stored: control characters and halves of characters."""
    return _UNREADABLE.sub("", text)


_UNREADABLE = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""But for tabs and line breaks."""


def flat_names(parts: tuple[Part, ...], kind: str) -> tuple[str, ...]:
    """A name for each number of a flat vector: `robot/arm 0`, `robot/arm 1`, or `obs 0` where a part has no name."""
    return tuple(
        f"{part.name or kind} {index}" if part.size > 1 or not part.name else part.name
        for part, index in _numbered(parts)
    )


def _numbered(parts: tuple[Part, ...]) -> Iterator[tuple[Part, int]]:
    for part in parts:
        for index in range(part.size):
            yield part, index
