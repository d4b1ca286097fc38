"""T-REX: partial trajectories ranked in pairs, one marked and one unlabelled; its costs then weigh cloning.

Brown, Goo, Nagarajan and Niekum (2019). It is SafeMIL with bags of one, K = 1: an unlabelled trajectory counts as the
better one of every pair, whatever it is.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from safemil_core.learning.bags import Bags
from safemil_core.learning.cost_trainer import CostTrainer


class TrexTrainer(CostTrainer):
    """Trains c(s, a) by many pairs at once: those of the windows in two bags, in their order."""

    def objective(self, outputs: Tensor, bags: Bags) -> tuple[list[Tensor], Tensor]:
        costs = window_costs(self.network.aggregator.step_costs(outputs), bags, self._config.bag_size)
        return [cost.mean(dim=-1) for cost in costs], ranking_loss(*costs)


def window_costs(step_costs: Tensor, bags: Bags, n_windows: int) -> list[Tensor]:
    """[M, K] discounted cost of each window of each bag, of steps [M, P] of all."""
    parts = zip(bags.each(step_costs), bags.each(bags.weights), strict=True)
    # A bag of K windows gives each of them a K-th of its weight.
    return [n_windows * (costs * weights).view(len(costs), n_windows, -1).sum(dim=-1) for costs, weights in parts]


def ranking_loss(marked: Tensor, unlabelled: Tensor) -> Tensor:
    """[M] mean of -log sigmoid(C_N - C_U) over pairs of windows [M, K]."""
    return functional.softplus(unlabelled - marked).mean(dim=-1)
