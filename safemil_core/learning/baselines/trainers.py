"""What trains the scores, and what clones, for each method."""

from __future__ import annotations

from safemil_core.config import Method, RunConfig
from safemil_core.learning.baselines.dwbc import DwbcTrainer
from safemil_core.learning.baselines.osil import OsilCloner, OsilTrainer
from safemil_core.learning.baselines.safedice import SafeDiceTrainer
from safemil_core.learning.baselines.trex import TrexTrainer
from safemil_core.learning.cloner import Cloner
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.policies import Policy
from safemil_core.learning.training_data import TrainingData

_TRAINERS: dict[Method, type[CostTrainer]] = {
    "safemil": CostTrainer,
    "dwbc_nu": DwbcTrainer,
    "trex_wbc": TrexTrainer,
    "safedice": SafeDiceTrainer,
    "osil": OsilTrainer,
}


def make_trainer(network: CostNetwork, data: TrainingData, config: RunConfig) -> CostTrainer:
    """Of a method that learns costs, with settings `as_trained`."""
    return _TRAINERS[config.method](network, data, config)


def make_cloner(policies: Policy, data: TrainingData, config: RunConfig, cost: CostNetwork | None) -> Cloner:
    """Of the safe policy and plain cloning, in this order; `cost` is what the method learns, if it does.

    Raises:
        InvalidConfig: the method has no use for such observations or actions.
    """
    if config.method == "osil":
        assert cost is not None
        return OsilCloner(policies, data, config, cost)
    return Cloner(policies, data, config)
