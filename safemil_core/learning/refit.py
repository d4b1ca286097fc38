"""The cost network of a run once more, with other labels or another seed, and without policies."""

from __future__ import annotations

from collections.abc import Callable, Collection

from safemil_core.config import PolicyConfig, RunConfig
from safemil_core.learning.cost_model import StepCosts
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import State
from safemil_core.learning.training import train
from safemil_core.learning.training_data import TrainingData

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
