"""The loop: cost network, weights and policies in their turns, with reports and checkpoints. Not where these go."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.errors import Diverged, InvalidConfig, NotReady
from safemil_core.learning import seeds
from safemil_core.learning.arithmetic import number_type
from safemil_core.learning.cost_model import StepCosts, score_steps
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.failure_modes import balanced_shares, cost_profiles, failure_modes
from safemil_core.learning.networks import CostNetwork, Policy, make_policy
from safemil_core.learning.optimiser import State
from safemil_core.learning.policy import Cloner
from safemil_core.learning.settling import Settling
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import cloning_weights, effective_sample_size, uniform_weights

PROBE_STEPS = 1_024
"""Steps on which the spread of c is watched during training."""
SAFE, BC = 0, 1
"""The policy that the learned weights clone, and plain behaviour cloning of everything not marked, for comparison."""

Metrics = dict[str, float]


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

    cost: CostNetwork
    safe: Policy
    bc: Policy


def train(
    data: TrainingData,
    config: RunConfig,
    *,
    on_report: Callable[[Report], None] = lambda _: None,
    on_checkpoint: Callable[[int, State], None] = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_costs: Callable[[StepCosts], None] = lambda _: None,
    look_after: Collection[int] = (),
    on_look: Callable[[int, StepCosts], None] = lambda *_: None,
    warm_start: CostNetwork | None = None,
    resume: State | None = None,
) -> Networks:
    """Train the cost network and both policies; the same seed on the same device gives the same bits.

    Args:
        data: at least one trajectory marked non-preferred, and one not.
        config: the run's settings.
        on_report: told every `config.log_every` turns, when the cost is learned, and at the end.
        on_checkpoint: given the number of turns done and all that is needed to go on from there: every
            `config.checkpoint_every` turns, when the cost is learned, and when training is stopped.
        should_stop: asked after every turn; True ends training with what has been learned.
        on_costs: told the costs of all steps as soon as they are final, while the policies still train, or when
            training is stopped before that.
        look_after: updates of the cost network after which `on_look` is told their number and the costs of all steps.
        on_look: see there.
        warm_start: a cost network to begin with, of the same shape; otherwise its first weights are random.
        resume: what `on_checkpoint` was given; training goes on from there as if it had never ended, to the bit.

    Raises:
        Diverged: the costs, or a loss, are no numbers any more.
        InvalidConfig: `warm_start` has another shape.
        NotReady: `resume` does not belong to these settings.
    """
    loop = _Loop(data, config, warm_start)
    if resume is not None:
        loop.load(resume)
    is_stopping = False
    while loop.turn < loop.total and not is_stopping:
        was_learned = loop.is_learned
        loop.advance()
        if not was_learned and loop.turn in look_after:
            on_look(loop.turn, loop.step_costs())
        is_stopping = should_stop()
        has_just_learned = loop.is_learned and not was_learned
        if has_just_learned or (is_stopping and not loop.is_learned):
            on_costs(loop.step_costs())
        is_milestone = has_just_learned or is_stopping
        if is_milestone or loop.turn % config.log_every == 0 or loop.turn == loop.total:
            on_report(Report(loop.turn, loop.total, loop.metrics()))
        if is_milestone or loop.turn % config.checkpoint_every == 0:
            on_checkpoint(loop.turn, loop.state())
    return loop.networks()


def longest(config: RunConfig) -> int:
    """Turns of the loop, unless the cost settles early."""
    return _turns(config, config.cost.updates)


def _turns(config: RunConfig, cost_updates: int) -> int:
    policy_updates = config.policy.updates
    return max(cost_updates, policy_updates) if config.schedule == "alternate" else cost_updates + policy_updates


class _Loop:
    """The state of training between two turns."""

    def __init__(self, data: TrainingData, config: RunConfig, warm_start: CostNetwork | None) -> None:
        self._data, self._config = data, config
        torch.manual_seed(seeds.number_of(config.seed, "weights"))  # every later draw has a generator of its own
        self._cost = CostNetwork(config.cost, data.sizes, number_type(config)).to(data.device)
        self._policies = make_policy(config.policy, data.sizes, 2, number_type(config)).to(data.device)
        with torch.no_grad():
            for weights in self._policies.parameters():
                weights[BC] = weights[SAFE]  # only their data tell them apart
        self._cost.fit(data.numbers, normalise=config.normalise)
        if config.normalise:
            self._policies.normaliser.fit(observations for observations, _ in data.numbers())
        if warm_start is not None:
            _begin_with(self._cost, warm_start)
        self._trainer = CostTrainer(self._cost, data, config)
        self._cloner = Cloner(self._policies, data, config)
        self._cloner.set_weights(BC, uniform_weights(data.offsets, data.labels).steps)
        self._settling = Settling(config.cost.settle)
        draw = seeds.generator(config.seed, "probe")
        self._probe = torch.randint(data.n_steps, (min(PROBE_STEPS, data.n_steps),), generator=draw)
        self._weighed: State = {}
        """The cost network that made the present weights."""
        self._learned: StepCosts | None = None
        self._effective = 0.0
        self._policy_losses = torch.zeros(2)
        self._started = time.perf_counter()
        self.turn = 0

    @property
    def is_learned(self) -> bool:
        """Whether the cost network has had its last update."""
        return self._learned is not None

    @property
    def total(self) -> int:
        """Turns that there will be, as far as is known."""
        return _turns(self._config, self._trainer.updates if self.is_learned else self._config.cost.updates)

    def advance(self) -> None:
        """One turn: an update of the cost network while it learns, and of the policies when it is theirs."""
        is_policies_turn = self.is_learned or self._config.schedule == "alternate"
        if not self.is_learned:
            self._update_cost()
        if is_policies_turn and self._cloner.updates < self._config.policy.updates:
            self._policy_losses = self._cloner.update()
        self.turn += 1

    def step_costs(self) -> StepCosts:
        """The cost of every step, by the cost network as it is. Raises Diverged where it is no number."""
        return self._learned or score_steps(self._cost, self._data)

    def metrics(self) -> Metrics:
        """The latest losses and scores of what still learned in this turn, and how c lies over a sample of steps."""
        values = {"update": float(self.turn), "seconds": time.perf_counter() - self._started}
        if self.turn == self._trainer.updates:
            values |= {name: float(value) for name, value in self._trainer.latest.items()} | self._probe_metrics()
        if self._cloner.updates > 0:
            safe, bc = self._policy_losses.tolist()
            values |= {"policy_loss": safe, "bc_loss": bc, "effective_trajectories": self._effective}
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            part = "policy" if "policy_loss" in bad or "bc_loss" in bad else "cost"
            raise Diverged(f"{bad[0]} is no number any more; train again with a smaller {part}.learning_rate")
        return values

    def state(self) -> State:
        """All that is needed to go on, on the host."""
        elapsed = time.perf_counter() - self._started
        parts = {
            "loop": {
                "turn": torch.tensor(self.turn),
                "is_learned": torch.tensor(self.is_learned),
                "seconds": torch.tensor(elapsed, dtype=torch.float64),
                "policy_losses": self._policy_losses,
            },
            "cost": self._cost.state_dict(),
            "policies": self._policies.state_dict(),
            "weighed": self._weighed,
            "trainer": self._trainer.state(),
            "cloner": self._cloner.state(),
            "settling": self._settling.state(),
        }
        return {f"{part}/{name}": tensor.cpu().clone() for part, of in parts.items() for name, tensor in of.items()}

    def load(self, state: State) -> None:
        """Go on from there."""
        parts: dict[str, State] = {}
        for key, tensor in state.items():
            part, _, name = key.partition("/")
            parts.setdefault(part, {})[name] = tensor
        try:
            if parts.get("weighed"):
                self._cost.load_state_dict(parts["weighed"])
                self._weigh(is_final=bool(parts["loop"]["is_learned"]))
            self._cost.load_state_dict(parts["cost"])
            self._policies.load_state_dict(parts["policies"])
            self._trainer.load(parts["trainer"])
            self._cloner.load(parts["cloner"])
            self._settling.load(parts["settling"])
            self.turn = int(parts["loop"]["turn"])
            self._policy_losses = parts["loop"]["policy_losses"]
            self._started -= float(parts["loop"]["seconds"])
        except (KeyError, RuntimeError) as problem:
            cause = str(problem).partition("\n")[0].rstrip(": ")
            raise NotReady(f"the checkpoint does not belong to these settings ({cause}); start a new run") from None

    def networks(self) -> Networks:
        """As they are."""
        return Networks(self._cost.eval(), self._one_policy(SAFE), self._one_policy(BC))

    def _is_time_to_weigh(self) -> bool:
        """Whether something goes by the costs while they are learned, and they have changed since."""
        is_alternating = self._config.schedule == "alternate"
        if is_alternating and self._trainer.updates == 1:  # the policies cannot begin without weights
            return True
        is_due = self._trainer.updates % self._config.rescore_every == 0
        return is_due and (is_alternating or self._config.cost.failure_modes > 1)

    def _update_cost(self) -> None:
        config, trainer = self._config, self._trainer
        trainer.update()
        is_settled = self._settling.is_due(trainer.updates) and self._settling.look(self._probe_costs())
        if is_settled or trainer.updates == config.cost.updates:
            self._weigh(is_final=True)
        elif self._is_time_to_weigh():
            self._weigh(is_final=False)

    def _weigh(self, *, is_final: bool) -> None:
        """Score all steps and let weights, and the shares of the kinds of failure, follow."""
        data, config = self._data, self._config
        costs = score_steps(self._cost, data)
        weights = cloning_weights(costs.mean, data.offsets, data.labels, config.weights, config.cost.gamma)
        self._cloner.set_weights(SAFE, weights.steps)
        self._effective = effective_sample_size(weights.trajectories)
        self._weighed = {name: tensor.clone() for name, tensor in self._cost.state_dict().items()}
        if is_final:
            self._learned = costs
        elif config.cost.failure_modes > 1:
            self._trainer.set_shares(self._shares(costs.mean))

    def _shares(self, step_costs: np.ndarray) -> np.ndarray:
        """[N] how often to draw each non-preferred trajectory."""
        data, config = self._data, self._config
        members = np.flatnonzero(data.labels == "non_preferred")
        profiles = cost_profiles(step_costs, data.observations.cpu().numpy(), data.offsets, members)
        shares = np.zeros(len(data.labels))
        shares[members] = balanced_shares(failure_modes(profiles, config.cost.failure_modes, config.seed))
        return shares

    @torch.no_grad()
    def _probe_costs(self) -> Tensor:
        """[M, probe] costs of the sample by each member."""
        return torch.cat([self._cost.each(*block) for block in self._data.blocks(self._probe)], dim=1)

    def _probe_metrics(self) -> Metrics:
        costs = self._probe_costs()
        mean = costs.mean(dim=0)
        values = {
            "cost_mean": float(mean.mean()),
            "cost_spread": float(mean.std(correction=0)),
            "saturated": float(((mean < 0.01) | (mean > 0.99)).float().mean()),
        }
        return values | ({"disagreement": float(costs.std(dim=0, correction=0).mean())} if len(costs) > 1 else {})

    def _one_policy(self, number: int) -> Policy:
        policy = make_policy(self._config.policy, self._data.sizes).to(self._data.device)
        policy.normaliser.load_state_dict(self._policies.normaliser.state_dict())
        with torch.no_grad():
            for own, of_both in zip(policy.parameters(), self._policies.parameters(), strict=True):
                own.copy_(of_both[number : number + 1])
        return policy.eval()


def _begin_with(network: CostNetwork, other: CostNetwork) -> None:
    try:
        network.load_state_dict(other.state_dict())
    except RuntimeError:
        raise InvalidConfig(
            "the run to start from has a cost network of another shape; use its cost.network, cost.inputs, "
            "cost.hidden_sizes, cost.members, cost.aggregator and cost.image_features, or start from scratch"
        ) from None
