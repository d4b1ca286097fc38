"""A committee: several cost networks, each trained without some of the trajectories. What is made of it is not here.

Where its members disagree, a judgement tells most; and what those say of a trajectory that have not seen it, its own
label has not told them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from safemil_core.config import CostConfig
from safemil_core.data.trajectories import sum_by_trajectory
from safemil_core.errors import Diverged
from safemil_core.learning.bags import Bag, BagSampler
from safemil_core.learning.cost_model import bag_loss, bag_score, score_steps
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

N_MEMBERS = 5
QUICK = CostConfig(hidden_sizes=(64, 64), learning_rate=1e-3, updates=400)
"""Small networks, trained briefly: a committee is asked in which order to look, and answers while somebody labels."""


@dataclass(frozen=True)
class Verdicts:
    """What `M` networks say of `N` trajectories."""

    costs: np.ndarray
    """[M, N] float64, mean c over a trajectory's steps: its length does not count."""

    is_held_out: np.ndarray
    """[M, N] bool, whether a network was trained without that trajectory."""

    @cached_property
    def ranks(self) -> np.ndarray:
        """[M, N] in (0, 1], the place of a trajectory among all by each network: comparable where costs are not."""
        ranks: np.ndarray = rankdata(self.costs, axis=1) / self.costs.shape[1]
        return ranks

    @property
    def disagreement(self) -> np.ndarray:
        """[N] standard deviation of a trajectory's rank over the networks."""
        deviations: np.ndarray = self.ranks.std(axis=0)
        return deviations

    def held_out(self, values: np.ndarray) -> np.ndarray:
        """[N] mean of values [M, N] over the networks that have not seen a trajectory; NaN where all have."""
        n = self.is_held_out.sum(axis=0)
        totals = (values * self.is_held_out).sum(axis=0)
        means: np.ndarray = np.divide(totals, n, out=np.full(len(n), np.nan), where=n > 0)
        return means


def train_committee(
    data: TrainingData,
    config: CostConfig = QUICK,
    *,
    n_members: int = N_MEMBERS,
    seed: int = 0,
    on_update: Callable[[int], None] = lambda _: None,
) -> Verdicts:
    """Train the networks side by side in one computation, each with first weights, bags and a fold left out of its own.

    Args:
        data: on the device that trains; at least one trajectory non-preferred, and one not.
        config: of every network; its window is 1, since the widest window of each fold could be another.
        n_members: M.
        seed: of first weights, folds and bags; the same seed on the same device gives the same bits.
        on_update: told after every update how many are done.

    Raises:
        Diverged: the costs are no numbers any more.
    """
    if config.window != 1:
        raise ValueError(f"a committee learns from single steps, got windows of {config.window}")
    is_held_out = folds(data.labels == "non_preferred", n_members, np.random.default_rng(seed))
    networks = _networks(data, config, n_members, seed)
    parameters, buffers = stack_module_state(networks)
    members = vmap(lambda *state_and_steps: functional_call(networks[0], state_and_steps[:2], state_and_steps[2:]))
    # Gradients are not clipped: costs in (0, 1) keep them small, and a norm over all would couple the members.
    optimiser = torch.optim.AdamW(parameters.values(), lr=config.learning_rate, fused=True)
    samplers = [_samplers(data, config, held_out) for held_out in is_held_out]
    generator = torch.Generator(data.observations.device).manual_seed(seed)

    def scores(bags: list[Bag]) -> Tensor:
        """[M] each network's score of its own bag."""
        steps = torch.stack([bag.steps for bag in bags])
        costs = members(parameters, buffers, data.observations[steps], data.actions[steps])
        return torch.stack([bag_score(of, bag, config.gamma) for of, bag in zip(costs, bags, strict=True)])

    for update in range(1, config.updates + 1):
        marked, others = (scores([pair[kind].draw(generator) for pair in samplers]) for kind in range(2))
        optimiser.zero_grad(set_to_none=True)
        bag_loss(marked, others).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        on_update(update)
    for member, network in enumerate(networks):
        network.load_state_dict({name: stack[member].detach() for name, stack in parameters.items()}, strict=False)
    return Verdicts(np.stack([_mean_costs(network, data) for network in networks]), is_held_out)


def folds(is_marked: np.ndarray, n_members: int, rng: np.random.Generator) -> np.ndarray:
    """[M, N] bool, what each network has to do without: every trajectory is left out once, marked ones in equal parts.

    The only one of its kind is never left out: no network could learn without it.
    """
    is_held_out = np.zeros((n_members, len(is_marked)), dtype=bool)
    for kind in (np.flatnonzero(is_marked), np.flatnonzero(~is_marked)):
        if len(kind) > 1:
            is_held_out[np.arange(len(kind)) % n_members, rng.permutation(kind)] = True
    return is_held_out


def _networks(data: TrainingData, config: CostConfig, n_members: int, seed: int) -> list[CostNetwork]:
    """Untrained, with different first weights and one normalisation."""
    torch.manual_seed(seed)  # the first weights; every later draw has a generator of its own
    networks = [CostNetwork(config, *data.sizes).to(data.observations.device) for _ in range(n_members)]
    networks[0].normaliser.fit(torch.cat(block, dim=-1) for block in data.blocks())
    for network in networks[1:]:
        network.normaliser.load_state_dict(networks[0].normaliser.state_dict())
    return networks


def _samplers(data: TrainingData, config: CostConfig, is_held_out: np.ndarray) -> tuple[BagSampler, BagSampler]:
    """Of the marked and of the others, without those that a network is not to see."""
    is_marked, device = data.labels == "non_preferred", data.observations.device
    marked, others = (np.flatnonzero(kind & ~is_held_out) for kind in (is_marked, ~is_marked))
    return (
        BagSampler(data.offsets, marked, config.bag_size, config.window, device, data.segments),
        BagSampler(data.offsets, others, config.bag_size, config.window, device),
    )


def _mean_costs(network: CostNetwork, data: TrainingData) -> np.ndarray:
    costs = score_steps(network, data.observations, data.actions)
    if not np.isfinite(costs).all():
        raise Diverged("the committee's costs are no numbers any more; look for extreme values in the data")
    means: np.ndarray = sum_by_trajectory(costs, data.offsets) / np.diff(data.offsets)
    return means
