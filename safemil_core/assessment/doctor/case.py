"""What a diagnosis may see of a run. NumPy and pandas only.

True costs have no way in. Returns are there to be shown beside what is found; nothing is found, or cured, by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from safemil_core.assessment.agreement import Conflict
from safemil_core.config import RunConfig
from safemil_core.data.labels.records import Segments
from safemil_core.data.storage.statistics import Dimensions
from safemil_core.data.trajectories import TrajectorySet, sum_by_trajectory
from safemil_core.learning.unseen_costs import UnseenCosts

SEEN = ("reach", "return")
"""Of an episode that a policy has played. Like that of a trajectory, its return is there to be shown."""


def seen_of(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a `Run.evaluation` that a diagnosis may see: of every episode what `SEEN` names."""
    policies = {
        policy: {"episodes": [{key: episode[key] for key in SEEN if key in episode} for episode in it["episodes"]]}
        for policy, it in evaluation.get("policies", {}).items()
    }
    return {"policies": policies} if policies else {}


@dataclass(frozen=True)
class NetworkFacts:
    """What the weights of a trained cost network tell."""

    dead_units: tuple[float, ...]
    """Share of each hidden layer's units that say the same of every step."""


@dataclass(frozen=True)
class Case:
    """A run of `N` trajectories with `T` steps in all, as far as it has come."""

    trajectories: TrajectorySet
    """Observations and actions, possibly memory-mapped; without rewards and true costs."""
    labels: np.ndarray
    """[N] `non_preferred`, `preferred`, `unsure` or `none`, as they were when it was trained."""
    config: RunConfig
    descriptors: np.ndarray
    """[N, F] of `descriptors.describe`."""
    inputs: Dimensions
    """Of each number of an observation and, after those, of an action, over all steps."""
    input_names: tuple[str, ...]
    metrics: pd.DataFrame = field(default_factory=pd.DataFrame)
    """One row per logged update."""
    costs: np.ndarray | None = None
    """[T] learned cost of each step; None where there is none, since training diverged or was stopped too early."""
    spread: np.ndarray | None = None
    """[T] deviation of it over the members, where there are several."""
    unseen: UnseenCosts | None = None
    """What networks like this run's say of behaviour that they have not seen; None where they were not asked."""
    weights: np.ndarray | None = None
    """[N] of behaviour cloning."""
    segments: Segments = field(default_factory=dict)
    """Marked as where trajectories went wrong."""
    tags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Trajectories by tag: a tag may name the source that they come from."""
    conflicts: tuple[Conflict, ...] = ()
    """On which people differ."""
    network: NetworkFacts | None = None
    has_diverged: bool = False
    """Whether training ended since a number was none any more."""
    returns: np.ndarray | None = None
    """[N] sum of rewards, where known: shown, never found by."""
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    """What `seen_of` gives of the latest rollouts of the policies; empty before the first."""

    def __post_init__(self) -> None:
        trajectories = self.trajectories
        if trajectories.rewards is not None or trajectories.costs is not None:
            raise ValueError("a diagnosis must not see rewards and true costs; leave them out of the trajectories")
        if self.evaluation != seen_of(self.evaluation):
            raise ValueError("a diagnosis must not see what episodes truly cost; leave it out with `seen_of`")
        n, n_steps = len(trajectories), trajectories.n_steps
        sizes = {"labels": n, "descriptors": n, "weights": n, "returns": n, "costs": n_steps}
        for name, size in sizes.items():
            values = getattr(self, name)
            if values is not None and len(values) != size:
                raise ValueError(f"{name} has {len(values)} rows, expected {size}")

    @property
    def offsets(self) -> np.ndarray:
        """[N + 1] where trajectories begin."""
        return self.trajectories.offsets

    @property
    def lengths(self) -> np.ndarray:
        """[N] steps of each trajectory."""
        return self.trajectories.lengths

    @cached_property
    def marked(self) -> np.ndarray:
        """[n] the trajectories marked non-preferred."""
        return np.flatnonzero(self.labels == "non_preferred")

    @cached_property
    def others(self) -> np.ndarray:
        """[N - n] all others: those that the marked are compared with and that are cloned."""
        return np.flatnonzero(self.labels != "non_preferred")

    @cached_property
    def mean_costs(self) -> np.ndarray | None:
        """[N] mean c of each trajectory's steps; None without learned costs."""
        return None if self.costs is None else sum_by_trajectory(self.costs, self.offsets) / self.lengths
