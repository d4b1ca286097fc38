"""How well policies do what the data do in trajectories that they have not been cloned from. Needs no simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning import seeds
from safemil_core.learning.arithmetic import number_type
from safemil_core.learning.baselines.trainers import make_cloner
from safemil_core.learning.networks import CostNetwork, Policy, make_policy
from safemil_core.learning.training_data import TrainingData

HELD_OUT_SHARE = 0.2
"""Of the trajectories that are not marked; the marked are never cloned."""


def held_out(labels: np.ndarray, seed: int) -> np.ndarray:
    """[N] bool, which trajectories are left out of cloning: a fifth of the unmarked, at least one.

    Raises:
        InvalidConfig: there are fewer than two to choose from.
    """
    unmarked = np.flatnonzero(labels != "non_preferred")
    if len(unmarked) < 2:
        raise InvalidConfig("fewer than two trajectories are unmarked; one to clone and one to hold out are needed")
    n_out = max(1, round(HELD_OUT_SHARE * len(unmarked)))
    is_out = np.zeros(len(labels), dtype=bool)
    is_out[np.random.default_rng(seed).choice(unmarked, n_out, replace=False)] = True
    return is_out


def clone_without(
    data: TrainingData,
    config: RunConfig,
    weights: Sequence[np.ndarray],
    is_held_out: np.ndarray,
    cost: CostNetwork | None = None,
    on_update: Callable[[int], None] = lambda _: None,
) -> Policy:
    """Clone as a run does, without some trajectories.

    Args:
        data: what there is to imitate.
        config: the run's, `as_trained`.
        weights: [sum T] of the steps, for each of the two policies side by side.
        is_held_out: [N] bool.
        cost: what the method has learned, if it has.
        on_update: told how many updates are done.

    Raises:
        InvalidConfig: what is not held out has no weight.
    """
    kept = np.repeat(~is_held_out, np.diff(data.offsets))
    if not all((steps * kept).any() for steps in weights):
        raise InvalidConfig("all weight lies on the few trajectories that are held out; choose weights that trust more")
    torch.manual_seed(seeds.number_of(config.seed, "weights"))
    policies = make_policy(config.policy, data.sizes, len(weights), number_type(config)).to(data.device)
    policies.fit(data.numbers, normalise=config.normalise)
    cloner = make_cloner(policies, data, config, cost)
    for number, steps in enumerate(weights):
        cloner.set_weights(number, steps * kept)
    for update in range(config.policy.updates):
        cloner.update()
        on_update(update + 1)
    return policies.eval()


def agreement(policies: Policy, data: TrainingData, steps: np.ndarray) -> np.ndarray:
    """[M, n] how far policies do just what was done in steps [n]: 1 where they do, 0 on average where they always take
    the mean action of the data, and below where they are worse. Of discrete actions, the share that is the same."""
    if data.choices:
        return _of_steps(
            lambda observations, actions: _share_alike(policies.act(observations), actions, data), data, steps
        )
    variances = data.actions.var(dim=0, correction=0).to(data.device)
    varies = variances > 0

    def agree(observations: Tensor, actions: Tensor) -> Tensor:
        errors = (policies.act(observations) - actions).square()[..., varies] / variances[varies]
        return 1 - errors.mean(dim=-1)

    return _of_steps(agree, data, steps)


def log_likelihood(policies: Policy, data: TrainingData, steps: np.ndarray) -> np.ndarray:
    """[M, n] log-density of what was done in steps [n], in nats; of policies cloned by it, else it says nothing: those
    that minimise squared errors have no deviation."""
    return _of_steps(policies.log_likelihood, data, steps)


@torch.no_grad()
def _of_steps(measure: Callable[[Tensor, Tensor], Tensor], data: TrainingData, steps: np.ndarray) -> np.ndarray:
    """[M, n] a measure of observations [1, n, O] and actions [1, n, A], block by block."""
    parts = [measure(*(each.unsqueeze(0) for each in block)) for block in data.blocks(torch.from_numpy(steps))]
    found: np.ndarray = torch.cat(parts, dim=1).double().cpu().numpy()
    return found


def _share_alike(acted: Tensor, actions: Tensor, data: TrainingData) -> Tensor:
    """[M, n] the share of discrete actions [M, n, number of actions] that are those taken, [1, n, A] spread."""
    taken = torch.stack([part.argmax(dim=-1) for part in torch.split(actions, list(data.choices), dim=-1)], dim=-1)
    return (acted == taken).float().mean(dim=-1)
