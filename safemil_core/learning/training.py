"""The alternating loop: cost network and policies in turn, with metrics and checkpoints. Not where they are kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.errors import Diverged, InvalidConfig
from safemil_core.learning.bags import BagSampler
from safemil_core.learning.cost_model import bag_loss, bag_score, score_steps
from safemil_core.learning.networks import CostNetwork, MixturePolicy
from safemil_core.learning.optimiser import Optimiser
from safemil_core.learning.policy import Cloner
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import cloning_weights, effective_sample_size, uniform_weights

PROBE_STEPS = 4_096
"""Steps on which the spread of c is watched during training."""

Metrics = dict[str, float]


@dataclass(frozen=True)
class Networks:
    """What training makes."""

    cost: CostNetwork
    safe: MixturePolicy
    """Cloned with the learned weights."""
    bc: MixturePolicy
    """Plain behaviour cloning of everything not marked, for comparison."""


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; else a device as torch calls it.

    Raises:
        InvalidConfig: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):  # an unknown name; a build of torch without CUDA
        raise InvalidConfig(f"there is no device {name!r} here; use auto, cpu, or cuda where there is one") from None
    return device


def train(
    data: TrainingData,
    config: RunConfig,
    *,
    on_metrics: Callable[[int, Metrics], None],
    on_checkpoint: Callable[[int, Networks], None],
    should_stop: Callable[[], bool],
    on_costs: Callable[[np.ndarray], None] = lambda _: None,
) -> Networks:
    """Train the cost network and both policies; the same seed on the same device gives the same bits.

    Args:
        data: on the device that trains.
        config: the run's settings.
        on_metrics: called with the number of updates done and a row of metrics, every `config.log_every` updates.
        on_checkpoint: called every `config.checkpoint_every` updates.
        should_stop: asked after every update; True ends training with what has been learned.
        on_costs: called once with the final costs [sum T] of all steps, as soon as the cost network has learned them:
            the policies train on.

    Raises:
        Diverged: the costs are no numbers any more.
    """
    loop = _Loop(data, config)
    started = time.perf_counter()
    total = n_updates(config)
    for update in range(1, total + 1):
        loop.step(update)
        stopping = should_stop()
        if update % config.log_every == 0 or update == total or stopping:
            on_metrics(update, {"update": update, "seconds": time.perf_counter() - started, **loop.metrics()})
        if update == config.cost.updates or (stopping and update < config.cost.updates):
            on_costs(loop.step_costs())
        if stopping:
            break
        if update % config.checkpoint_every == 0 and update < total:
            on_checkpoint(update, loop.networks)
    return loop.networks


def n_updates(config: RunConfig) -> int:
    """Updates of the loop: until both the cost network and the policies have had theirs."""
    return max(config.cost.updates, config.policy.updates)


class _Loop:
    """The state of training between two updates."""

    def __init__(self, data: TrainingData, config: RunConfig) -> None:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it before it repeats itself
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(config.seed)  # the networks' first weights; every later draw has a generator of its own
        self._data, self._config = data, config
        self._device = data.observations.device
        self.networks = self._make_networks()
        # One stream of random numbers each: how long one part trains does not change the draws of another.
        bags, safe, bc, probe = (
            torch.Generator(self._device).manual_seed(config.seed * 4 + stream) for stream in range(4)
        )
        self._bags = bags
        non_preferred = np.flatnonzero(data.labels == "non_preferred")
        unlabelled = np.flatnonzero(data.labels != "non_preferred")
        cost = config.cost
        self._non_preferred = BagSampler(
            data.offsets, non_preferred, cost.bag_size, cost.window, self._device, data.segments
        )
        self._unlabelled = BagSampler(data.offsets, unlabelled, cost.bag_size, cost.window, self._device)
        self._cost_optimiser = Optimiser(self.networks.cost, config.optimiser, cost.learning_rate)
        self._safe, self._bc = (
            Cloner(policy, config, data.observations, data.actions, generator)
            for policy, generator in ((self.networks.safe, safe), (self.networks.bc, bc))
        )
        self._bc.set_weights(uniform_weights(data.offsets, data.labels).steps)
        n_steps = len(data.observations)
        self._probe = torch.randint(n_steps, (min(PROBE_STEPS, n_steps),), generator=probe, device=self._device)
        self._latest: dict[str, Tensor] = {}
        self._effective = float("nan")

    def step(self, update: int) -> None:
        """Update number `update`, from 1, of the cost network and then of the policies."""
        if update <= self._config.cost.updates:
            self._update_cost()
        if update <= self._config.policy.updates:
            if self._is_time_to_weigh(update):
                self._weigh()
            self._latest["policy_loss"] = self._safe.update()
            self._latest["bc_loss"] = self._bc.update()

    def metrics(self) -> Metrics:
        """The latest losses and scores, and how c lies over a fixed sample of steps."""
        data, probe = self._data, self._probe
        costs = score_steps(self.networks.cost, data.observations[probe], data.actions[probe])
        return {
            **{name: float(value) for name, value in self._latest.items()},
            "cost_mean": float(costs.mean()),
            "cost_spread": float(costs.std()),
            "saturated": float(((costs < 0.01) | (costs > 0.99)).mean()),
            "effective_trajectories": self._effective,
        }

    def step_costs(self) -> np.ndarray:
        """[sum T] the present cost of every step."""
        costs = score_steps(self.networks.cost, self._data.observations, self._data.actions)
        if not np.isfinite(costs).all():
            raise Diverged("the learned costs are no numbers any more; train again with a smaller cost.learning_rate")
        return costs

    def _update_cost(self) -> None:
        network, config, data = self.networks.cost, self._config.cost, self._data
        bags = [self._non_preferred.draw(self._bags), self._unlabelled.draw(self._bags)]
        scores = [
            bag_score(network(data.observations[bag.steps], data.actions[bag.steps]), bag, config.gamma) for bag in bags
        ]
        loss = bag_loss(*scores)
        self._cost_optimiser.step(loss)
        self._latest |= {
            "cost_loss": loss.detach(),
            "score_non_preferred": scores[0].detach(),
            "score_unlabelled": scores[1].detach(),
        }

    def _is_time_to_weigh(self, update: int) -> bool:
        """At the start, at intervals while the cost network still learns, and once when it has learned."""
        last = self._config.cost.updates
        return update in (1, last) or (update < last and update % self._config.rescore_every == 0)

    def _weigh(self) -> None:
        data, config = self._data, self._config
        weights = cloning_weights(self.step_costs(), data.offsets, data.labels, config.weights, config.cost.gamma)
        self._safe.set_weights(weights.steps)
        self._effective = effective_sample_size(weights.trajectories)

    def _make_networks(self) -> Networks:
        data, config = self._data, self._config
        cost = CostNetwork(config.cost, *data.sizes).to(self._device)
        if config.normalise:
            cost.normaliser.fit(torch.cat(block, dim=-1) for block in data.blocks())
        policies = [MixturePolicy(config.policy, *data.sizes).to(self._device) for _ in range(2)]
        policies[1].load_state_dict(policies[0].state_dict())  # both start alike: only the weights tell them apart
        if config.normalise:
            for policy in policies:
                policy.normaliser.fit(observations for observations, _ in data.blocks())
        return Networks(cost, *policies)
