"""The loop: cost network, weights and policies in their turns, with reports and checkpoints. Not where these go."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch

from safemil_core.config import RunConfig
from safemil_core.data.trajectories import sum_by_trajectory
from safemil_core.errors import Diverged, NotReady
from safemil_core.learning import seeds
from safemil_core.learning.baselines.settings import COSTLESS, as_trained
from safemil_core.learning.cloners import Cloners
from safemil_core.learning.cost_learning import CostLearning, Metrics
from safemil_core.learning.cost_model import StepCosts
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import State, joined, parted
from safemil_core.learning.policies import Policy
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import CloningWeights, effective_sample_size, uniform_weights

SAFE, BC = 0, 1
"""The policy that the method is for, and plain behaviour cloning of everything not marked, for comparison."""


@dataclass(frozen=True)
class Report:
    """How far training is."""

    update: int
    """Turns of the loop that are done."""
    total: int
    """Turns that there will be, as far as is known: fewer, once the cost has settled early."""
    metrics: Metrics


@dataclass(frozen=True)
class Networks:
    """What training makes."""

    cost: CostNetwork | None
    """None for the methods that learn none."""
    safe: Policy
    bc: Policy | None
    """None where the safe policy was trained alone."""


def train(
    data: TrainingData,
    config: RunConfig,
    *,
    on_report: Callable[[Report], None] = lambda _: None,
    on_checkpoint: Callable[[int, State], None] = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_costs: Callable[[CostNetwork, StepCosts, CloningWeights], None] = lambda *_: None,
    look_after: Collection[int] = (),
    on_look: Callable[[int, StepCosts], None] = lambda *_: None,
    weights: np.ndarray | None = None,
    has_partner: bool = True,
    warm_start: CostNetwork | None = None,
    resume: State | None = None,
) -> Networks:
    """Train what the method learns costs by, and both policies; the same seed on the same device gives the same bits.

    Args:
        data: at least one trajectory marked non-preferred, and one not.
        config: the run's settings.
        on_report: told every `config.log_every` turns, when the cost is learned, and at the end.
        on_checkpoint: given the number of turns done and all that is needed to go on from there: every
            `config.checkpoint_every` turns, when the cost is learned, and when training is stopped.
        should_stop: asked after every turn; True ends training with what has been learned.
        on_costs: given the cost network, the costs of all steps and the weights that follow, as soon as they are final,
            while the policies still train, or when training is stopped before that.
        look_after: updates of the cost network after which `on_look` is told their number and the costs of all steps.
        on_look: see there.
        weights: [sum T] those of the steps that the safe policy clones, for the methods that learn none.
        has_partner: whether to clone plainly as well, for comparison; that changes nothing in the safe policy.
        warm_start: a cost network to begin with, of the same shape; otherwise its first weights are random.
        resume: what `on_checkpoint` was given; training goes on from there as if it had never ended, to the bit.

    Raises:
        Diverged: the costs, or a loss, are no numbers any more.
        InvalidConfig: `warm_start` has another shape.
        NotReady: `resume` does not belong to these settings.
        OutOfRoom: a process beside this one, which trains the partner, was killed.
    """
    config = as_trained(config)
    if (weights is None) != (config.method not in COSTLESS):
        raise ValueError(f"method {config.method} {'learns' if weights is not None else 'does not learn'} its weights")
    with closing(_Loop(data, config, weights, warm_start, has_partner)) as loop:
        if resume is not None:
            loop.load(resume)
        is_stopping = False
        while loop.turn < loop.total and not is_stopping:
            learning = loop.learns
            loop.advance()
            if learning and loop.turn in look_after:
                on_look(loop.turn, learning.step_costs())
            is_stopping = should_stop()
            if learning and (learning.is_over or is_stopping):
                on_costs(learning.network, learning.step_costs(), learning.present_weights())
            is_milestone = is_stopping or (learning is not None and learning.is_over)
            if is_milestone or loop.turn % config.log_every == 0 or loop.turn == loop.total:
                on_report(Report(loop.turn, loop.total, loop.metrics()))
            if is_milestone or loop.turn % config.checkpoint_every == 0:
                on_checkpoint(loop.turn, loop.state())
        return loop.networks()


def longest(config: RunConfig) -> int:
    """Turns of the loop, unless the cost settles early."""
    return _turns(config, 0 if config.method in COSTLESS else as_trained(config).cost.updates)


def _turns(config: RunConfig, cost_updates: int) -> int:
    policy_updates = config.policy.updates
    return max(cost_updates, policy_updates) if config.schedule == "alternate" else cost_updates + policy_updates


class _Loop:
    """The state of training between two turns."""

    def __init__(
        self,
        data: TrainingData,
        config: RunConfig,
        weights: np.ndarray | None,
        warm_start: CostNetwork | None,
        has_partner: bool,
    ) -> None:
        self._data, self._config = data, config
        torch.manual_seed(seeds.number_of(config.seed, "weights"))  # every later draw has a generator of its own
        self._learning = CostLearning(data, config, warm_start) if weights is None else None
        self._cloners = Cloners(data, config, 2 if has_partner else 1, self.cost)
        if has_partner:
            self._cloners.set_weights(BC, uniform_weights(data.offsets, data.labels).steps)
        self._effective = 0.0
        if weights is not None:
            self._clone_by(weights, sum_by_trajectory(weights, data.offsets) / np.diff(data.offsets))
        self._started = time.perf_counter()
        self.turn = 0

    @property
    def cost(self) -> CostNetwork | None:
        """As it is; None where none is learned."""
        return self._learning.network if self._learning else None

    @property
    def learns(self) -> CostLearning | None:
        """What learns costs, as long as it does."""
        return self._learning if self._learning and not self._learning.is_over else None

    @property
    def total(self) -> int:
        """Turns that there will be, as far as is known."""
        if self._learning is None:
            return _turns(self._config, 0)
        return _turns(self._config, self._config.cost.updates if self.learns else self._learning.updates)

    def advance(self) -> None:
        """One turn: an update of the cost network while it learns, and of the policies when it is theirs."""
        learning = self.learns
        is_policies_turn = learning is None or self._config.schedule == "alternate"
        if learning and learning.update():
            self._follow(learning)
        if is_policies_turn and self._cloners.updates < self._config.policy.updates:
            self._cloners.update()
        self.turn += 1

    def metrics(self) -> Metrics:
        """The latest losses and scores of what still learned in this turn, and how c lies over a sample of steps."""
        values = {"update": float(self.turn), "seconds": time.perf_counter() - self._started}
        if self._learning and self.turn == self._learning.updates:
            values |= self._learning.metrics()
        if self._cloners.updates > 0:
            values |= dict(zip(("policy_loss", "bc_loss"), self._cloners.losses().tolist(), strict=False))
            values["effective_trajectories"] = self._effective
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            scores = "cost" if self._config.method == "safemil" else "baseline"
            part = "policy" if "policy_loss" in bad or "bc_loss" in bad else scores
            raise Diverged(f"{bad[0]} is no number any more; train again with a smaller {part}.learning_rate")
        return values

    def state(self) -> State:
        """All that is needed to go on, on the host."""
        elapsed = time.perf_counter() - self._started
        parts = {
            "loop": {"turn": torch.tensor(self.turn), "seconds": torch.tensor(elapsed, dtype=torch.float64)},
            "cloners": self._cloners.state(),
            **(self._learning.state() if self._learning else {}),
        }
        return {name: tensor.cpu().clone() for name, tensor in joined(parts).items()}

    def load(self, state: State) -> None:
        """Go on from there."""
        parts = parted(state)
        try:
            if self._learning:
                self._learning.load(parts)
                self._follow(self._learning)
            self._cloners.load(parts["cloners"])
            self.turn = int(parts["loop"]["turn"])
            self._started -= float(parts["loop"]["seconds"])
        except (KeyError, RuntimeError) as problem:
            cause = str(problem).partition("\n")[0].rstrip(": ")
            raise NotReady(f"the checkpoint does not belong to these settings ({cause}); start a new run") from None

    def networks(self) -> Networks:
        """As they are."""
        safe, *bc = self._cloners.policies()
        return Networks(self.cost.eval() if self.cost else None, safe, bc[0] if bc else None)

    def close(self) -> None:
        """Nothing of it runs on."""
        self._cloners.close()

    def _follow(self, learning: CostLearning) -> None:
        """Let the safe policy clone by what has been learned, if anything has."""
        if learning.weights is not None:
            self._clone_by(learning.weights.steps, learning.weights.trajectories)

    def _clone_by(self, of_steps: np.ndarray, of_trajectories: np.ndarray) -> None:
        self._cloners.set_weights(SAFE, of_steps)
        self._effective = effective_sample_size(of_trajectories)
