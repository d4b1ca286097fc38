"""What a measurement says, as rows: of the engine beside what it is compared with, like with like."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from safemil_core.bench.workloads import WHOLE, Workload

What = Literal[
    "cost update", "default cost update", "fetched cost update", "alternating update", "cloning update", "time to AUC"
]
Number = float | None


@dataclass(frozen=True)
class Row:
    """One comparison. None: does not apply, or was not reached."""

    what: What
    device: str
    precision: str
    """Of the engine and of the products; the reference computes in float32."""
    K: int | None
    H: int | str | None
    """`full` for whole trajectories."""
    T: int
    """Steps of a trajectory."""
    hidden: int
    """Width of both hidden layers; in `default cost update` of the reference's, as the engine's network has none."""
    updates_per_s: float
    """Of the engine."""
    reference_updates_per_s: float
    """Of what it is compared with."""
    speedup: Number
    """Updates by updates; seconds by seconds in `time to AUC`."""
    gemm_updates_per_s: Number = None
    """Of the matrix products of an update alone."""
    pairs_per_s: Number = None
    """State-action pairs in the bags that the engine learns from, as often as they were drawn."""
    policies: int | None = None
    """That the engine clones side by side in one update."""
    mixture_loop_updates_per_s: Number = None
    """Of a plain loop that clones the engine's kind of policy."""
    d3rlpy_updates_per_s: Number = None
    seconds_to_auc: Number = None
    reference_seconds_to_auc: Number = None
    best_auc: Number = None
    seconds_to_best_auc: Number = None
    reference_best_auc: Number = None
    reference_seconds_to_best_auc: Number = None

    @property
    def gemm_share(self) -> Number:
        """Of an update's time, what the products alone would take."""
        return self.updates_per_s / self.gemm_updates_per_s if self.gemm_updates_per_s else None

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "gemm_share": self.gemm_share}


def window_name(workload: Workload) -> int | str:
    """H, as rows have it."""
    return "full" if workload.window == WHOLE else workload.window
