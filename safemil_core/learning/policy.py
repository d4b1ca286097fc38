"""Weighted behaviour cloning of one policy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.learning.networks import MixturePolicy
from safemil_core.learning.optimiser import Optimiser


class Cloner:
    """A policy, its optimiser, and the weights of the steps that it imitates.

    Steps are drawn with probability proportional to their weight, which has the same expected gradient as drawing
    uniformly and weighting the loss, and no step is drawn in vain when few trajectories hold most of the weight.
    """

    def __init__(
        self,
        policy: MixturePolicy,
        config: RunConfig,
        observations: Tensor,
        actions: Tensor,
        generator: torch.Generator,
    ) -> None:
        self.policy = policy
        self._config = config.policy
        self._observations, self._actions = observations, actions
        self._generator = generator
        decay_over = config.policy.updates if config.policy.decay else None
        self._optimiser = Optimiser(policy, config.optimiser, config.policy.learning_rate, decay_over)
        self._cumulated = torch.empty(0)

    def set_weights(self, steps: np.ndarray) -> None:
        """Imitate steps in proportion to these weights, [sum T] >= 0, not all 0."""
        self._cumulated = torch.as_tensor(np.cumsum(steps), device=self._observations.device)

    def update(self) -> Tensor:
        """One step of the optimiser; returns the loss, still on the device."""
        uniform = torch.rand(
            self._config.batch_size, generator=self._generator, device=self._cumulated.device, dtype=torch.float64
        )
        # Right of equal sums, so that a step of weight 0 is never drawn.
        steps = torch.searchsorted(self._cumulated, uniform * self._cumulated[-1], right=True)
        steps = steps.clamp_max(len(self._cumulated) - 1)
        loss = cloning_loss(
            self.policy, self._observations[steps], self._actions[steps], self._config.loss, self._generator
        )
        self._optimiser.step(loss)
        return loss.detach()


def cloning_loss(
    policy: MixturePolicy, observations: Tensor, actions: Tensor, kind: str, generator: torch.Generator
) -> Tensor:
    """Mean loss of imitating actions [n, A] seen at observations [n, O].

    `log_likelihood`: the negative log-density. `squared_error`: between a reparameterised sample and the action,
    summed over its dimensions, as the authors train.
    """
    if kind == "log_likelihood":
        return -policy.log_likelihood(observations, actions).mean()
    return (policy.sample(observations, generator) - actions).square().sum(dim=-1).mean()
