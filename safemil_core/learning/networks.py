"""The neural networks: cost of a step, and policy. Nothing about training.

Shapes: `...` any leading dimensions, `O` and `A` the sizes of an observation and an action, `D` of what a network sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from safemil_core.config import CostConfig, PolicyConfig

MEAN_LIMIT = 7.0
LOG_STD_LIMITS = (-5.0, 2.0)
"""The authors' limits of the policy's Gaussians, before the tanh."""
ACTION_LIMIT = 1.0 - 1e-6
"""Recorded actions at the edge of [-1, 1] are moved inside, where the tanh has a finite inverse."""


class Normaliser(nn.Module):
    """Scales every input to mean 0 and deviation 1 over the dataset; an input that never varies becomes 0."""

    mean: Tensor
    scale: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Take mean and deviation from inputs that come in blocks `[n, D]`; at least one."""
        n, mean, variance = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for block in blocks:  # merged as by Chan, Golub and LeVeque (1979): no sum of squares that would lose digits
            n += len(block)
            share, shift = len(block) / n, block.mean(dim=0).double() - mean
            own = block.std(dim=0, correction=0).double().square()
            variance = (1 - share) * variance + share * own + share * (1 - share) * shift.square()
            mean = mean + share * shift
        deviation = variance.sqrt().to(self.scale)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, torch.inf).reciprocal())

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs - self.mean) * self.scale


class CostNetwork(nn.Module):
    """c(s, a) in (0, 1), section 4 of the paper: an MLP on observation and action, a sigmoid at its end."""

    def __init__(self, config: CostConfig, n_observations: int, n_actions: int) -> None:
        super().__init__()
        self.normaliser = Normaliser(n_observations + n_actions)
        self.body = Mlp(n_observations + n_actions, config.hidden_sizes, 1)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[...] cost of each step."""
        logits: Tensor = self.body(self.normaliser(torch.cat([observations, actions], dim=-1)))
        return torch.sigmoid(logits.squeeze(-1))


class Mlp(nn.Module):
    """A plain multi-layer perceptron with ELU between layers."""

    def __init__(self, size: int, hidden_sizes: Sequence[int], n_outputs: int) -> None:
        super().__init__()
        sizes = [size, *hidden_sizes]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.output = nn.Linear(sizes[-1], n_outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        for layer in self.hidden:
            inputs = functional.elu(layer(inputs))
        output: Tensor = self.output(inputs)
        return output


class MixturePolicy(nn.Module):
    """A mixture of `M` diagonal Gaussians, squashed by tanh into (-1, 1)^A (the paper's policy, M = 2)."""

    def __init__(self, config: PolicyConfig, n_observations: int, n_actions: int) -> None:
        super().__init__()
        self._components, self._n_actions = config.components, n_actions
        self.normaliser = Normaliser(n_observations)
        self.body = Mlp(n_observations, config.hidden_sizes, config.components * (1 + 2 * n_actions))

    def mixture(self, observations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities [..., M], means and log-deviations [..., M, A] of the Gaussians before the tanh."""
        m, a = self._components, self._n_actions
        logits, means, log_stds = self.body(self.normaliser(observations)).split([m, m * a, m * a], dim=-1)
        return (
            torch.log_softmax(logits, dim=-1),
            means.unflatten(-1, (m, a)).clamp(-MEAN_LIMIT, MEAN_LIMIT),
            log_stds.unflatten(-1, (m, a)).clamp(*LOG_STD_LIMITS),
        )

    def log_likelihood(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[...] log-density of actions [..., A]; those at the edge are moved inside by 1e-6."""
        log_mix, means, log_stds = self.mixture(observations)
        inside = actions.clamp(-ACTION_LIMIT, ACTION_LIMIT)
        raw = torch.atanh(inside).unsqueeze(-2)
        normal = -0.5 * ((raw - means) / log_stds.exp()).square() - log_stds - 0.5 * math.log(2 * math.pi)
        jacobian = torch.log1p(-inside.square()).sum(dim=-1)
        density: Tensor = torch.logsumexp(log_mix + normal.sum(dim=-1), dim=-1)
        return density - jacobian

    def sample(self, observations: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """[..., A] a reparameterised sample: differentiable, the component by straight-through Gumbel-softmax."""
        log_mix, means, log_stds = self.mixture(observations)
        uniform = torch.rand(log_mix.shape, generator=generator, device=log_mix.device).clamp_min(1e-20)
        soft = torch.softmax(log_mix - torch.log(-torch.log(uniform)), dim=-1)
        hard = functional.one_hot(soft.argmax(dim=-1), self._components).to(soft) + soft - soft.detach()
        noise = torch.randn(means.shape, generator=generator, device=means.device)
        raw = (hard.unsqueeze(-1) * (means + log_stds.exp() * noise)).sum(dim=-2)
        return torch.tanh(raw)

    def forward(self, observations: Tensor) -> Tensor:
        """[..., A] the action to take: the centre of the likeliest component."""
        log_mix, means, _ = self.mixture(observations)
        best = log_mix.argmax(dim=-1, keepdim=True).unsqueeze(-1).expand(*log_mix.shape[:-1], 1, self._n_actions)
        return torch.tanh(means.gather(-2, best).squeeze(-2))
