"""How well policies do what the data do in trajectories that they have not been cloned from. Needs no simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning import seeds
from safemil_core.learning.cloners import Cloners
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.policies import Policy
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
) -> list[Policy]:
    """Clone as a run does, without some trajectories.

    Args:
        data: what there is to imitate.
        config: the run's, `as_trained`.
        weights: [sum T] of the steps, for each policy.
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
    with Cloners(data, config, len(weights), cost) as cloners:
        for number, steps in enumerate(weights):
            cloners.set_weights(number, steps * kept)
        for update in range(config.policy.updates):
            cloners.update()
            on_update(update + 1)
        return cloners.policies()


def agreement(policies: Sequence[Policy], data: TrainingData, steps: np.ndarray) -> np.ndarray:
    """[M, n] how far policies do just what was done in steps [n]: 1 where they do, 0 on average where they always take
    the mean action of the data, and below where they are worse. Of discrete actions, the share that is the same."""
    if data.choices:
        return _of_steps(lambda policy, seen, done: _share_alike(policy.act(seen), done, data), policies, data, steps)
    variances = data.actions.var(dim=0, correction=0).to(data.device)
    varies = variances > 0

    def agree(policy: Policy, observations: Tensor, actions: Tensor) -> Tensor:
        errors = (policy.act(observations) - actions).square()[..., varies] / variances[varies]
        return 1 - errors.mean(dim=-1)

    return _of_steps(agree, policies, data, steps)


def log_likelihood(policies: Sequence[Policy], data: TrainingData, steps: np.ndarray) -> np.ndarray:
    """[M, n] log-density of what was done in steps [n], in nats; of policies cloned by it, else it says nothing: those
    that minimise squared errors have no deviation."""
    return _of_steps(lambda policy, seen, done: policy.log_likelihood(seen, done), policies, data, steps)


@torch.no_grad()
def _of_steps(
    measure: Callable[[Policy, Tensor, Tensor], Tensor],
    policies: Sequence[Policy],
    data: TrainingData,
    steps: np.ndarray,
) -> np.ndarray:
    """[M, n] a measure [1, n] of each policy, observations [1, n, O] and actions [1, n, A], block by block."""
    parts = [
        torch.cat([measure(policy, *(each.unsqueeze(0) for each in block)) for policy in policies])
        for block in data.blocks(torch.from_numpy(steps))
    ]
    found: np.ndarray = torch.cat(parts, dim=1).double().cpu().numpy()
    return found


def _share_alike(acted: Tensor, actions: Tensor, data: TrainingData) -> Tensor:
    """[1, n] the share of discrete actions [1, n, number of actions] that are those taken, [1, n, A] spread."""
    taken = torch.stack([part.argmax(dim=-1) for part in torch.split(actions, list(data.choices), dim=-1)], dim=-1)
    return (acted == taken).float().mean(dim=-1)
