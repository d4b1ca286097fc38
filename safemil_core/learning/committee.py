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

from safemil_core.config import CostConfig, RunConfig
from safemil_core.data.trajectories import sum_by_trajectory
from safemil_core.learning.cost_model import each_members_costs
from safemil_core.learning.cost_trainer import CostTrainer
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
    """Train the networks side by side in one computation, each with bags and a fold left out of its own.

    Args:
        data: on the device that trains; at least one trajectory non-preferred, and one not.
        config: of every network.
        n_members: M.
        seed: of first weights, folds and bags; the same seed on the same device gives the same bits.
        on_update: told after every update how many are done.

    Raises:
        Diverged: the costs are no numbers any more.
    """
    is_held_out = folds(data.labels, n_members, np.random.default_rng(seed))
    network = networks_without(data, RunConfig(cost=config, seed=seed), is_held_out, on_update=on_update)
    totals = [sum_by_trajectory(costs, data.offsets) for costs in each_members_costs(network, data)]
    return Verdicts(np.stack(totals) / np.diff(data.offsets), is_held_out)


def networks_without(
    data: TrainingData,
    config: RunConfig,
    is_held_out: np.ndarray,
    *,
    on_update: Callable[[int], None] = lambda _: None,
) -> CostNetwork:
    """Cost networks with these settings, side by side, each trained without some trajectories of its own, [M, N].

    Left out is what a run's own network does as it learns (`cost_learning`): all have all their updates, whatever
    `cost.settle`, in float32, and bags draw trajectories uniformly, whatever `cost.costly_rate` and
    `cost.failure_modes`. Those shares follow from the costs by all members, which would tell each of them what the
    others have learned from the trajectories that it is to go without.
    """
    run = config.model_copy(update={"cost": config.cost.model_copy(update={"members": len(is_held_out)})})
    torch.manual_seed(run.seed)  # the first weights; every later draw has a generator of its own
    network = CostNetwork(run.cost, data.sizes).to(data.device)
    network.fit(data.numbers, normalise=config.normalise)
    trainer = CostTrainer(network, data, run, is_held_out)
    for update in range(1, run.cost.updates + 1):
        trainer.update()
        on_update(update)
    return network


def kinds_of_labels(labels: np.ndarray) -> np.ndarray:
    """[1 to 3, N] bool, the trajectories of each kind that is there: non-preferred, neither, and preferred."""
    marks = np.where(np.isin(labels, ["non_preferred", "preferred"]), labels, "none")
    is_of_kind: np.ndarray = np.unique(marks)[:, None] == marks
    return is_of_kind


def folds(labels: np.ndarray, n_members: int, rng: np.random.Generator) -> np.ndarray:
    """[M, N] bool, what each network has to do without: every trajectory is left out once, each kind in equal parts.

    The only one that is non-preferred, preferred or neither is never left out: no network could learn without it.
    """
    is_held_out = np.zeros((n_members, len(labels)), dtype=bool)
    for kind in map(np.flatnonzero, kinds_of_labels(labels)):
        if len(kind) > 1:
            is_held_out[np.arange(len(kind)) % n_members, rng.permutation(kind)] = True
    return is_held_out
