"""Weights of cloning for the methods that learn none: plain cloning, and the two oracles.

Only here do true costs decide what a policy imitates. `learning` has no way in for them, and gets weights.
"""

from __future__ import annotations

import numpy as np

from safemil_core.config import RunConfig
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidConfig
from safemil_core.learning.baselines.settings import COSTLESS
from safemil_core.learning.weights import cloning_weights, uniform_weights

LEAST_SHARE = 0.1
"""Of the unmarked trajectories, what an oracle calls truly safe at least: some data have none without any cost."""


def told_weights(config: RunConfig, trajectories: TrajectorySet, labels: np.ndarray) -> np.ndarray | None:
    """[sum T] weights of the steps that a policy is to clone; None for the methods that learn them.

    Raises:
        InvalidConfig: an oracle is asked for, and the dataset has no true costs.
    """
    offsets = trajectories.offsets
    if config.method not in COSTLESS:
        return None
    if config.method == "bc":
        return uniform_weights(offsets, labels).steps
    totals = trajectories.true_costs()
    if totals is None or trajectories.costs is None:
        raise InvalidConfig(f"method={config.method} needs true costs, which the dataset lacks; choose another method")
    if config.method == "oracle_weights":
        costs = np.asarray(trajectories.costs)
        scaled = costs / max(1.0, float(costs.max()))
        return cloning_weights(scaled, offsets, labels, config.weights, config.cost.gamma).steps
    unmarked = labels != "non_preferred"
    limit = max(config.baseline.cost_limit, float(np.quantile(totals[unmarked], LEAST_SHARE)))
    return np.repeat((unmarked & (totals <= limit)).astype(np.float64), np.diff(offsets))
