"""What runs have learned and logged, read once and cached like `resources`.

Keyed by a run's folder and the version of its file: runs change only where they are resumed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.resources import immobile, run_notes, runs, shows_truth, summary, trajectories, workspace
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


def costs_written_at(run: Run) -> int:
    """When its costs were learned, which tells them from others that it may learn later. Raises NotReady before."""
    return run.table("costs").stat().st_mtime_ns


def run_costs(run: Run) -> np.ndarray:
    """[sum T] the learned cost of every step, in the order of the dataset. Raises NotReady before training ended."""
    return _run_costs(run.folder, costs_written_at(run))


def run_cost_spread(run: Run) -> np.ndarray | None:
    """[sum T] the deviation of the cost over the networks of an ensemble; None where there is one network."""
    return _run_cost_spread(run.folder, costs_written_at(run))


def run_cost_sums(run: Run) -> pd.Series:
    """[N] the learned cost of every trajectory. Raises NotReady before training ended."""
    return _run_cost_sums(run.folder, run.table("trajectories").stat().st_mtime_ns)


def step_values(info: DatasetInfo, run: Run) -> list[StepValue]:
    """Those that are known, and not hidden."""
    return [value for value in get_args(StepValue) if _step_value(info, run, value) is not None]


def step_levels(info: DatasetInfo, run: Run, value: StepValue) -> tuple[np.ndarray, float]:
    """[sum T] uint8 levels of a value, see `rasters.levels`, and the value of the highest."""
    found = _step_value(info, run, value)
    assert found is not None
    return _step_levels(run.folder, costs_written_at(run), value, found)


def raster_table(info: DatasetInfo, run: Run) -> pd.DataFrame:
    """One row a trajectory, all numbers that it can be sorted by: `resources.summary`, and of the run `label`,
    `learned_cost`, `weight`, `highest` and `first_spike`."""
    known = summary(info)
    return _raster_table(run.folder, costs_written_at(run), "true_cost" in known, known, trajectories(info).offsets)


def rollouts(run: Run, policy: str) -> Rollouts | None:
    """The steps of a policy's episodes in the latest evaluation, see `Run.rollouts`; None where none were kept."""
    path = run.rollouts(policy)
    return _rollouts(path, _version(path))


def step_weights(run: Run, policy: Policy) -> np.ndarray:
    """[sum T] how much cloning trusted each step. Raises NotReady before the costs are learned."""
    return _step_weights(run.folder, costs_written_at(run), policy)


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
        Compared(run, job, notes.get(run.id, RunNote()), _final_values(run.metrics_file, _version(run.metrics_file)))
        for run, job in zip(all_runs, jobs_of(workspace(), all_runs), strict=True)
    ]


def weighed(info: DatasetInfo, run: Run, weights: WeightConfig) -> WeightReport:
    """What a weighting of a run's costs amounts to; of its true costs only while they are shown."""
    has_truth = trajectories(info).costs is not None
    return _weighed(run.folder, costs_written_at(run), weights.model_dump_json(), has_truth, info, weights)


def what_ifs(run: Run) -> list[WhatIf]:
    """What came of other labels for a run, newest first; shared by all sessions."""
    return _what_ifs(run.folder, _what_if_versions(run))


def what_if_agreements(run: Run) -> dict[int, float]:
    """Rank correlation of the preview with each of them, by number."""
    return _what_if_agreements(run.folder, _what_if_versions(run))


@st.cache_resource(max_entries=32, show_spinner=False)
def _metrics_log(path: Path) -> MetricsLog:
    return MetricsLog(path)


@st.cache_data(max_entries=1_000, show_spinner=False)
def _final_values(path: Path, version: tuple[int, int]) -> dict[str, float]:
    return final_values(MetricsLog(path).read())


@st.cache_data(max_entries=32, show_spinner=False)
def _run_cost_sums(folder: Path, written_at: int) -> pd.Series:
    return Run(folder).trajectories()["cost_sum"]


@st.cache_resource(max_entries=8, show_spinner=False)
def _run_costs(folder: Path, written_at: int) -> np.ndarray:
    return Run(folder).step_costs()


def _step_value(info: DatasetInfo, run: Run, value: StepValue) -> np.ndarray | None:
    if value == "true":
        return trajectories(info).costs
    return run_costs(run) if value == "learned" else run_cost_spread(run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _step_levels(folder: Path, written_at: int, value: StepValue, _values: np.ndarray) -> tuple[np.ndarray, float]:
    high = float(_values.max())
    return rasters.levels(_values, high), high


@st.cache_resource(max_entries=16, show_spinner=False)
def _raster_table(
    folder: Path, written_at: int, has_truth: bool, _known: pd.DataFrame, _offsets: np.ndarray
) -> pd.DataFrame:
    peaks, learned = rasters.peaks(_run_costs(folder, written_at), _offsets), Run(folder).trajectories()
    return _known.assign(
        label=learned["label"].to_numpy(str),
        learned_cost=learned["cost_sum"].to_numpy(),
        weight=learned["weight"].to_numpy(),
        highest=peaks.highest,
        first_spike=peaks.first_spikes,
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _rollouts(path: Path, version: tuple[int, int]) -> Rollouts | None:
    return read_rollouts(path)


@st.cache_resource(max_entries=4, show_spinner=False)
def _step_weights(folder: Path, written_at: int, policy: Policy) -> np.ndarray:
    run, table = Run(folder), Run(folder).trajectories()
    labels, config = table["label"].to_numpy(), run.config
    offsets = np.concatenate([[0], np.cumsum(table["length"])])
    if policy == "bc":
        return uniform_weights(offsets, labels).steps
    return cloning_weights(_run_costs(folder, written_at), offsets, labels, config.weights, config.cost.gamma).steps


@st.cache_resource(max_entries=8, show_spinner=False)
def _run_cost_spread(folder: Path, written_at: int) -> np.ndarray | None:
    return Run(folder).cost_spread()


@st.cache_resource(max_entries=32, show_spinner=False)
def _weighed(
    folder: Path, written_at: int, settings: str, has_truth: bool, _info: DatasetInfo, _weights: WeightConfig
) -> WeightReport:
    run, known = Run(folder), trajectories(_info)
    true_costs = summary(_info)["true_cost"].to_numpy() if has_truth else None
    return report(
        _run_costs(folder, written_at),
        known.offsets,
        run.trajectories()["label"].to_numpy(str),
        true_costs,
        _weights,
        run.config.cost.gamma,
        immobile(_info),
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _what_ifs(folder: Path, versions: tuple[tuple[int, int], ...]) -> list[WhatIf]:
    return WhatIfs(Run(folder)).all()


@st.cache_resource(max_entries=8, show_spinner=False)
def _what_if_agreements(folder: Path, versions: tuple[tuple[int, int], ...]) -> dict[int, float]:
    return WhatIfs(Run(folder)).agreements()


def _what_if_versions(run: Run) -> tuple[tuple[int, int], ...]:
    kept = WhatIfs(run)
    # Those that began with the run's network count as long as it is this one.
    return tuple(_version(path) for path in (run.model_file("cost"), kept.features_file, *kept.files()))


def _version(path: Path) -> tuple[int, int]:
    """Another one whenever the file has changed; (0, 0) where it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
