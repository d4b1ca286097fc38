"""How often bags draw each trajectory: by its kind of failure, and by what it costs so far."""

from __future__ import annotations

import numpy as np
import torch

from safemil_core.config import RunConfig
from safemil_core.data.trajectories import evenly_spaced
from safemil_core.learning.bags import kinds_of_bags
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.failure_modes import balanced_shares, cost_profiles, costlier_less, failure_modes
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

STEPS = 32
"""Of each trajectory, by which it is told whether it is one of the costlier half."""


def shares_follow(config: RunConfig) -> bool:
    """Whether how often a trajectory is drawn follows from what it costs."""
    return config.cost.failure_modes > 1 or config.cost.costly_rate < 1


def shares(network: CostNetwork, data: TrainingData, config: RunConfig) -> np.ndarray:
    """[N] > 0 how often to draw each trajectory, beside others of its kind of bag, by the costs as they are.

    The non-preferred: so that all kinds of failure come about equally often (`cost.failure_modes`). The unlabelled: the
    costlier half less often (`cost.costly_rate`), so that the share of preferred ones in a bag, the alpha of the
    paper's Lemma 1, becomes larger. Half, whatever the costs: a group that stands apart by costs that are learned
    only to the half may be the wrong one, and would then stay it.
    """
    found = np.ones(len(data.labels))
    non_preferred, unlabelled, *_ = map(np.flatnonzero, kinds_of_bags(data.labels, config.cost.preferred_weight))
    if config.cost.failure_modes > 1:
        costs = score_steps(network, data).mean
        profiles = cost_profiles(costs, data.observations.cpu().numpy(), data.offsets, non_preferred)
        found[non_preferred] = balanced_shares(failure_modes(profiles, config.cost.failure_modes, config.seed))
    if config.cost.costly_rate < 1 and len(unlabelled):
        found[unlabelled] = costlier_less(_mean_costs(network, data, unlabelled), config.cost.costly_rate)
    return found


@torch.no_grad()
def _mean_costs(network: CostNetwork, data: TrainingData, members: np.ndarray) -> np.ndarray:
    """[members] mean cost of a trajectory's steps, by some of them: all steps of a large dataset would take long."""
    steps = evenly_spaced(data.offsets, members, STEPS)
    costs = torch.cat([network(*block) for block in data.blocks(torch.from_numpy(steps.ravel()))])
    means: np.ndarray = costs.cpu().numpy().reshape(steps.shape).mean(axis=1, dtype=np.float64)
    return means
