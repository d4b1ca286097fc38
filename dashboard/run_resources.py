"""What runs have learned and logged, read once and kept like `resources`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.caches import copied, results_key, shared, version
from dashboard.resources import (
    immobile,
    run_notes,
    runs,
    shown_key,
    shows_truth,
    summary,
    trajectories,
    workspace,
)
from safemil_core.assessment import rasters
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.weight_report import WeightReport, report
from safemil_core.config import WeightConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.learning.weights import cloning_weights, uniform_weights
from safemil_core.running.comparison import Compared, final_values
from safemil_core.running.health import Health, findings_of, health_of
from safemil_core.running.jobs import job_of, jobs_of
from safemil_core.running.metrics_log import MetricsLog
from safemil_core.running.rollout_records import Rollouts, read_rollouts
from safemil_core.running.run_folder import Policy, Run
from safemil_core.running.run_notes import RunNote
from safemil_core.running.what_ifs import WhatIf, WhatIfs

StepValue = Literal["learned", "spread", "true"]
"""What is known of each step: its learned cost, how far an ensemble's networks differ about it, its true cost."""


@shared(max_entries=8)
def run_costs(run: Run) -> np.ndarray:
    """[sum T] the learned cost of every step, in the order of the dataset. Raises NotReady before training ended."""
    return run.step_costs()


@shared(max_entries=8)
def run_cost_spread(run: Run) -> np.ndarray | None:
    """[sum T] the deviation of the cost over the networks of an ensemble; None where there is one network."""
    return run.cost_spread()


@copied(max_entries=32)
def run_cost_sums(run: Run) -> pd.Series:
    """[N] the learned cost of every trajectory. Raises NotReady before training ended."""
    return run.trajectories()["cost_sum"]


def step_values(info: DatasetInfo, run: Run) -> list[StepValue]:
    """Those that are known, and not hidden."""
    return [value for value in get_args(StepValue) if _step_value(info, run, value) is not None]


@shared(max_entries=16, dataset=shown_key)
def step_levels(info: DatasetInfo, run: Run, value: StepValue) -> tuple[np.ndarray, float]:
    """[sum T] uint8 levels of a value, see `rasters.levels`, and the value of the highest."""
    found = _step_value(info, run, value)
    assert found is not None
    high = float(found.max())
    return rasters.levels(found, high), high


@shared(max_entries=16, dataset=shown_key)
def raster_table(info: DatasetInfo, run: Run) -> pd.DataFrame:
    """One row a trajectory, all numbers that it can be sorted by: `resources.summary`, and of the run `label`,
    `learned_cost`, `weight`, `highest` and `first_spike`."""
    peaks, learned = rasters.peaks(run_costs(run), trajectories(info).offsets), run.trajectories()
    return summary(info).assign(
        label=learned["label"].to_numpy(str),
        learned_cost=learned["cost_sum"].to_numpy(),
        weight=learned["weight"].to_numpy(),
        highest=peaks.highest,
        first_spike=peaks.first_spikes,
    )


def rollouts(run: Run, policy: str) -> Rollouts | None:
    """The steps of a policy's episodes in the latest evaluation, see `Run.rollouts`; None where none were kept."""
    return _rollouts(run.rollouts(policy))


@shared(max_entries=4)
def step_weights(run: Run, policy: Policy) -> np.ndarray:
    """[sum T] how much cloning trusted each step. Raises NotReady before the costs are learned."""
    table, config = run.trajectories(), run.config
    labels, offsets = table["label"].to_numpy(), np.concatenate([[0], np.cumsum(table["length"])])
    if policy == "bc":
        return uniform_weights(offsets, labels).steps
    return cloning_weights(run_costs(run), offsets, labels, config.weights, config.cost.gamma).steps


def findings(info: DatasetInfo, run: Run) -> list[Finding] | None:
    """What is wrong with a run, see `health.findings_of`."""
    is_live = not job_of(workspace(), run).is_finished
    return findings_of(run, metrics(run), is_live=is_live, shows_truth=shows_truth(info))


def health(info: DatasetInfo, run: Run) -> Health:
    """How a run is, in a few words."""
    is_live = not job_of(workspace(), run).is_finished
    return health_of(run, metrics(run), is_live=is_live, shows_truth=shows_truth(info))


def metrics(run: Run) -> pd.DataFrame:
    """What the run has logged so far; only what is new is read. Shared by all sessions: never write to it."""
    return _metrics_log(run.metrics_file).read()


def compared(info: DatasetInfo) -> list[Compared]:
    """Every run of a dataset with all that is known of it, newest first."""
    all_runs, notes = runs().list(info.id), run_notes().all()
    return [
        Compared(run, job, notes.get(run.id, RunNote()), _final_values(run.metrics_file))
        for run, job in zip(all_runs, jobs_of(workspace(), all_runs), strict=True)
    ]


@shared(max_entries=32, dataset=shown_key)
def weighed(info: DatasetInfo, run: Run, weights: WeightConfig) -> WeightReport:
    """What a weighting of a run's costs amounts to; of its true costs only while they are shown."""
    known = trajectories(info)
    return report(
        run_costs(run),
        known.offsets,
        run.trajectories()["label"].to_numpy(str),
        None if known.costs is None else summary(info)["true_cost"].to_numpy(),
        weights,
        run.config.cost.gamma,
        immobile(info),
    )


def results_name(run: Run) -> str:
    """Names what a run has learned, for a browser that keeps it: another name once it has learned anew."""
    return f"{run.id}-{hashlib.sha256(repr(results_key(run)).encode()).hexdigest()[:8]}"


def file_name(path: Path) -> str:
    """Names the content of a file, for a browser that keeps it: another name once the file has changed."""
    return "-".join(map(str, (path.name, *version(path))))


def what_ifs_key(run: Run) -> object:
    """Another one also once a what-if of the run has ended."""
    kept = WhatIfs(run)
    return results_key(run), *map(version, (kept.features_file, *kept.files()))


@shared(max_entries=8, run=what_ifs_key)
def what_ifs(run: Run) -> list[WhatIf]:
    """What came of other labels for a run, newest first; shared by all sessions."""
    return WhatIfs(run).all()


@shared(max_entries=8, run=what_ifs_key)
def what_if_agreements(run: Run) -> dict[int, float]:
    """Rank correlation of the preview with each of them, by number."""
    return WhatIfs(run).agreements()


@st.cache_resource(max_entries=32, show_spinner=False)
def _metrics_log(path: Path) -> MetricsLog:
    return MetricsLog(path)


@copied(max_entries=1_000)
def _final_values(path: Path) -> dict[str, float]:
    return final_values(MetricsLog(path).read())


def _step_value(info: DatasetInfo, run: Run, value: StepValue) -> np.ndarray | None:
    if value == "true":
        return trajectories(info).costs
    return run_costs(run) if value == "learned" else run_cost_spread(run)


@shared(max_entries=8)
def _rollouts(path: Path) -> Rollouts | None:
    return read_rollouts(path)
