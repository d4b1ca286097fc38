"""Aggregators: how the steps of a bag make its score. Behind one interface, chosen by `cost.aggregator`.

A bag is a weighted set of steps: `w_i = n gamma^t / K` for a step at time t of a window that was drawn n times. All
aggregators are functions of such a set, so neither the order of the steps nor a step of weight 0 changes a score, and a
window drawn twice is a window of twice the weight. `W = sum w_i` is the same for whole windows: scores have the unit of
the paper's C, a discounted sum of costs in (0, 1).

Shapes: `M` members, `n` steps, `F` what a cost network says of a step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from safemil_core.config import CostConfig
from safemil_core.learning.mlp import Mlp

N_FEATURES = 16
"""Of a step, where features are pooled or say how much it counts."""


class Aggregator(nn.Module):
    """What a cost network's outputs mean."""

    n_inputs = 1
    """F."""

    def __init__(self, config: CostConfig) -> None:
        super().__init__()

    def step_costs(self, outputs: Tensor) -> Tensor:
        """[M, n] c in (0, 1) of outputs [M, n, F]."""
        return torch.sigmoid(outputs[..., 0])

    def score(self, outputs: Tensor, weights: Tensor) -> Tensor:
        """[M] score of a bag of outputs [M, n, F] with weights [M, n]."""
        raise NotImplementedError


class Sum(Aggregator):
    """The paper's Eq. 6: `sum w_i c_i`, the mean over the windows of their discounted costs."""

    def score(self, outputs: Tensor, weights: Tensor) -> Tensor:
        return (self.step_costs(outputs) * weights).sum(dim=-1)


class LogSumExp(Aggregator):
    """`W / r log(sum w_i exp(r c_i) / W)`: W times a smooth maximum of the costs, for sharpness r.

    Towards r = 0 it is the sum. Ramon and De Raedt (2000); Pinheiro and Collobert (2015).
    """

    def __init__(self, config: CostConfig) -> None:
        super().__init__(config)
        self._sharpness = config.sharpness

    def score(self, outputs: Tensor, weights: Tensor) -> Tensor:
        r, whole = self._sharpness, weights.sum(dim=-1)
        inside = r * self.step_costs(outputs) + weights.log()
        return whole / r * (torch.logsumexp(inside, dim=-1) - whole.log())


class Attention(Aggregator):
    """`W sum a_i c_i` with `a_i` in proportion to `w_i exp(v . (tanh(x_i) * sigmoid(y_i)))`: gated attention.

    Ilse, Tomczak and Welling (2018), Eq. 9. With equal gates it is the sum.
    """

    n_inputs = 1 + 2 * N_FEATURES

    def __init__(self, config: CostConfig) -> None:
        super().__init__(config)
        self.gate = nn.Parameter(torch.zeros(config.members, N_FEATURES))  # at first all steps count alike

    def score(self, outputs: Tensor, weights: Tensor) -> Tensor:
        x, y = outputs[..., 1:].chunk(2, dim=-1)
        gates = ((torch.tanh(x) * torch.sigmoid(y)) * self.gate.unsqueeze(1)).sum(dim=-1)
        shares = torch.softmax(gates + weights.log(), dim=-1)
        return weights.sum(dim=-1) * (shares * self.step_costs(outputs)).sum(dim=-1)


class DeepSets(Aggregator):
    """`W rho(sum w_i f_i / W)` of learned features f_i: the general form g(sum f(tau)) behind the paper's Eq. 6.

    A step's cost is what a bag of that step alone would score. Zaheer et al. (2017).
    """

    n_inputs = N_FEATURES

    def __init__(self, config: CostConfig) -> None:
        super().__init__(config)
        self.rho = Mlp(N_FEATURES, (2 * N_FEATURES,), 1, members=config.members)

    def step_costs(self, outputs: Tensor) -> Tensor:
        logits: Tensor = self.rho(functional.elu(outputs))
        return torch.sigmoid(logits.squeeze(-1))

    def score(self, outputs: Tensor, weights: Tensor) -> Tensor:
        whole = weights.sum(dim=-1, keepdim=True)
        pooled = (functional.elu(outputs) * (weights / whole).unsqueeze(-1)).sum(dim=1, keepdim=True)
        logits: Tensor = self.rho(pooled)
        return whole.squeeze(-1) * torch.sigmoid(logits.flatten())


_AGGREGATORS = {"sum": Sum, "log_sum_exp": LogSumExp, "attention": Attention, "deep_sets": DeepSets}


def make_aggregator(config: CostConfig) -> Aggregator:
    """The aggregator that the settings name."""
    return _AGGREGATORS[config.aggregator](config)
