"""How well policies do what the data do in trajectories that they have not been cloned from. Needs no simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning import seeds
from safemil_core.learning.arithmetic import number_type
from safemil_core.learning.baselines.trainers import make_cloner
from safemil_core.learning.networks import CostNetwork, Policy, make_policy
from safemil_core.learning.training_data import TrainingData

HELD_OUT_SHARE = 0.2
"""Of the trajectories that are not marked; the marked are never cloned."""


@dataclass(frozen=True)
class StepAgreement:
    """What `M` policies make of `n` steps, in the order in which these were named."""

    agreement: np.ndarray
    """[M, n] 1 where the policy does just what was done; 0 on average where it always took the mean action of the data,
    and below where it is worse. Of discrete actions, the share of them that is the same."""
    log_likelihood: np.ndarray
    """[M, n] log-density of what was done, in nats, which says whether the policy holds it possible at all."""


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
    if config.normalise:
        policies.normaliser.fit(observations for observations, _ in data.numbers())
    cloner = make_cloner(policies, data, config, cost)
    for number, steps in enumerate(weights):
        cloner.set_weights(number, steps * kept)
    for update in range(config.policy.updates):
        cloner.update()
        on_update(update + 1)
    return policies.eval()


@torch.no_grad()
def step_agreement(policies: Policy, data: TrainingData, steps: np.ndarray) -> StepAgreement:
    """What policies make of steps [n]."""
    parts = [
        (_agreement(policies, data, observations, actions), policies.log_likelihood(observations, actions))
        for flat in data.blocks(torch.from_numpy(steps))
        for observations, actions in [[each.unsqueeze(0) for each in flat]]
    ]
    agreement, likelihood = (torch.cat(each, dim=1).double().cpu().numpy() for each in zip(*parts, strict=True))
    return StepAgreement(agreement, likelihood)


def _agreement(policies: Policy, data: TrainingData, observations: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    """[M, n]."""
    acted = policies.act(observations)
    if data.choices:
        taken = torch.stack([part.argmax(dim=-1) for part in torch.split(actions, list(data.choices), dim=-1)], dim=-1)
        return (acted == taken).float().mean(dim=-1)
    variances = data.actions.var(dim=0, correction=0).to(actions)
    varies = variances > 0
    errors = (acted - actions).square()[..., varies] / variances[varies]
    return 1 - errors.mean(dim=-1)
