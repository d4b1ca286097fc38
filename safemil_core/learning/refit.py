"""The cost network of a run once more, with other labels or other seeds, and without policies."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from safemil_core.config import PolicyConfig, RunConfig
from safemil_core.learning.cost_model import StepCosts, score_steps
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import State
from safemil_core.learning.training import train
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import cloning_weights, trajectory_costs

_NO_POLICY = PolicyConfig(components=1, hidden_sizes=(1,), image_features=1, batch_size=1, updates=1)


def refit_cost(
    data: TrainingData,
    config: RunConfig,
    *,
    warm_start: CostNetwork | None = None,
    on_update: Callable[[int], None] = lambda _: None,
    on_state: Callable[[State], None] = lambda _: None,
    look_after: Collection[int] = (),
    on_look: Callable[[int, StepCosts], None] = lambda *_: None,
) -> CostNetwork:
    """What `training.train` makes of the cost network: of the same labels, seed and device the same bits.

    Args:
        data: with the labels to learn from.
        config: the run's settings, of a method that learns costs.
        warm_start: a network to begin with; None: random first weights, as the seed has them.
        on_update: told every `config.log_every` updates how many are done.
        on_state: given the state of training every `config.checkpoint_every` updates, and at the end.
        look_after, on_look: like those of `training.train`.

    Raises:
        Diverged, InvalidConfig: like `training.train`.
    """
    costs: list[StepCosts] = []
    is_over = False

    def should_stop() -> bool:
        """One turn after the cost is learned; the policies, which then have had theirs, are thrown away."""
        nonlocal is_over
        is_over = bool(costs)
        return is_over

    network = train(
        data,
        config.model_copy(update={"schedule": "cost_first", "policy": _NO_POLICY}),
        on_report=lambda report: None if is_over else on_update(report.update),
        on_checkpoint=lambda _, state: None if is_over else on_state(state),
        should_stop=should_stop,
        on_costs=lambda _, found, __: costs.append(found),
        look_after=look_after,
        on_look=on_look,
        warm_start=warm_start,
    ).cost
    assert network is not None
    return network


@dataclass(frozen=True)
class UnderSeeds:
    """What cost networks trained under `R` seeds say of `N` trajectories, as a run's own tables have it."""

    seeds: np.ndarray
    """[R] int64."""

    costs: np.ndarray
    """[R, N] float64, trajectory costs C."""

    weights: np.ndarray
    """[R, N] float64, mean weight of each trajectory's steps."""


def refit_under_seeds(
    data: TrainingData,
    config: RunConfig,
    n_seeds: int,
    *,
    warm_start: CostNetwork | None = None,
    on_update: Callable[[int], None] = lambda _: None,
) -> UnderSeeds:
    """`refit_cost` under the run's own seed and those after it: how far apart they lie is what a seed alone changes.

    Args:
        data, config, warm_start: like those of `refit_cost`.
        n_seeds: R.
        on_update: told how many of `R * config.cost.updates` updates are done; one that settles earlier counts whole.

    Raises:
        Diverged, InvalidConfig: like `training.train`.
    """
    seeds = (config.seed + np.arange(n_seeds, dtype=np.int64)) % 2**31
    cost, offsets, of_weights = config.cost, data.offsets, config.weights

    def step_costs(place: int) -> np.ndarray:
        """[sum T] under one of the seeds."""
        before, with_seed = place * cost.updates, config.model_copy(update={"seed": int(seeds[place])})
        network = refit_cost(
            data, with_seed, warm_start=warm_start, on_update=lambda update: on_update(before + update)
        )
        on_update(before + cost.updates)
        return score_steps(network, data).mean

    of_steps = [step_costs(place) for place in range(n_seeds)]
    costs = [trajectory_costs(steps, offsets, cost.gamma, of_weights.per_length) for steps in of_steps]
    weights = [cloning_weights(steps, offsets, data.labels, of_weights, cost.gamma).trajectories for steps in of_steps]
    return UnderSeeds(seeds, np.stack(costs), np.stack(weights))
