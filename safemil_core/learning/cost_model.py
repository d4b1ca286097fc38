"""Bag score, loss, and the costs that a trained network gives to every step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from safemil_core.learning.bags import Bag
from safemil_core.learning.networks import CostNetwork


def bag_score(step_costs: Tensor, bag: Bag, gamma: float) -> Tensor:
    """Score(B) = (1/K) sum over windows of sum over t of gamma^t c_t (Eq. 6), t from the window's start.

    Args:
        step_costs: [K, H] cost of each step of the bag; those past a window's end count nothing.
        bag: which of them are steps.
        gamma: discount per step.

    Returns:
        A scalar.
    """
    discounts = gamma ** torch.arange(step_costs.shape[1], device=step_costs.device, dtype=step_costs.dtype)
    return (step_costs * bag.is_step * discounts).sum(dim=1).mean()


def bag_loss(score_non_preferred: Tensor, score_unlabelled: Tensor) -> Tensor:
    """-log sigmoid(Score(B_N) - Score(B_U)), Bradley-Terry; log 2 where the two cannot be told apart."""
    return functional.softplus(score_unlabelled - score_non_preferred)


@torch.no_grad()
def score_steps(network: CostNetwork, observations: Tensor, actions: Tensor, chunk: int = 65_536) -> np.ndarray:
    """[n] float32, c of every step of observations [n, O] and actions [n, A], chunk by chunk."""
    device = next(network.parameters()).device
    costs = np.empty(len(observations), dtype=np.float32)
    for start in range(0, len(costs), chunk):
        steps = slice(start, start + chunk)
        costs[steps] = network(observations[steps].to(device), actions[steps].to(device)).cpu().numpy()
    return costs
