"""Weighted behaviour cloning of several policies side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.learning import seeds
from safemil_core.learning.ahead import Ahead
from safemil_core.learning.arithmetic import on_device
from safemil_core.learning.cloning_pass import CloningPass
from safemil_core.learning.networks import MixturePolicy, Policy
from safemil_core.learning.optimiser import Optimiser, State
from safemil_core.learning.replay import Replay
from safemil_core.learning.training_data import TrainingData

BLOCK_UPDATES = 64
"""Steps are drawn for so many updates at once."""
MOST_FETCHED = 2**26
"""Numbers, pixels for example, that are fetched from the host at once."""

Batch = tuple[Tensor, tuple[Tensor, Tensor] | None]
"""Steps [M, batch], and their observations [M, batch, O] and actions [M, batch, A] if these have been fetched."""


class Cloner:
    """`M` policies, their optimiser, and the weights of the steps that each imitates.

    Steps are drawn with probability proportional to their weight, which has the same expected gradient as drawing
    uniformly and weighting the loss, and no step is drawn in vain when few trajectories hold most of the weight.
    """

    def __init__(self, policies: Policy, data: TrainingData, config: RunConfig) -> None:
        """
        Args:
            policies: on the device of the data.
            data: what there is to imitate.
            config: the settings of the run.
        """
        self.policies = policies
        self._data, self._config, self._seed = data, config.policy, config.seed
        decay_over = config.policy.updates if config.policy.decay else None
        self._optimiser = Optimiser(policies.parameters(), config.optimiser, config.policy.learning_rate, decay_over)
        self._cumulated = [torch.ones(1, dtype=torch.float64)] * len(policies.body.weights)
        self._batches = Ahead(self._block, BLOCK_UPDATES, is_ahead=data.is_remote)
        self._generator = torch.Generator(data.device)
        self._descend: Callable[..., Tensor] = self._learn_from
        if not data.images:  # of these, a backward pass is within the backward pass
            self._descend = Replay(self._learn_from, self._generator)
        self._pass = self._plain_pass()

    @property
    def updates(self) -> int:
        """Done so far."""
        return self._batches.number

    def set_weights(self, policy: int, steps: np.ndarray) -> None:
        """Let one policy imitate steps in proportion to these weights, [sum T] >= 0, not all 0."""
        self._cumulated[policy] = on_device(torch.from_numpy(np.cumsum(steps)), self._data.observations.device)
        self._batches.restart(self.updates)

    def update(self) -> Tensor:
        """One update of every policy; returns their losses [M], still on the device."""
        self._generator.manual_seed(seeds.number_of(self._seed, "noise", self.updates))
        steps, inputs = self._batches.next()
        self._optimiser.prepare()
        return self._descend(*(inputs or self._data.take(steps)))

    def _learn_from(self, observations: Tensor, actions: Tensor) -> Tensor:
        if self._pass is not None:
            losses = self._pass(observations, actions, self._generator)
        else:
            losses = self.objective(observations, actions, self._generator)
            losses.sum().backward()  # type: ignore[no-untyped-call]
        self._optimiser.descend()
        return losses.detach()

    def objective(self, observations: Tensor, actions: Tensor, generator: torch.Generator) -> Tensor:
        """[M] losses of actions [M, n, A] seen at observations [M, n, O]."""
        return cloning_losses(self.policies, observations, actions, self._config.loss, generator)

    def _plain_pass(self) -> CloningPass | None:
        """What is faster where a squared error in float32 on a processor is all that there is to it."""
        is_own = type(self).objective is Cloner.objective and self._config.loss == "squared_error"
        is_simple = self.policies.body.dtype == torch.float32 and not self._data.images
        if isinstance(self.policies, MixturePolicy) and is_own and is_simple and self._data.device.type == "cpu":
            return CloningPass(self.policies, self._config.batch_size)
        return None

    def state(self) -> State:
        """All that is needed to go on, beside policies and weights."""
        return {"done": torch.tensor(self.updates)} | self._optimiser.state()

    def load(self, state: State) -> None:
        """Go on from there; weights are set before or after."""
        self._optimiser.load(state)
        self._batches.restart(int(state["done"]))

    def _block(self, begin: int) -> list[Batch]:
        """The batches of the updates from `begin`."""
        shape = (BLOCK_UPDATES, len(self._cumulated), self._config.batch_size)
        uniform = torch.rand(shape, generator=seeds.generator(self._seed, "cloning", begin), dtype=torch.float64)
        uniform = on_device(uniform, self._data.observations.device)
        places = zip(self._cumulated, uniform.unbind(1), strict=True)
        steps = torch.stack([_drawn(cumulated, of_policy) for cumulated, of_policy in places], dim=1)
        if not self._data.is_remote or steps.numel() * self._data.step_numbers > MOST_FETCHED:
            return [(of_update, None) for of_update in steps]
        return list(zip(steps, zip(*self._data.take(steps), strict=True), strict=True))


def cloning_losses(
    policies: Policy, observations: Tensor, actions: Tensor, kind: str, generator: torch.Generator
) -> Tensor:
    """[M] mean loss of each policy that imitates actions [M, n, A] seen at observations [M, n, O].

    `log_likelihood`: the negative log-density. `squared_error`: between a reparameterised sample and the action,
    summed over its dimensions, as the authors train.
    """
    if kind == "log_likelihood":
        return -policies.log_likelihood(observations, actions).mean(dim=-1)
    return policies.squared_error(observations, actions, generator).mean(dim=-1)


def _drawn(cumulated: Tensor, uniform: Tensor) -> Tensor:
    """Steps in proportion to weights whose cumulated sums these are."""
    # Right of equal sums, so that a step of weight 0 is never drawn.
    steps = torch.searchsorted(cumulated, uniform * cumulated[-1], right=True)
    return steps.clamp_max(len(cumulated) - 1)
