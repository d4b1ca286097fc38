"""Weighted behaviour cloning of several policies side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.learning import seeds
from safemil_core.learning.ahead import Ahead
from safemil_core.learning.arithmetic import on_device
from safemil_core.learning.cloning_pass import CloningPass
from safemil_core.learning.mixture_error import Draw
from safemil_core.learning.one_launch import OneLaunch
from safemil_core.learning.optimiser import Optimiser, State, joined, parted
from safemil_core.learning.policies import MixturePolicy, Noise, Policy
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weighted_steps import WeightedSteps

BLOCK_UPDATES = 64
"""Steps are drawn and fetched for so many updates at once."""
MOST_FETCHED, MOST_FETCHED_FAR = 2**22, 2**26
"""Numbers at once; more where they come from outside the device, as pixels may."""


class Batch(NamedTuple):
    """What policies learn from in one update."""

    steps: Tensor
    """[M, batch]."""
    inputs: tuple[Tensor, Tensor] | None
    """Their observations [M, batch, O] and actions [M, batch, A], if these have been fetched."""
    noise: Noise
    """What is random in samples at the steps."""


class Cloner:
    """`M` policies, their optimiser, and the weights of the steps that each imitates.

    Steps are drawn with probability proportional to their weight, which has the same expected gradient as drawing
    uniformly and weighting the loss, and no step is drawn in vain when few trajectories hold most of the weight. The
    same random numbers serve all policies: which others are beside it changes none.
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
        everything = WeightedSteps(np.ones(data.n_steps), data.observations.device)
        self._drawn = [everything] * len(policies.body.weights)
        """What each policy imitates."""
        self._batches = Ahead(self._block, BLOCK_UPDATES, is_ahead=data.is_remote)
        self.losses = torch.zeros(len(self._drawn))
        """[M] of the last update, on the device of the data."""
        self._descend: Callable[..., Tensor] = self._learn_from
        if not data.images:  # of these, a backward pass is within the backward pass
            self._descend = OneLaunch(self._learn_from)
        self._pass = self._plain_pass()

    @property
    def updates(self) -> int:
        """Done so far."""
        return self._batches.number

    @property
    def uses_autograd(self) -> bool:
        """Whether it is autograd that derives the gradient of an update."""
        return self._pass is None

    def set_weights(self, policy: int, steps: np.ndarray) -> None:
        """Let one policy imitate steps in proportion to these weights, [sum T] >= 0, not all 0."""
        self._drawn[policy] = WeightedSteps(steps, self._data.observations.device)
        self._batches.restart(self.updates)

    def update(self) -> None:
        """One update of every policy."""
        steps, inputs, noise = self._batches.next()
        self._optimiser.prepare()
        self.losses = self._descend(*(inputs or self._taken(steps)), *noise)

    def _learn_from(self, observations: Tensor, actions: Tensor, *noise: Tensor) -> Tensor:
        if self._pass is not None:
            losses = self._pass(observations, actions, Draw(*noise))
        else:
            losses = self.objective(observations, actions, noise)
            losses.sum().backward()  # type: ignore[no-untyped-call]
        self._optimiser.descend()
        return losses.detach()

    def objective(self, observations: Tensor, actions: Tensor, noise: Noise) -> Tensor:
        """[M] losses of actions [M, n, A] seen at observations [M, n, O]."""
        return cloning_losses(self.policies, observations, actions, self._config.loss, noise)

    def _plain_pass(self) -> CloningPass | None:
        """What is faster where a squared error in float32 on a processor is all that there is to it."""
        is_own = type(self).objective is Cloner.objective and self._config.loss == "squared_error"
        is_simple = self.policies.body.dtype == torch.float32 and not self._data.images
        if isinstance(self.policies, MixturePolicy) and is_own and is_simple and self._data.device.type == "cpu":
            return CloningPass(self.policies, self._config.batch_size)
        return None

    def _taken(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Observations and actions of steps [..., batch], as the policies want them."""
        observations, actions = self._data.take(steps)
        return (observations, actions) if self._pass is None else self._pass.scaled(observations, actions)

    def state(self) -> State:
        """All that is needed to go on, beside weights."""
        cloner = {"done": torch.tensor(self.updates), "losses": self.losses}
        policies: State = self.policies.state_dict()
        return joined({"cloner": cloner, "policies": policies, "optimiser": self._optimiser.state()})

    def load(self, state: State) -> None:
        """Go on from there; weights are set before or after."""
        parts = parted(state)
        self.policies.load_state_dict(parts["policies"])
        self._optimiser.load(parts["optimiser"])
        self.losses = parts["cloner"]["losses"]
        self._batches.restart(int(parts["cloner"]["done"]))

    def _block(self, begin: int) -> list[Batch]:
        """The batches of the updates from `begin`."""
        shape = (BLOCK_UPDATES, self._config.batch_size)
        uniform = torch.rand(shape, generator=seeds.generator(self._seed, "cloning", begin), dtype=torch.float64)
        uniform = on_device(uniform, self._data.observations.device)
        steps = torch.stack([drawn.at(uniform) for drawn in self._drawn], dim=1)
        generator = seeds.generator(self._seed, "noise", begin, self._data.device)
        noise = self.policies.noise(shape, generator)
        of_updates = [tuple(part[update] for part in noise) for update in range(BLOCK_UPDATES)]
        most = MOST_FETCHED_FAR if self._data.is_remote else MOST_FETCHED
        if steps.numel() * self._data.step_numbers > most:
            return [Batch(of, None, noise) for of, noise in zip(steps, of_updates, strict=True)]
        inputs = zip(*self._taken(steps), strict=True)
        return [Batch(*of) for of in zip(steps, inputs, of_updates, strict=True)]


def cloning_losses(policies: Policy, observations: Tensor, actions: Tensor, kind: str, noise: Noise) -> Tensor:
    """[M] mean loss of each policy that imitates actions [M, n, A] seen at observations [M, n, O].

    `log_likelihood`: the negative log-density. `squared_error`: between a reparameterised sample and the action,
    summed over its dimensions, as the authors train.
    """
    if kind == "log_likelihood":
        return -policies.log_likelihood(observations, actions).mean(dim=-1)
    return policies.squared_error(observations, actions, noise).mean(dim=-1)
