"""OSIL: costs by ranking and contrast, critics of them, and a policy that clones all but avoids what they expect.

Burnwal, Bhatt and Ravindran (2026), arXiv 2602.11018, with the constant weight of their code: `alpha Z`, where
`Z = E[exp(-(Q(s, a) - Q(s, pi(s))) / beta)]` grows as the data's own actions become cheaper than the policy's.
"""

from __future__ import annotations

import math
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning import seeds
from safemil_core.learning.bags import Bags
from safemil_core.learning.baselines.trex import ranking_loss, window_costs
from safemil_core.learning.cloner import Cloner
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.mlp import Mlp
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import Optimiser, State, joined, parted
from safemil_core.learning.policies import MixturePolicy, Noise, Policy
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import CloningWeights, trajectory_costs, uniform_weights

LIKENESS_TEMPERATURE = 0.1
TARGET_SHARE = 0.005
"""By which the target critic follows the critic in an update."""
HUBER_DELTA = 2.0
LARGEST_LOG_Z = 5.0
SAFE = 0
"""Of the policies, the one that avoids costs."""


class OsilTrainer(CostTrainer):
    """Trains c(s, a) on features in which the steps of a window are alike, and all others are not."""

    def objective(self, outputs: Tensor, bags: Bags) -> tuple[list[Tensor], Tensor]:
        n_windows = self._config.bag_size
        costs = window_costs(self.network.aggregator.step_costs(outputs), bags, n_windows)
        losses = ranking_loss(*costs) + contrastive_loss(outputs, bags.weights * n_windows, bags.windows(n_windows))
        return [cost.mean(dim=-1) for cost in costs], losses

    def weights(self, step_costs: np.ndarray) -> CloningWeights:
        """All steps alike: it is the policy's objective that avoids costs."""
        alike = uniform_weights(self._data.offsets, self._data.labels)
        costs = trajectory_costs(step_costs, self._data.offsets, self._config.gamma)
        return CloningWeights(alike.trajectories, alike.steps, costs)


def contrastive_loss(features: Tensor, discounts: Tensor, windows: Tensor) -> Tensor:
    """How badly the steps of the same window can be told by the likeness of their features (Khosla et al., 2020).

    Args:
        features: [M, P, F] of the steps of windows.
        discounts: [M, P] how much a step counts as a partner of those in its window; 0 past the end of what is shorter
            than its window, where there is no step to tell or to be told from.
        windows: [P] which one each step belongs to.

    Returns:
        [M] mean over the steps.
    """
    unit, is_step = functional.normalize(features, dim=-1), discounts > 0
    itself = torch.eye(len(windows), dtype=torch.bool, device=features.device)
    likeness = (unit @ unit.mT / LIKENESS_TEMPERATURE).masked_fill(itself | ~is_step.unsqueeze(1), -1e9)
    partners = (windows.unsqueeze(0) == windows.unsqueeze(1)) & ~itself
    shares = partners * discounts.unsqueeze(1)
    shares = shares / shares.sum(dim=-1, keepdim=True).clamp_min(1.0)
    losses = -(shares * torch.log_softmax(likeness, dim=-1)).sum(dim=-1)
    return (losses * is_step).sum(dim=-1) / is_step.sum(dim=-1)


class OsilCloner(Cloner):
    """Clones like any other, but the safe policy's actions are also to be cheap: of two critics, the dearer counts."""

    def __init__(self, policies: Policy, data: TrainingData, config: RunConfig, cost: CostNetwork) -> None:
        """As of `Cloner`, with the network that says what a step costs, which does not change any more."""
        super().__init__(policies, data, config)
        if data.images or not isinstance(policies, MixturePolicy):
            raise InvalidConfig("method=osil needs numbers as observations and actions; use another one for these data")
        self._policies, self._cost, self._baseline = policies, cost, config.baseline
        self._gamma = config.cost.gamma
        sizes = data.sizes
        n_inputs = sizes.observations + sizes.actions
        self._critics = Mlp(n_inputs, config.policy.hidden_sizes, 1, members=2).to(data.device)
        self._targets = deepcopy(self._critics)
        self._critic_optimiser = Optimiser(
            self._critics.parameters(), config.optimiser, config.baseline.learning_rate, None
        )
        self._followed = self._with_next(np.ones(data.n_steps, dtype=bool))
        """The steps that the safe policy imitates and after which another one comes."""

    def set_weights(self, policy: int, steps: np.ndarray) -> None:
        super().set_weights(policy, steps)
        if policy == SAFE:
            self._followed = self._with_next(steps > 0)

    def update(self) -> None:
        self._update_critics()
        super().update()

    def objective(self, observations: Tensor, actions: Tensor, noise: Noise) -> Tensor:
        losses = super().objective(observations, actions, noise)
        seen, done = observations[SAFE : SAFE + 1], actions[SAFE : SAFE + 1]
        chosen = self._policies.sample(observations, noise)[SAFE : SAFE + 1]
        expected = self._expected(self._critics, seen, chosen)
        with torch.no_grad():
            advantages = self._expected(self._critics, seen, done) - expected
            weight = self._baseline.value_weight * adaptation(advantages, self._baseline.temperature)
        avoided = torch.zeros_like(losses)
        avoided[SAFE] = weight * expected.mean()
        return losses + avoided

    def state(self) -> State:
        parts = {
            "critics": self._critics.state_dict(),
            "targets": self._targets.state_dict(),
            "critic_optimiser": self._critic_optimiser.state(),
        }
        return super().state() | joined(parts)

    def load(self, state: State) -> None:
        super().load(state)
        parts = parted(state)
        self._critics.load_state_dict(parts["critics"])
        self._targets.load_state_dict(parts["targets"])
        self._critic_optimiser.load(parts["critic_optimiser"])

    def _with_next(self, is_chosen: np.ndarray) -> Tensor:
        """Those of the chosen steps, [sum T] bool, after which another one comes in their trajectory."""
        is_last = np.isin(np.arange(self._data.n_steps), self._data.offsets[1:] - 1)
        found = np.flatnonzero(is_chosen & ~is_last)
        if not len(found):
            raise InvalidConfig(
                "method=osil learns what a step leads to, and every trajectory that it may imitate is of one step; "
                "use another method for these data"
            )
        return torch.from_numpy(found)

    def _update_critics(self) -> None:
        """Let both critics expect the cost of a step and, discounted, what the targets expect of the next."""
        generator = seeds.generator(self._seed, "baseline", self.updates)
        steps = self._followed[torch.randint(len(self._followed), (1, self._config.batch_size), generator=generator)]
        (seen, done), (seen_after, _) = self._data.take(steps), self._data.take(steps + 1)
        with torch.no_grad():
            random = seeds.generator(self._seed, "baseline", self.updates, seen.device)
            noise = self._policies.noise((self._config.batch_size,), random)
            chosen = self._policies.sample(seen_after.expand(len(self._drawn), -1, -1), noise)[SAFE : SAFE + 1]
            goal = self._cost(seen, done) + self._gamma * self._expected(self._targets, seen_after, chosen)
        self._critics.zero_grad()  # of what the policy's objective left there
        found = self._of_critics(self._critics, seen, done)
        loss = functional.huber_loss(found, goal.expand_as(found), delta=HUBER_DELTA, reduction="none")
        loss.mean(dim=-1).sum().backward()  # type: ignore[no-untyped-call]
        self._critic_optimiser.step()
        with torch.no_grad():
            self._targets.weights.lerp_(self._critics.weights, TARGET_SHARE)

    def _of_critics(self, critics: Mlp, observations: Tensor, actions: Tensor) -> Tensor:
        """[2, n] discounted cost to come that each expects of steps [1, n, ...]."""
        inputs = torch.cat([self._policies.normaliser(observations), actions], dim=-1)
        values: Tensor = critics(inputs)
        return values[..., 0]

    def _expected(self, critics: Mlp, observations: Tensor, actions: Tensor) -> Tensor:
        """[1, n] what the dearer one expects."""
        return self._of_critics(critics, observations, actions).amax(dim=0, keepdim=True)


def adaptation(advantages: Tensor, temperature: float) -> Tensor:
    """`E[exp(-A / beta)]` of cost advantages A [..., n] of the data's actions over the policy's, at most exp(5)."""
    log_mean = torch.logsumexp(-advantages.flatten() / temperature, dim=0) - math.log(advantages.numel())
    return log_mean.clamp_max(LARGEST_LOG_Z).exp()
