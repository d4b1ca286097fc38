"""A run's cost as a function, and against the truth, made once and kept like `resources`."""

from __future__ import annotations

from typing import Literal

import numpy as np

from dashboard.caches import copied, shared
from dashboard.resources import hidden_truth, labels, shown_key, shows_truth, trajectories
from dashboard.run_resources import run_cost_sums, run_costs
from safemil_core.assessment import probe, truth
from safemil_core.assessment.cost_curves import ReadableCost, read_cost
from safemil_core.assessment.probe import Ranges
from safemil_core.assessment.truth import Cut, Judged, TruthReport
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.hidden_truth import given_blind
from safemil_core.learning.cost_function import CostFunction, read_cost_function
from safemil_core.running.run_folder import Run

_SAMPLE = 40_000
"""Steps that stand for all of a dataset's, at most about twice as many."""
_SHOWN = 300
"""Steps of a trajectory, at most, of which it is asked what each input adds: as many as a picture shows."""
_FEW = 40
"""Steps around which it is tried which numbers move the cost most."""
Among = Literal["all", "unmarked"]
"""Which trajectories are looked at: every one, or those that were not marked non-preferred for the run's training."""


@shared(max_entries=4, dataset=shown_key)
def judged(info: DatasetInfo, run: Run, among: Among) -> Judged:
    """The learned and the true costs of trajectories. Only while the truth is shown."""
    assert shows_truth(info), "the page asks for the truth while it is hidden"
    known = trajectories(info)
    every = Judged(run_cost_sums(run).to_numpy(), run_costs(run), np.asarray(known.costs), known.offsets)
    return every if among == "all" else every.only(run.trajectories()["label"].to_numpy(str) != "non_preferred")


@shared(max_entries=8)
def labels_given_blind(info: DatasetInfo, run: Run) -> tuple[int, int]:
    """Of the labels that a run began with, how many were given while the truth was hidden, and how many there were;
    nothing that is said later changes that."""
    kept = labels(info)
    return given_blind(hidden_truth(info).history(), kept.state(run.info.label_snapshot), kept.history())


@shared(max_entries=8, dataset=shown_key)
def step_truth(info: DatasetInfo, run: Run, among: Among) -> TruthReport:
    """How well the costs of steps agree with the truth."""
    found = judged(info, run, among)
    return truth.step_report(found.costs, found.true_costs)


def trajectory_truth(info: DatasetInfo, run: Run, among: Among, limit: float) -> TruthReport:
    """How well the costs of trajectories agree with the truth, where a true cost above the limit violates."""
    found = judged(info, run, among)
    return truth.trajectory_report(found.sums, found.costs, found.true_costs, found.offsets, limit)


def step_cut(info: DatasetInfo, run: Run, among: Among, threshold: float) -> Cut:
    """What a threshold makes of the steps."""
    found = judged(info, run, among)
    return truth.cut(found.costs, found.true_costs > 0, threshold)


@shared(max_entries=8)
def cost_function(info: DatasetInfo, run: Run) -> CostFunction:
    """The cost that a run has learned, at any step. Raises like `cost_function.read_cost_function`."""
    return read_cost_function(run.model("cost"), info.actions)


@shared(max_entries=4)
def sampled_steps(info: DatasetInfo) -> np.ndarray:
    """[S, O + A] float32, observation and action of steps that stand for all of the dataset's."""
    return probe.sampled(trajectories(info), _SAMPLE)


@shared(max_entries=8)
def ranges(info: DatasetInfo) -> Ranges:
    """Where the numbers of a dataset's steps lie."""
    return Ranges.of(sampled_steps(info))


@shared(max_entries=4)
def sampled_inputs(info: DatasetInfo, run: Run) -> np.ndarray:
    """[S, D] float32, what the cost network could see of the sampled steps."""
    return cost_function(info, run).inputs(sampled_steps(info))


@shared(max_entries=8)
def readable_cost(info: DatasetInfo, run: Run) -> ReadableCost:
    """The curves and surfaces that a run's additive cost is made of."""
    return read_cost(cost_function(info, run), sampled_inputs(info, run))


@shared(max_entries=8)
def mean_inputs(info: DatasetInfo, run: Run) -> np.ndarray:
    """[D] float32, the mean of what the cost network sees: what is added to a cost is counted from there."""
    mean: np.ndarray = cost_function(info, run).inputs(sampled_steps(info)).mean(axis=0)
    return mean


@shared(max_entries=32)
def added_along(info: DatasetInfo, run: Run, trajectory: int) -> tuple[np.ndarray, np.ndarray]:
    """What each number adds to the cost along a trajectory: the steps that were asked [n], evenly spaced where there
    are more than a picture can show, and what it adds there [n, O + A] float32 (integrated gradients)."""
    numbers = steps_of(info, trajectory)
    steps = np.arange(0, len(numbers), -(-len(numbers) // _SHOWN))
    return steps, _added(info, run, numbers[steps])


def added_at(info: DatasetInfo, run: Run, trajectory: int, step: int) -> np.ndarray:
    """[O + A] float32, what each number adds to the cost of one step."""
    added: np.ndarray = _added(info, run, steps_of(info, trajectory)[step : step + 1])[0]
    return added


def steps_of(info: DatasetInfo, trajectory: int) -> np.ndarray:
    """[T, O + A] float32, observations and actions of a trajectory."""
    one = trajectories(info)[trajectory]
    numbers: np.ndarray = np.concatenate([one.observations, one.actions], axis=1)
    return numbers


@copied(max_entries=32)
def far_reaching(info: DatasetInfo, run: Run, among: tuple[int, ...]) -> list[int]:
    """These numbers of a step, the one first that moves the cost most over some steps."""
    steps = sampled_steps(info)
    some = steps[:: max(1, len(steps) // _FEW)]
    return probe.by_reach(cost_function(info, run), some, ranges(info).central, among)


def mean_cost(info: DatasetInfo, run: Run) -> float:
    """The cost of the mean step."""
    return float(cost_function(info, run).costs(mean_inputs(info, run)[None])[0])


def costs_of(info: DatasetInfo, run: Run, trajectory: int) -> np.ndarray:
    """[T] the learned cost of each step of a trajectory."""
    first, last = trajectories(info).offsets[trajectory : trajectory + 2]
    costs: np.ndarray = run_costs(run)[first:last]
    return costs


def _added(info: DatasetInfo, run: Run, numbers: np.ndarray) -> np.ndarray:
    function = cost_function(info, run)
    return function.by_number(function.integrated_gradients(function.inputs(numbers), mean_inputs(info, run)))
