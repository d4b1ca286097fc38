"""What contestants are asked to do again and again, in terms that JSON can say. Neither torch nor `learning` here: each
contestant sets up its own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

Task = Literal["cost", "alternating", "cloning", "cloning a mixture"]
"""An update of the cost network; of the cost network and then of policies; of policies, by plain cloning."""

N_POLICY_BATCH = 256
"""State-action pairs of an update of the policy, except in the reference's alternating update."""
WHOLE = 0
"""A window that is a whole trajectory."""


@dataclass(frozen=True)
class Workload:
    """One update, in all that decides its speed."""

    task: Task
    data: str
    """Folder of an `Example`."""
    device: str
    precision: str = "float32"
    bag_size: int = 128
    """K."""
    window: int = 10
    """H, or WHOLE."""
    hidden: int = 256
    """Width of both hidden layers."""
    policies: int = 2
    """That are cloned side by side, where the contestant can."""
    is_default: bool = False
    """Whether the cost network is that of a run's defaults, which has no hidden layers, instead of the paper's."""
    is_on_host: bool = False
    """Whether the data stay there, as those do that are larger than the device's memory."""


@dataclass(frozen=True)
class Prepared:
    """What a contestant has made of a workload."""

    update: Callable[[], object]
    period: int = 1
    """Updates after which everything that an update may entail has happened once."""
    costs: Callable[[], np.ndarray] | None = None
    """[sum T] the learned cost of every step, where costs are learned."""


@dataclass(frozen=True)
class Example:
    """Trajectories, and which are marked."""

    observations: np.ndarray
    """[sum T, O] float32."""
    actions: np.ndarray
    """[sum T, A] float32."""
    offsets: np.ndarray
    """[N + 1] where trajectories begin."""
    labels: np.ndarray
    """[N] `non_preferred` or `none`."""

    @classmethod
    def read(cls, folder: str) -> Self:
        """From the files that `examples` writes."""
        names = ("observations", "actions", "offsets", "labels")
        return cls(*(np.load(Path(folder) / f"{name}.npy", allow_pickle=False) for name in names))

    def steps_of(self, window: int) -> int:
        """H, in steps."""
        shortest = int(np.diff(self.offsets).min())
        return min(window, shortest) if window != WHOLE else shortest

    def is_marked(self) -> np.ndarray:
        """[N] bool."""
        marked: np.ndarray = self.labels == "non_preferred"
        return marked
