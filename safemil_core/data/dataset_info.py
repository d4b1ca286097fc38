"""DatasetInfo: what is known of a dataset without opening its arrays; kept as info.json beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from safemil_core.data.recording import About, Part, flat_names, readable
from safemil_core.data.storage.about_json import part_of
from safemil_core.data.storage.build import Built
from safemil_core.data.storage.statistics import Dimensions
from safemil_core.errors import InvalidDataset

LONGEST_HOW = 200
"""Characters that are kept of how a version's trajectories were chosen."""


@dataclass(frozen=True)
class Parent:
    """A dataset that another was made from."""

    id: str
    name: str
    """As it was then."""
    how: str
    """The filter or merge, in words."""
    parents: tuple[Parent, ...] = ()
    """Its own, where it was made from others too."""


@dataclass(frozen=True)
class DatasetInfo:
    """One dataset, by one of its names."""

    id: str
    """First 16 hexadecimal digits of the SHA-256 over all content: equal content, equal id."""
    name: str
    source: str
    """Name of the file that it came from, or of the datasets that it was made from."""
    imported_at: str
    n_trajectories: int
    n_steps: int
    n_observations: int
    n_actions: int
    observation_names: tuple[str, ...]
    """One for each number of an observation."""
    action_names: tuple[str, ...]
    env_id: str | None = None
    has_rewards: bool = False
    has_costs: bool = False
    references: Mapping[str, float] = field(default_factory=dict)
    """random_return, random_cost, constrained_return, constrained_cost, where the file gave them."""
    notes: tuple[str, ...] = ()
    format: str = "DSRL HDF5"
    observations: tuple[Part, ...] = ()
    """Parts of the flat observation, in order."""
    actions: tuple[Part, ...] = ()
    images: tuple[Part, ...] = ()
    """Image observations, which are not in the flat one."""
    has_videos: bool = False
    """Whether some trajectories come with the recorder's own video."""
    parents: tuple[Parent, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else the file says of itself: author, licence, task, ..."""
    author: str = ""
    """Who imported it."""
    statistics: Mapping[str, Dimensions] = field(default_factory=dict)
    """Of each dimension of `observations` and `actions` over all steps; empty until asked for in old datasets."""

    @property
    def coordinate_names(self) -> tuple[str, ...]:
        """Of what places a step in a plot, as `TrajectorySet.coordinates` has it."""
        return self.observation_names if self.n_observations else self.action_names

    @property
    def number_names(self) -> tuple[str, ...]:
        """Of the O + A numbers of a step."""
        return (*self.observation_names, *self.action_names)

    @property
    def choices(self) -> tuple[int | None, ...]:
        """Of each number of an action, how many there are to choose from; None where it is no choice."""
        return tuple(part.n_choices for part in self.actions for _ in range(part.size))

    @property
    def can_replay(self) -> bool:
        """Whether there is anything to show a trajectory with: a video, images, or an environment to place it in."""
        return self.has_videos or bool(self.images) or self.env_id is not None

    @property
    def replays(self) -> str:
        """The folder of its replays among those of all: another environment shows the same content otherwise."""
        return f"{self.id}/{hashlib.sha256((self.env_id or '').encode()).hexdigest()[:8]}"

    @classmethod
    def of(
        cls,
        built: Built,
        *,
        name: str,
        source: str,
        file_format: str,
        at: str,
        author: str,
        parents: tuple[Parent, ...],
    ) -> Self:
        """Of arrays that were just built."""
        about = built.about
        return cls(
            id=built.id,
            name=name,
            source=source,
            imported_at=at,
            n_trajectories=built.n_trajectories,
            n_steps=built.n_steps,
            n_observations=sum(part.size for part in about.observations),
            n_actions=sum(part.size for part in about.actions),
            observation_names=about.observation_names or flat_names(about.observations, "obs"),
            action_names=about.action_names or flat_names(about.actions, "action"),
            env_id=about.env_id,
            has_rewards=about.has_rewards,
            has_costs=about.has_costs,
            references=about.references,
            notes=about.notes,
            format=file_format,
            observations=about.observations,
            actions=about.actions,
            images=about.images,
            has_videos=bool(about.clips),
            parents=parents,
            facts=about.facts,
            author=author,
            statistics={"observations": built.observations, "actions": built.actions},
        )

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` gave, now or in the first version, which knew less. Raises InvalidDataset where it did not."""
        try:
            values: dict[str, Any] = json.loads(text)
            values.setdefault("observations", [asdict(Part(shape=(values["n_observations"],)))])
            values.setdefault("actions", [asdict(Part(shape=(values["n_actions"],)))])
            return cls(**{key: _READ[key](value) if key in _READ else value for key, value in values.items()})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InvalidDataset("its info.json is damaged; import its file again") from None

    def about(self) -> About:
        """What the files must have said, where that was not kept."""
        return About(
            observations=self.observations,
            actions=self.actions,
            images=self.images,
            has_rewards=self.has_rewards,
            has_costs=self.has_costs,
            n_steps=self.n_steps,
            references=self.references,
            facts=self.facts,
        )


def in_short(how: str, n_trajectories: int) -> str:
    """How trajectories were chosen, as `Parent.how` and the note of their labels have it: of a long list of numbers the
    first ones, and how many there are."""
    how = readable(how)
    if len(how) <= LONGEST_HOW:
        return how
    whole_numbers = how[:LONGEST_HOW].rstrip("0123456789")
    return f"{whole_numbers}… ({n_trajectories:,} trajectories)"


def _parent_of(values: dict[str, Any]) -> Parent:
    return Parent(**{**values, "parents": tuple(map(_parent_of, values.get("parents", ())))})


_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("observations", "actions", "images"), lambda parts: tuple(map(part_of, parts))),
    **dict.fromkeys(("observation_names", "action_names", "notes"), tuple),
    "parents": lambda parents: tuple(map(_parent_of, parents)),
    "statistics": lambda of: {key: Dimensions(**{k: tuple(v) for k, v in one.items()}) for key, one in of.items()},
}
