"""The offline stage of a run: cloned once more without some trajectories, its policies are asked about just these."""

from __future__ import annotations

import numpy as np

from safemil_core.assessment.intervals import interval
from safemil_core.config import RunConfig
from safemil_core.data.trajectories import TrajectorySet, owners
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.baselines.settings import as_trained
from safemil_core.learning.baselines.trainers import make_trainer
from safemil_core.learning.held_out_cloning import agreement, clone_without, held_out, log_likelihood
from safemil_core.learning.model_files import load_cost
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import uniform_weights
from safemil_core.running.offline_checks import OfflineCheck, write_checks
from safemil_core.running.progress import Reports
from safemil_core.running.run_folder import POLICIES, Run
from safemil_core.running.tasks import Task
from safemil_core.running.told_weights import told_weights
from safemil_core.running.training_stage import load
from safemil_core.workspace import Workspace

COSTLY_SHARE = 0.1


def check_offline(workspace: Workspace, run: Run, device: str = "auto") -> list[OfflineCheck]:
    """Clone both policies of a run without a fifth of its trajectories, and measure how far they agree with these.

    Raises:
        SafeMILError: the run is not finished, its dataset is gone, or too little is left to clone.
    """
    chosen, config = pick_device(device), as_trained(run.config)
    run.model("bc")  # a run whose policies are not cloned yet has none to check
    trajectories, data = load(workspace, run, chosen)
    prepare_process()
    cost = load_cost(run.model("cost")).to(chosen) if run.has_costs else None
    costs = run.step_costs() if run.has_costs else None
    by_density = config.with_values(["policy.loss=log_likelihood"])
    is_density = by_density == config
    n_updates = config.policy.updates * (1 if is_density else 2)
    reports = Reports(Task.of_run("offline", run).progress_file, n_updates, str(chosen))
    is_out = held_out(data.labels, config.seed)
    plain = uniform_weights(data.offsets, data.labels).steps
    weights = _weights(run, config, trajectories, data, cost)
    policies = clone_without(data, config, (weights, plain), is_out, cost, reports.done)
    densities = policies
    if not is_density:
        densities = clone_without(
            data, by_density, (weights, plain), is_out, cost, lambda done: reports.done(config.policy.updates + done)
        )
    checks = [
        check
        for name, steps in _kinds(trajectories, data, is_out, costs).items()
        for check in _checks(
            name, steps, agreement(policies, data, steps), log_likelihood(densities, data, steps), data.offsets
        )
    ]
    write_checks(run, checks)
    reports.end()
    return checks


def _weights(
    run: Run, config: RunConfig, trajectories: TrajectorySet, data: TrainingData, cost: CostNetwork | None
) -> np.ndarray:
    """[sum T] those by which the run's method cloned its policy."""
    told = told_weights(config, trajectories, data.labels)
    if told is not None:
        return told
    assert cost is not None
    if config.method == "safedice":  # its weights need a second network, which is not kept: the means of trajectories
        return np.repeat(run.trajectories()["weight"].to_numpy(), trajectories.lengths)
    return make_trainer(cost, data, config).weights(run.step_costs()).steps


def _kinds(
    trajectories: TrajectorySet, data: TrainingData, is_out: np.ndarray, costs: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Steps that neither policy was cloned from, by kind; those of marked trajectories never are."""
    lengths = trajectories.lengths
    unseen = np.flatnonzero(np.repeat(is_out, lengths))
    marked = np.flatnonzero(np.repeat(data.labels == "non_preferred", lengths))
    if costs is None:
        return {"held out": unseen, "marked non-preferred": marked}
    least, most = np.quantile(costs[unseen], (0.5, 1 - COSTLY_SHARE))
    return {
        "held out, the less costly half": unseen[costs[unseen] <= least],
        "held out, the costliest tenth": unseen[costs[unseen] >= most],
        "marked non-preferred": marked,
    }


def _checks(
    name: str, steps: np.ndarray, agreements: np.ndarray, likelihoods: np.ndarray, offsets: np.ndarray
) -> list[OfflineCheck]:
    """Of every policy; the mean of each trajectory's steps is one value, since steps of one are alike."""
    of, counts = np.unique(owners(offsets, steps), return_counts=True)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return [
        OfflineCheck(
            policy=policy,
            steps=name,
            n_trajectories=len(of),
            n_steps=len(steps),
            agreement=interval(np.add.reduceat(agreements[number], starts) / counts),
            log_likelihood=interval(np.add.reduceat(likelihoods[number], starts) / counts),
        )
        for number, policy in enumerate(POLICIES)
    ]
