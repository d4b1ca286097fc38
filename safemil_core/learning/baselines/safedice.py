"""SafeDICE: the distribution of the unlabelled without its non-preferred part, as ratios that weigh cloning.

Jang, Lee, Kim and Kim (2023). First a discriminator c(s, a) of marked from unlabelled steps; from it the reward
`log (1 - (1 + alpha) c) / ((1 - alpha) (1 - c))`, the logarithm of how often the preferred policy comes to a step for
each time that the unlabelled do; then nu(s), whose advantage gives the ratio w(s, a) that is also consistent with the
transitions. alpha, the non-preferred share, is the largest that lets all rewards be numbers, as in the code of the
SafeMIL authors, who like this code do not scale the rewards. The tiny gradient penalty of nu is left out.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from safemil_core.config import RunConfig
from safemil_core.data.trajectories import sum_by_trajectory
from safemil_core.errors import InvalidConfig
from safemil_core.learning import seeds
from safemil_core.learning.bags import Bags
from safemil_core.learning.baselines.dwbc import draw_steps_alike
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.mlp import Mlp
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.one_launch import OneLaunch
from safemil_core.learning.optimiser import Optimiser, State, joined, parted
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import CloningWeights, trajectory_costs

MARGIN = 1e-5
"""By which alpha is below the largest possible."""
LARGEST_COST = 1 - 1e-3
"""Of the discriminator: of a c nearer to 1 no alpha makes a number, and it says no more than this."""


class SafeDiceTrainer(CostTrainer):
    """Trains the discriminator in the first half of its updates, and nu in the second."""

    def __init__(self, network: CostNetwork, data: TrainingData, config: RunConfig) -> None:
        super().__init__(network, data, config)
        if data.images:
            raise InvalidConfig("method=safedice sees numbers alone; use another one where observations are images")
        draw_steps_alike(self, data)
        self._chunk = 4 * config.cost.bag_size  # all of two bags of windows of two: the penalty is of what lies between
        self._n_discriminating = max(1, config.cost.updates // 2)
        self._gradient_penalty = config.baseline.gradient_penalty
        self._is_cloned = data.labels != "non_preferred"
        self._first_steps = torch.as_tensor(data.offsets[:-1][self._is_cloned])
        self._nu = Mlp(data.sizes.observations, config.cost.hidden_sizes, 1).to(data.device)
        self._nu_optimiser = Optimiser(self._nu.parameters(), config.optimiser, config.cost.learning_rate)
        self._alpha = torch.tensor(1 - MARGIN)
        self._mixing = torch.Generator(data.device)
        self._descend = OneLaunch(self._learn_from, self._mixing)

    def update(self) -> None:
        if self.updates < self._n_discriminating:
            self._mixing.manual_seed(seeds.number_of(self._seed, "baseline", self.updates + 1))
            super().update()
        else:
            self._update_nu()

    def objective(self, outputs: Tensor, bags: Bags) -> tuple[list[Tensor], Tensor]:
        marked, unlabelled = bags.each(outputs[..., 0])
        losses = (functional.softplus(-marked).mean(dim=-1) + functional.softplus(unlabelled).mean(dim=-1)) / 2
        return [torch.sigmoid(of).mean(dim=-1) for of in (marked, unlabelled)], losses

    def penalty(self, inputs: Tensor, bags: Bags) -> Tensor:
        """[M, .] squared distance of the logit's slope from 1, between marked and unlabelled steps and among these."""
        marked, unlabelled = (self._pairs(of).flatten(1, 2) for of in bags.each(inputs))
        share = torch.rand(*unlabelled.shape[:2], 1, generator=self._mixing, device=inputs.device)
        mixed = [torch.lerp(unlabelled, other, share) for other in (marked, unlabelled.roll(1, dims=1))]
        slopes = (self.network.slopes(torch.cat(mixed, dim=1)) + 1e-12).sqrt()
        weight = self._gradient_penalty / 2  # as both losses count by half
        return weight * (inputs.shape[1] / slopes.shape[1]) * (slopes - 1).square()

    def weights(self, step_costs: np.ndarray) -> CloningWeights:
        """The ratios w(s, a) of the unlabelled; after its last step a trajectory counts as staying where it is."""
        offsets, lengths = self._data.offsets, np.diff(self._data.offsets)
        values = self._values()
        after = np.append(values[1:], 0.0)
        after[offsets[1:] - 1] = values[offsets[1:] - 1]
        reward = log_ratio(torch.from_numpy(step_costs), float(self._alpha)).numpy()
        advantages = reward + self._config.gamma * after - values
        is_cloned = np.repeat(self._is_cloned, lengths)
        steps = np.where(is_cloned, np.exp(advantages - advantages[is_cloned].max()), 0.0)
        steps *= is_cloned.sum() / steps.sum()
        costs = trajectory_costs(step_costs, offsets, self._config.gamma)
        return CloningWeights(sum_by_trajectory(steps, offsets) / lengths, steps, costs)

    def state(self) -> State:
        nu = joined({"nu": self._nu.state_dict(), "nu_optimiser": self._nu_optimiser.state()})
        return super().state() | nu | {"alpha": self._alpha}

    def load(self, state: State) -> None:
        super().load(state)
        parts = parted(state)
        self._nu.load_state_dict(parts["nu"])
        self._nu_optimiser.load(parts["nu_optimiser"])
        self._alpha = state["alpha"]

    def _update_nu(self) -> None:
        if self.updates == self._n_discriminating:
            costs = score_steps(self.network, self._data).mean
            largest = min(LARGEST_COST, float(costs[np.repeat(self._is_cloned, np.diff(self._data.offsets))].max()))
            self._alpha = torch.tensor(min(1.0, 1 / largest - 1) - MARGIN)
        number, device = self.updates, self._data.device
        batch = self._batches.next()
        inputs = batch.inputs or self._data.take(batch.bags.steps)
        observations, actions = (self._pairs(batch.bags.each(of)[1]) for of in inputs)
        draw = torch.randint(
            len(self._first_steps), (self._config.bag_size,), generator=seeds.generator(self._seed, "baseline", number)
        )
        first, _ = self._data.take(self._first_steps[draw].unsqueeze(0))
        with torch.no_grad():
            reward = log_ratio(self.network(observations[:, :, 0], actions[:, :, 0]), float(self._alpha))
        now, after = self._value(observations[:, :, 0]), self._value(observations[:, :, 1])
        loss = dice_loss(self._value(first), reward + self._config.gamma * after - now, self._config.gamma)
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self._nu_optimiser.step()
        self.latest = {**self.latest, "nu_loss": loss.detach().mean().to(device)}

    def _pairs(self, of_steps: Tensor) -> Tensor:
        """[M, K, 2, D] of a bag's columns [M, P, D]: a step and the one after it, or itself where nothing it could be
        drawn from has two."""
        return of_steps.view(len(of_steps), self._config.bag_size, -1, of_steps.shape[-1]).expand(-1, -1, 2, -1)

    def _value(self, observations: Tensor) -> Tensor:
        """[1, n] nu of observations [1, n, O], scaled as the discriminator sees them."""
        scaled = self.network.normaliser
        n = observations.shape[-1]
        values: Tensor = self._nu((observations - scaled.mean[:n]) * scaled.scale[:n])
        return values[..., 0]

    @torch.no_grad()
    def _values(self) -> np.ndarray:
        """[sum T] float64."""
        blocks = [self._value(observations.unsqueeze(0))[0].cpu() for observations, _ in self._data.numbers()]
        values: np.ndarray = torch.cat(blocks).double().numpy()
        return values


def log_ratio(costs: Tensor, alpha: float) -> Tensor:
    """`log (1 - (1 + alpha) c) / ((1 - alpha) (1 - c))`, the paper's reward, of the discriminator's c."""
    costs = costs.clamp_max(LARGEST_COST)
    inside = (1 - (1 + alpha) * costs).clamp_min(1e-8)  # c of another state than that which gave alpha may be larger
    return inside.log() - torch.log1p(-costs) - float(np.log(1 - alpha))


def dice_loss(first: Tensor, advantages: Tensor, gamma: float) -> Tensor:
    """[M] `(1 - gamma) E[nu(s_0)] + log E[exp A]` of nu at first steps [M, n] and advantages [M, n]."""
    return (1 - gamma) * first.mean(dim=-1) + torch.logsumexp(advantages, dim=-1) - float(np.log(advantages.shape[-1]))
