"""Which steps make a trajectory costly: the fewest that carry most of its cost, in runs of steps. NumPy only.

Of the whole cost, not of what lies above a floor: the sentence "these steps carry 80 % of the cost" is then true as it
reads, and a cost without spikes shows as one, since nearly 80 % of the steps are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHARE = 0.8
"""Of a trajectory's cost that its evidence carries, at least."""


@dataclass(frozen=True)
class Spike:
    """Consecutive steps of the evidence."""

    first: int
    last: int
    share: float
    """Of the trajectory's whole cost."""


@dataclass(frozen=True)
class Evidence:
    """The fewest steps that carry the wanted share of a trajectory's cost; none where it has no cost."""

    n_steps: int
    share: float
    """What they carry."""
    spikes: tuple[Spike, ...]
    """The steps in runs, the one that carries most first; of equal ones the earlier."""


def evidence(costs: np.ndarray, share: float = SHARE) -> Evidence:
    """The fewest steps of costs `[T]` >= 0 that carry this share of their sum; of equally costly ones the earlier.

    Raises:
        ValueError: a cost is negative or not finite.
    """
    costs = np.asarray(costs, dtype=np.float64)
    if not (np.isfinite(costs) & (costs >= 0)).all():
        raise ValueError("costs must be finite and not negative")
    whole = costs.sum()
    if whole == 0:
        return Evidence(0, 0.0, ())
    costliest = np.argsort(-costs, kind="stable")
    carried = costs[costliest].cumsum()
    # Sums of the same numbers in another order differ in their last digits.
    n = int(np.searchsorted(carried, share * whole * (1 - 1e-9))) + 1
    steps = np.sort(costliest[:n])
    runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    spikes = [Spike(int(run[0]), int(run[-1]), float(costs[run].sum() / whole)) for run in runs]
    return Evidence(n, float(carried[n - 1] / whole), tuple(sorted(spikes, key=lambda spike: -spike.share)))
