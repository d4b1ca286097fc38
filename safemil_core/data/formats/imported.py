"""What reading a file gives, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field

from safemil_core.data.trajectories import TrajectorySet


@dataclass(frozen=True)
class Imported:
    """Trajectories and what a file says about them."""

    trajectories: TrajectorySet

    env_id: str | None = None
    """The gymnasium environment that made the data, where the file names it."""

    observation_names: tuple[str, ...] = ()
    action_names: tuple[str, ...] = ()

    references: dict[str, float] = field(default_factory=dict)
    """Measured reference values: random_return, random_cost, constrained_return, constrained_cost."""

    notes: tuple[str, ...] = ()
    """What the user should know although the file is valid, a sentence each."""
