"""The settings with which a run of each method is trained. Without torch."""

from __future__ import annotations

from typing import Any

from safemil_core.config import Method, RunConfig

COSTLESS: tuple[Method, ...] = ("bc", "oracle_bc", "oracle_weights")
"""Methods that learn no costs: the weights of the steps to clone are given."""
OWN_WEIGHTS: tuple[Method, ...] = ("safedice", "osil")
"""Methods that learn costs, and whose weights do not follow from these by any scheme of `weights`."""
_OF_COST: dict[Method, dict[str, Any]] = {
    "dwbc_nu": {"window": 1},
    "trex_wbc": {"window": 10},  # the paper's partial trajectories
    "safedice": {"window": 2},  # a step and the one after it
    "osil": {"window": 5, "aggregator": "deep_sets"},  # which makes costs of features that can be compared
}
"""What tells the networks and bags that learn the scores of a baseline from the paper's of SafeMIL."""

_SCHEMES: dict[Method, str] = {"dwbc_nu": "step", "trex_wbc": "trajectory"}
"""How their scores weigh steps: 1 - d, and exp(-C / beta)."""


def as_trained(config: RunConfig) -> RunConfig:
    """These settings, with all that the method decides by itself.

    A baseline that learns scores has the paper's cost network, and learns them as `baseline` says. The same again, and
    for SafeMIL, plain cloning and the oracles, whose weights come from elsewhere, nothing changes.
    """
    if config.method not in _OF_COST:
        return config
    own, asked = config.baseline, config.cost
    kept = {name: getattr(asked, name) for name in ("hidden_sizes", "gamma", "image_features", "decay")}
    learned = {"bag_size": own.batch_size, "learning_rate": own.learning_rate, "updates": own.updates}
    changes: dict[str, Any] = {
        "cost": RunConfig.paper().cost.model_copy(update={**kept, **learned, **_OF_COST[config.method]})
    }
    if config.method in _SCHEMES:
        changes["weights"] = config.weights.model_copy(update={"scheme": _SCHEMES[config.method]})
    if config.method in ("safedice", "osil"):  # they go on to learn from scores, which then must stay
        changes["schedule"] = "cost_first"
    return config.model_copy(update=changes)
