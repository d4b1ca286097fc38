"""The engine itself, in a process set up as for a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import torch

from safemil_core.bench.workloads import N_POLICY_BATCH, Example, Prepared, Workload
from safemil_core.config import RunConfig
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.learning.arithmetic import number_type, prepare_process
from safemil_core.learning.cloners import Cloners
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import CPU, TrainingData
from safemil_core.learning.weights import cloning_weights, uniform_weights

SAFE = 0
"""Of the policies, the one that goes by the learned weights."""


def prepare(workload: Workload) -> Prepared:
    """An update as training makes it; the alternating one scores all steps as often as training does."""
    prepare_process()
    torch.manual_seed(0)
    example, config = Example.read(workload.data), _config(workload)
    trajectories = TrajectorySet(example.observations, example.actions, example.offsets)
    device = torch.device(workload.device)
    data = TrainingData.of(trajectories, example.labels, CPU if workload.is_on_host else device)
    data = replace(data, device=device)
    if workload.task in ("cloning", "cloning a mixture"):
        return Prepared(_reporting(_cloners(data, config, workload.policies), config), period=config.log_every)
    network = CostNetwork(config.cost, data.sizes, number_type(config)).to(data.device)
    network.fit(data.numbers)
    trainer = CostTrainer(network, data, config)

    def costs() -> np.ndarray:
        return score_steps(network, data).mean

    if workload.task == "cost":
        return Prepared(trainer.update, costs=costs)
    cloners = _cloners(data, config, workload.policies)
    clone, numbers = _reporting(cloners, config), count()

    def update() -> None:
        trainer.update()
        if next(numbers) % config.rescore_every == 0:
            weights = cloning_weights(costs(), data.offsets, data.labels, config.weights, config.cost.gamma)
            cloners.set_weights(SAFE, weights.steps)
        clone()

    return Prepared(update, period=config.rescore_every, costs=costs)


def _config(workload: Workload) -> RunConfig:
    """The settings of the defaults or of the paper's plain network, of this size."""
    changes = {
        "cost.bag_size": workload.bag_size,
        "cost.window": workload.window,
        "cost.hidden_sizes": [workload.hidden, workload.hidden],
        "policy.hidden_sizes": [workload.hidden, workload.hidden],
        "policy.batch_size": N_POLICY_BATCH,
        "precision": workload.precision,
    }
    begin = RunConfig() if workload.is_default else RunConfig.plain()
    return begin.with_values(f"{name}={value}" for name, value in changes.items())


def _cloners(data: TrainingData, config: RunConfig, n_policies: int) -> Cloners:
    cloners = Cloners(data, config, n_policies)
    for policy in range(n_policies):
        cloners.set_weights(policy, uniform_weights(data.offsets, data.labels).steps)
    return cloners


def _reporting(cloners: Cloners, config: RunConfig) -> Callable[[], None]:
    """Their updates, and their losses as often as training reports them: by then all of them are done."""

    def update() -> None:
        cloners.update()
        if cloners.updates % config.log_every == 0:
            cloners.losses()

    return update
