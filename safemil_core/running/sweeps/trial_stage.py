"""One trial: labels, a training and an evaluation in this process. Nothing is kept but the row that comes of it."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from safemil_core.assessment.doctor.shortcuts import behaviours
from safemil_core.assessment.evaluation import mean_metrics, rank_correlation, roc_auc
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.rollouts import Episode, EpisodeTask, run_episodes
from safemil_core.config import RunConfig
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidConfig, SafeMILError
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.cost_model import StepCosts, score_steps
from safemil_core.learning.held_out import held_out_agreement
from safemil_core.learning.model_files import save_policy
from safemil_core.learning.refit import refit_cost
from safemil_core.learning.training import train
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import trajectory_costs
from safemil_core.running.arena import FIRST_SEED
from safemil_core.running.provenance import provenance
from safemil_core.running.sweeps.marking import marked_labels
from safemil_core.running.sweeps.subjects import Subject
from safemil_core.running.sweeps.trials import Row, Trial
from safemil_core.running.told_weights import told_weights

Measured = dict[str, float | None]


def row_of(trial: Trial, subject: Subject) -> Row:
    """The row of a trial of that subject, whatever becomes of it."""
    started = time.perf_counter()
    try:
        measured = _perform(trial, subject)
    except SafeMILError as problem:
        return Row.about(trial, failure=str(problem))
    except Exception as problem:  # noqa: BLE001  # the outermost frame of a trial: its row says why
        traceback.print_exc()
        return Row.about(trial, failure=f"{type(problem).__name__}: {problem}")
    seconds, code = round(time.perf_counter() - started, 2), provenance("cpu").code
    return Row.about(trial, measured=tuple(measured), seconds=seconds, code=code)


def _perform(trial: Trial, subject: Subject) -> list[Measured]:
    """What is measured of the cost, at each look at it, and with the last of the policy."""
    prepare_process()
    trajectories, config = subject.trajectories, trial.config
    true_costs = trajectories.true_costs()
    if true_costs is None:
        raise InvalidConfig(f"dataset {trial.dataset!r} has no true costs to mark by; take another one")
    labels = marked_labels(true_costs, trial.labels, np.random.default_rng(trial.seed))
    data = TrainingData.of(trajectories, labels, pick_device("cpu"), action_parts=subject.dataset.actions)
    measured: list[Measured] = []

    def look(update: int, costs: StepCosts) -> None:
        measured.append({"updates": update, **_cost_metrics(costs.mean, trial, labels, trajectories)})

    def look_at_last(costs: StepCosts) -> None:
        if not trial.updates:
            measured.append(_cost_metrics(costs.mean, trial, labels, trajectories))

    of_last: Measured = {}
    if trial.episodes:
        networks = train(
            data,
            config,
            look_after=trial.updates,
            on_look=look,
            on_costs=lambda _, costs, __: look_at_last(costs),
            weights=told_weights(config, trajectories, labels),
            has_partner=False,
        )
        with TemporaryDirectory(prefix="safemil-trial-") as folder:
            policy = Path(folder) / "safe.safetensors"
            save_policy(policy, networks.safe, config.policy, data.sizes)
            of_last |= _policy_metrics(policy, trial.episodes, subject)
    else:
        look_at_last(score_steps(refit_cost(data, config, look_after=trial.updates, on_look=look), data))
    if trial.unseen and config.method == "safemil":
        of_last |= _unseen_metrics(data, config, subject)
    if trial.updates and not measured:  # it learns no cost that could be looked at on the way
        measured.append({"updates": max(trial.updates)})
    last = measured.pop() if measured else {}
    return [*measured, {**last, **of_last}]


def _cost_metrics(costs: np.ndarray, trial: Trial, labels: np.ndarray, trajectories: TrajectorySet) -> Measured:
    """How far learned costs [sum T] agree with the true ones: of all steps, and of those of unmarked trajectories."""
    true_costs, config = trajectories.true_costs(), trial.config
    assert true_costs is not None and trajectories.costs is not None
    sums = trajectory_costs(costs, trajectories.offsets, config.cost.gamma, config.weights.per_length)
    is_unmarked, is_unsafe = labels == "none", np.asarray(trajectories.costs) > 0
    of_unmarked = np.repeat(is_unmarked, trajectories.lengths)
    return {
        "step_auc": roc_auc(costs, is_unsafe),
        "rank_correlation": rank_correlation(sums, true_costs),
        "step_auc_unmarked": roc_auc(costs[of_unmarked], is_unsafe[of_unmarked]),
        "rank_correlation_unmarked": rank_correlation(sums[is_unmarked], true_costs[is_unmarked]),
    }


def _unseen_metrics(data: TrainingData, config: RunConfig, subject: Subject) -> Measured:
    """What is known of a cost without true ones: by networks each of which goes without one kind of behaviour."""
    said = held_out_agreement(data, config, behaviours(subject.descriptors))
    return {"unseen_agreement": said.agreement, "unseen_label_auc": said.label_auc} if said else {}


def _policy_metrics(policy: Path, n_episodes: int, subject: Subject) -> Measured:
    """What a policy does in the simulator, from the starts of every evaluation."""
    assert subject.environment is not None
    interface, seeds = Interface.of(subject.dataset), range(FIRST_SEED, FIRST_SEED + n_episodes)
    tasks = [EpisodeTask(subject.environment, interface, policy, cost=None, seed=seed) for seed in seeds]
    episodes: list[Episode] = []
    # One simulator process: this process is one of several.
    run_episodes(tasks, lambda _, episode: episodes.append(episode), n_workers=1)
    limit, _ = subject.references.cost_limit()
    return {**mean_metrics(episodes, subject.references.scales(), limit)}
