"""Policies as neural networks: a mixture of Gaussians, or choices. Nothing about training (`cloner`).

Shapes: `M` policies side by side, `...` any leading dimensions, `O` and `A` the sizes of an observation and an action,
`C` components. Where observations have images, their pixels from 0 to 255 follow the `O` numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from safemil_core.config import PolicyConfig
from safemil_core.learning.encoders import Encoder, beside
from safemil_core.learning.layers import MEAN_LIMIT
from safemil_core.learning.mixture_error import LOG_STD_LIMITS, Draw, split_outputs
from safemil_core.learning.mlp import Mlp
from safemil_core.learning.networks import Normaliser, Sizes

ACTION_LIMIT = 1.0 - 1e-6
"""Recorded actions at the edge of what a tanh reaches are moved inside, where it has a finite inverse."""


class ActionRange(nn.Module):
    """What (-1, 1) of a tanh is in units of the dataset's actions: itself for each number that keeps within [-1, 1], as
    benchmarks have it; else from its least to its largest value, whether torques, degrees or pixels."""

    centre: Tensor
    half_range: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("half_range", torch.ones(size))

    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Take it from actions that come in blocks `[n, A]`; at least one."""
        bounds = [torch.stack(block.aminmax(dim=0)) for block in blocks]
        low, high = torch.stack(bounds).amin(dim=0)[0], torch.stack(bounds).amax(dim=0)[1]
        is_usual = (low >= -1) & (high <= 1)
        self.centre.copy_(torch.where(is_usual, 0, (low + high) / 2))
        self.half_range.copy_(torch.where(is_usual | (low == high), 1, (high - low) / 2))

    def squashed(self, actions: Tensor) -> Tensor:
        """In [-1, 1], of actions [..., A]."""
        return (actions - self.centre) / self.half_range

    def forward(self, squashed: Tensor) -> Tensor:
        """The other way round."""
        return self.centre + self.half_range * squashed

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name, buffer in self.named_buffers():  # policies of earlier versions have none
            state_dict.setdefault(prefix + name, buffer)
        super()._load_from_state_dict(state_dict, prefix, *args)


Noise = tuple[Tensor, ...]
"""All that is random in a policy's samples, which only the policy itself can read."""


class Policy(nn.Module):
    """What is common to policies: `M` of them side by side, an MLP on the observation."""

    def __init__(
        self, config: PolicyConfig, sizes: Sizes, n_outputs: int, members: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.normaliser = Normaliser(sizes.observations)
        self.encoder = Encoder(sizes.images, config.image_features, members, dtype)
        n_inputs = sizes.observations + self.encoder.n_features
        self.body = Mlp(n_inputs, config.hidden_sizes, n_outputs, members=members, dtype=dtype)

    def fit(self, blocks: Callable[[], Iterable[tuple[Tensor, Tensor]]], *, normalise: bool = True) -> None:
        """Take from the dataset what is not learned and all members share: mean and deviation of the inputs.

        Args:
            blocks: as of `CostNetwork.fit`.
            normalise: otherwise inputs stay as they are.
        """
        if normalise:
            self.normaliser.fit(observations for observations, _ in blocks())

    def outputs(self, observations: Tensor) -> Tensor:
        """[M, n, outputs] of observations [M, n, O], or of [1, n, O], which all members see."""
        numbers, features = self.encoder(observations)
        outputs: Tensor = self.body(beside(self.normaliser(numbers), features))
        return outputs

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Noise:
        """All that is random in samples at steps [...] of this shape, on the generator's device: here nothing."""
        return ()

    def squared_error(self, observations: Tensor, actions: Tensor, noise: Noise) -> Tensor:
        """[M, n] squared distance of a sample from the action, summed over its dimensions, as the authors train;
        each in units of half its range. `noise` is of [n] steps."""
        raise NotImplementedError

    def log_likelihood(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[M, n] log-density or log-probability of actions [M, n, A]."""
        raise NotImplementedError

    def act(self, observations: Tensor) -> Tensor:
        """[M, n, A] the actions to take, as the environment wants them."""
        raise NotImplementedError

    def forward(self, observations: Tensor) -> Tensor:
        """[..., A] the action to take at observations [..., O], by the first member."""
        actions = self.act(observations.reshape(1, -1, observations.shape[-1]))
        return actions[0].view(*observations.shape[:-1], -1)


class MixturePolicy(Policy):
    """A mixture of `C` diagonal Gaussians (the paper's policy, C = 2), squashed by tanh into the range of actions."""

    def __init__(
        self, config: PolicyConfig, sizes: Sizes, members: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        self.components, self._n_actions = config.components, sizes.actions
        super().__init__(config, sizes, config.components * (1 + 2 * sizes.actions), members, dtype)
        self.range = ActionRange(sizes.actions)

    def fit(self, blocks: Callable[[], Iterable[tuple[Tensor, Tensor]]], *, normalise: bool = True) -> None:
        """The same, and the range of the actions."""
        super().fit(blocks, normalise=normalise)
        self.range.fit(actions for _, actions in blocks())

    def mixture(self, observations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities [M, n, C], means and log-deviations [M, n, C, A] of the Gaussians before the tanh."""
        logits, means, log_stds = split_outputs(self.outputs(observations), self.components)
        means, log_stds = means.clamp(-MEAN_LIMIT, MEAN_LIMIT), log_stds.clamp(*LOG_STD_LIMITS)
        return torch.log_softmax(logits, dim=-1), means, log_stds

    def log_likelihood(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[M, n] log-density of actions [M, n, A]; those at the edge of the range are moved inside by 1e-6 of it."""
        log_mix, means, log_stds = self.mixture(observations)
        inside = self.range.squashed(actions).clamp(-ACTION_LIMIT, ACTION_LIMIT)
        raw = torch.atanh(inside).unsqueeze(-2)
        normal = -0.5 * ((raw - means) / log_stds.exp()).square() - log_stds - 0.5 * math.log(2 * math.pi)
        jacobian = (torch.log1p(-inside.square()) + self.range.half_range.log()).sum(dim=-1)
        density: Tensor = torch.logsumexp(log_mix + normal.sum(dim=-1), dim=-1)
        return density - jacobian

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Draw:
        return Draw.of((*shape, self.components, self._n_actions), generator)

    def sample(self, observations: Tensor, noise: Noise) -> Tensor:
        """[M, n, A] a reparameterised sample: differentiable, the component by straight-through Gumbel-softmax."""
        log_mix, means, log_stds = self.mixture(observations)
        draw = Draw(*noise)
        soft = torch.softmax(log_mix + draw.gumbel, dim=-1)
        hard = functional.one_hot(soft.argmax(dim=-1), self.components).to(soft) + soft - soft.detach()
        raw = (hard.unsqueeze(-1) * (means + log_stds.exp() * draw.normal)).sum(dim=-2)
        sampled: Tensor = self.range(torch.tanh(raw))
        return sampled

    def squared_error(self, observations: Tensor, actions: Tensor, noise: Noise) -> Tensor:
        return ((self.sample(observations, noise) - actions) / self.range.half_range).square().sum(dim=-1)

    def act(self, observations: Tensor) -> Tensor:
        """[M, n, A] the centre of the likeliest component."""
        log_mix, means, _ = self.mixture(observations)
        best = log_mix.argmax(dim=-1, keepdim=True).unsqueeze(-1).expand(*log_mix.shape[:-1], 1, self._n_actions)
        acted: Tensor = self.range(torch.tanh(means.gather(-2, best).squeeze(-2)))
        return acted


class CategoricalPolicy(Policy):
    """For discrete actions: one of several choices for each of them, independently given the observation."""

    def __init__(
        self, config: PolicyConfig, sizes: Sizes, members: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        self._choices = list(sizes.choices)
        super().__init__(config, sizes, sum(sizes.choices), members, dtype)

    def log_probabilities(self, observations: Tensor) -> Tensor:
        """[M, n, A] of every choice of every action."""
        parts = torch.split(self.outputs(observations), self._choices, dim=-1)
        return torch.cat([torch.log_softmax(part, dim=-1) for part in parts], dim=-1)

    def log_likelihood(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[M, n] log-probability of actions [M, n, A], 1 for each choice taken."""
        return (self.log_probabilities(observations) * actions).sum(dim=-1)

    def squared_error(self, observations: Tensor, actions: Tensor, noise: Noise) -> Tensor:
        """Of choices there is no distance: the negative log-probability, whichever loss the settings name."""
        return -self.log_likelihood(observations, actions)

    def act(self, observations: Tensor) -> Tensor:
        """[M, n, number of actions] the likeliest choice of each, as a number from 0."""
        parts = torch.split(self.outputs(observations), self._choices, dim=-1)
        return torch.stack([part.argmax(dim=-1) for part in parts], dim=-1)


def make_policy(
    config: PolicyConfig, sizes: Sizes, members: int = 1, dtype: torch.dtype = torch.float32
) -> MixturePolicy | CategoricalPolicy:
    """The policy that fits the actions."""
    kind = CategoricalPolicy if sizes.choices else MixturePolicy
    return kind(config, sizes, members, dtype)
