"""A run's cost as a function, and against the truth, made once: with the other `resources`, where Streamlit caches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import streamlit as st

from dashboard import run_resources
from dashboard.resources import shows_truth, trajectories
from safemil_core.assessment import truth
from safemil_core.assessment.truth import Cut, TruthReport
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.trajectories import TrajectorySet, sum_by_trajectory
from safemil_core.running.run_folder import Run

Among = Literal["all", "unmarked"]
"""Which trajectories are looked at: every one, or those that were not marked non-preferred for the run's training."""


@dataclass(frozen=True)
class Judged:
    """What a run's cost is compared with the truth over: `N` trajectories."""

    sums: np.ndarray
    """[N] C, the learned cost of each trajectory."""
    costs: np.ndarray
    """[sum T] c, the learned cost of each step."""
    true_costs: np.ndarray
    """[sum T]."""
    offsets: np.ndarray
    """[N + 1]."""

    @property
    def true_sums(self) -> np.ndarray:
        """[N] true cost of each trajectory."""
        return sum_by_trajectory(self.true_costs, self.offsets)


def judged(info: DatasetInfo, run: Run, among: Among) -> Judged:
    """The learned and the true costs of trajectories. Only while the truth is shown."""
    assert shows_truth(info), "the page asks for the truth while it is hidden"
    return _judged(run.folder, _written_at(run), among, trajectories(info))


def step_truth(info: DatasetInfo, run: Run, among: Among) -> TruthReport:
    """How well the costs of steps agree with the truth."""
    return _step_truth(run.folder, _written_at(run), among, judged(info, run, among))


def trajectory_truth(info: DatasetInfo, run: Run, among: Among, limit: float) -> TruthReport:
    """How well the costs of trajectories agree with the truth, where a true cost above the limit violates."""
    found = judged(info, run, among)
    return truth.trajectory_report(found.sums, found.costs, found.true_costs, found.offsets, limit)


def step_cut(info: DatasetInfo, run: Run, among: Among, threshold: float) -> Cut:
    """What a threshold makes of the steps."""
    found = judged(info, run, among)
    return truth.cut(found.costs, found.true_costs > 0, threshold)


def _written_at(run: Run) -> int:
    return run.table("costs").stat().st_mtime_ns


@st.cache_resource(max_entries=4, show_spinner=False)
def _judged(folder: Path, written_at: int, among: Among, _trajectories: TrajectorySet) -> Judged:
    run = Run(folder)
    costs, sums = run_resources.run_costs(run), run_resources.run_cost_sums(run).to_numpy()
    true_costs, offsets = np.asarray(_trajectories.costs), _trajectories.offsets
    if among == "unmarked":
        is_kept = run.trajectories()["label"].to_numpy(str) != "non_preferred"
        steps = np.repeat(is_kept, _trajectories.lengths)
        lengths = _trajectories.lengths[is_kept]
        costs, sums, true_costs = costs[steps], sums[is_kept], true_costs[steps]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Judged(sums, costs, true_costs, offsets)


@st.cache_resource(max_entries=8, show_spinner=False)
def _step_truth(folder: Path, written_at: int, among: Among, _judged: Judged) -> TruthReport:
    return truth.step_report(_judged.costs, _judged.true_costs)
