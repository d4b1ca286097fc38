"""One trial: labels, a training and an evaluation in this process. Nothing is kept but the row that comes of it."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from safemil_core.assessment.environments import dsrl_range
from safemil_core.assessment.evaluation import mean_metrics, rank_correlation, roc_auc
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.references import References
from safemil_core.assessment.rollouts import Episode, EpisodeTask, run_episodes
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import EnvironmentUnavailable, InvalidConfig
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.cost_model import StepCosts, score_steps
from safemil_core.learning.model_files import save_policy
from safemil_core.learning.refit import refit_cost
from safemil_core.learning.training import train
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import trajectory_costs
from safemil_core.running.provenance import provenance
from safemil_core.running.sweeps.marking import marked_labels
from safemil_core.running.sweeps.trials import Row, Trial
from safemil_core.running.told_weights import told_weights

FIRST_SEED = 1_000
"""Of the episodes, as in evaluations of runs: every trial's policy starts from the same states."""

Measured = dict[str, float | None]


def perform(trial: Trial, dataset: DatasetInfo, trajectories: TrajectorySet) -> Row:
    """Do a trial.

    Args:
        trial: what to do.
        dataset: of that id.
        trajectories: of the dataset.

    Raises:
        SafeMILError: the dataset has no true costs or no simulator, or training diverged.
    """
    started, device = time.perf_counter(), pick_device("cpu")
    prepare_process()
    true_costs = trajectories.true_costs()
    if true_costs is None:
        raise InvalidConfig(f"dataset {dataset.name!r} has no true costs to mark by; take another one")
    labels = marked_labels(true_costs, trial.labels, np.random.default_rng(trial.seed))
    data = TrainingData.of(trajectories, labels, device, action_parts=dataset.actions)
    measured: list[Measured] = []

    def look(update: int, costs: StepCosts) -> None:
        measured.append({"updates": update, **_cost_metrics(costs.mean, trial, labels, trajectories)})

    def look_at_last(costs: StepCosts) -> None:
        if not trial.updates:
            measured.append(_cost_metrics(costs.mean, trial, labels, trajectories))

    if trial.episodes:
        networks = train(
            data,
            trial.config,
            look_after=trial.updates,
            on_look=look,
            on_costs=lambda costs, _: look_at_last(costs),
            weights=told_weights(trial.config, trajectories, labels),
        )
        with TemporaryDirectory(prefix="safemil-trial-") as folder:
            policy = Path(folder) / "safe.safetensors"
            save_policy(policy, networks.safe, trial.config.policy, data.sizes)
            of_policy = _policy_metrics(trial, dataset, true_costs, policy)
        measured = [*measured[:-1], {**(measured[-1] if measured else {}), **of_policy}]
    else:
        network = refit_cost(data, trial.config, look_after=trial.updates, on_look=look)
        look_at_last(score_steps(network, data))
    seconds, code = round(time.perf_counter() - started, 2), provenance("cpu").code
    return Row.about(trial, measured=tuple(measured), seconds=seconds, code=code)


def _cost_metrics(costs: np.ndarray, trial: Trial, labels: np.ndarray, trajectories: TrajectorySet) -> Measured:
    """How far learned costs [sum T] agree with the true ones: of all steps, and of those of unmarked trajectories."""
    assert trajectories.costs is not None
    true_costs, config = trajectories.true_costs(), trial.config
    assert true_costs is not None
    sums = trajectory_costs(costs, trajectories.offsets, config.cost.gamma, config.weights.per_length)
    is_unmarked, is_unsafe = labels == "none", np.asarray(trajectories.costs) > 0
    of_unmarked = np.repeat(is_unmarked, trajectories.lengths)
    return {
        "step_auc": roc_auc(costs, is_unsafe),
        "rank_correlation": rank_correlation(sums, true_costs),
        "step_auc_unmarked": roc_auc(costs[of_unmarked], is_unsafe[of_unmarked]),
        "rank_correlation_unmarked": rank_correlation(sums[is_unmarked], true_costs[is_unmarked]),
    }


def _policy_metrics(trial: Trial, dataset: DatasetInfo, true_costs: np.ndarray, policy: Path) -> Measured:
    """What a policy does in the simulator."""
    if dataset.env_id is None:
        raise EnvironmentUnavailable(
            f"dataset {dataset.name!r} names no environment; import its file again with --env, or set episodes = 0"
        )
    tasks = [
        EpisodeTask(dataset.env_id, Interface.of(dataset), policy, cost=None, seed=FIRST_SEED + number)
        for number in range(trial.episodes)
    ]
    episodes: list[Episode] = []
    run_episodes(tasks, lambda _, episode: episodes.append(episode), n_workers=1)  # this process is one of several
    references = _references(dataset, float(true_costs.max()))
    return {**mean_metrics(episodes, references.scales(), references.cost_limit()[0])}


def _references(dataset: DatasetInfo, costliest: float) -> References:
    known = dataset.references

    def pair(name: str) -> dict[str, float] | None:
        has_both = {f"{name}_return", f"{name}_cost"} <= known.keys()
        return {"return": known[f"{name}_return"], "cost": known[f"{name}_cost"]} if has_both else None

    assert dataset.env_id is not None
    return References(pair("random"), pair("constrained"), dsrl_range(dataset.env_id), costliest)
