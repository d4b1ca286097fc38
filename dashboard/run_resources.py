"""What runs have learned and logged, read once: with `resources`, the only module with Streamlit's caches.

Keyed by a run's folder and the version of its file: runs change only where they are resumed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.resources import run_notes, runs, workspace
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.comparison import Compared, final_values
from safemil_core.running.jobs import jobs_of
from safemil_core.running.metrics_log import MetricsLog
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNote


def run_costs(run: Run) -> np.ndarray:
    """[sum T] the learned cost of every step, in the order of the dataset. Raises NotReady before training ended."""
    return _run_costs(run.folder, run.table("costs").stat().st_mtime_ns)


def run_cost_spread(run: Run) -> np.ndarray | None:
    """[sum T] the deviation of the cost over the networks of an ensemble; None where there is one network."""
    return _run_cost_spread(run.folder, run.table("costs").stat().st_mtime_ns)


def run_cost_sums(run: Run) -> pd.Series:
    """[N] the learned cost of every trajectory. Raises NotReady before training ended."""
    return _run_cost_sums(run.folder, run.table("trajectories").stat().st_mtime_ns)


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
    return Run(folder).costs()["cost"].to_numpy()


@st.cache_resource(max_entries=8, show_spinner=False)
def _run_cost_spread(folder: Path, written_at: int) -> np.ndarray | None:
    costs = Run(folder).costs()
    return costs["spread"].to_numpy() if "spread" in costs else None


def _version(path: Path) -> tuple[int, int]:
    """Another one whenever the file has changed; (0, 0) where it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
