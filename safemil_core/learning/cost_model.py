"""The loss of the bags' scores, and the costs that a trained network gives to every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from safemil_core.errors import Diverged
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData


@dataclass(frozen=True)
class StepCosts:
    """The learned cost of every step of a dataset."""

    mean: np.ndarray
    """[sum T] float32 in (0, 1), over the members of an ensemble."""

    spread: np.ndarray | None = None
    """[sum T] float32, the standard deviation over the members; None for a single network."""


def bag_loss(scores: Sequence[Tensor], preferred_weight: float = 1.0) -> Tensor:
    """-log sigmoid of how far apart the scores are (Bradley-Terry), the weighted mean over all that is compared; log 2
    where they cannot be told apart.

    Args:
        scores: [M] each, of the non-preferred, the unlabelled and, where there are any, the preferred bag.
        preferred_weight: of non-preferred against preferred and of unlabelled against preferred, where the paper's
            non-preferred against unlabelled has 1.

    Returns:
        [M].
    """
    loss = functional.softplus(scores[1] - scores[0])
    for less, more in _with_preferred(scores):
        loss = loss + preferred_weight * functional.softplus(scores[less] - scores[more])
    return loss / _whole(scores, preferred_weight)


def bag_loss_slopes(scores: Tensor, preferred_weight: float = 1.0) -> Tensor:
    """[B, M] how `bag_loss` changes with each of the scores [B, M]."""
    slopes = torch.zeros_like(scores)
    compared = [(1, 0, 1.0), *((less, more, preferred_weight) for less, more in _with_preferred(scores))]
    for less, more, weight in compared:
        slope = weight * torch.sigmoid(scores[less] - scores[more])
        slopes[less] += slope
        slopes[more] -= slope
    return slopes / _whole(scores, preferred_weight)


def _with_preferred(scores: Sequence[Tensor] | Tensor) -> tuple[tuple[int, int], ...]:
    """Which scores are to be less than which others, beside the unlabelled less than the non-preferred."""
    return ((2, 0), (2, 1)) if len(scores) > 2 else ()


def _whole(scores: Sequence[Tensor] | Tensor, preferred_weight: float) -> float:
    """The weight of all that is compared."""
    return 1 + preferred_weight * len(_with_preferred(scores))


@torch.no_grad()
def each_members_costs(network: CostNetwork, data: TrainingData) -> np.ndarray:
    """[M, sum T] float32, c of every step by each member, block by block.

    Raises:
        Diverged: some are no numbers.
    """
    costs = np.empty((network.n_members, data.n_steps), dtype=np.float32)
    at = 0
    for observations, actions in data.blocks():
        costs[:, at : at + len(observations)] = network.each(observations, actions).cpu().numpy()
        at += len(observations)
    if not np.isfinite(costs).all():
        raise Diverged("the learned costs are no numbers any more; train again with a smaller cost.learning_rate")
    return costs


def score_steps(network: CostNetwork, data: TrainingData) -> StepCosts:
    """The cost of every step. Raises Diverged like `each_members_costs`."""
    costs = each_members_costs(network, data)
    if len(costs) == 1:
        return StepCosts(costs[0])
    return StepCosts(costs.mean(axis=0), costs.std(axis=0))
