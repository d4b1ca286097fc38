"""The runs of a dataset as a table: a click on a row chooses the run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from dashboard import resources, state
from dashboard.telling import callback
from safemil_core.running import jobs
from safemil_core.running.job_store import Job
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNote


def run_table(runs: Sequence[Run], *, shows_truth: bool) -> None:
    """All runs, newest first; how well each agrees with the true costs only where these are shown."""
    # The selection is a row number: with other runs in the table it would mean another run, so these are in the key.
    key = f"runs.{len(runs)}.{runs[0].id}"
    hidden = [] if shows_truth else ["auc", "spearman"]
    st.dataframe(
        table(runs).drop(columns=hidden),
        key=key,
        hide_index=True,
        placeholder="–",
        on_select=lambda: _choose(key, runs),
        selection_mode="single-row",
        column_config={
            "when": st.column_config.DatetimeColumn(format="D MMM, HH:mm:ss"),
            "labels": st.column_config.NumberColumn(
                "non-preferred", help="Trajectories that were marked non-preferred."
            ),
            "auc": st.column_config.NumberColumn("AUC", format="%.2f", help="Of step costs; hidden truth."),
            "spearman": st.column_config.NumberColumn(
                "Spearman", format="%.2f", help="Of trajectory costs; hidden truth."
            ),
            "return": st.column_config.NumberColumn(
                "safe return", format="%.0f", help="Of the safe policy, evaluated."
            ),
            "cost": st.column_config.NumberColumn("safe cost", format="%.1f", help="Of the safe policy, evaluated."),
        },
    )


def table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: what it was made from and what came out."""
    notes, trainings = resources.run_notes().all(), jobs.jobs_of(resources.workspace(), runs)
    return pd.DataFrame(
        [_row(run, job, notes.get(run.id, RunNote())) for run, job in zip(runs, trainings, strict=True)]
    )


def _row(run: Run, job: Job, note: RunNote) -> dict[str, object]:
    info, outcome = run.info, run.outcome
    safe = run.evaluation.get("policies", {}).get("safe", {})
    return {
        "name": note.name or None,
        "when": datetime.fromisoformat(info.created_at),
        "state": job.state,
        "by": info.author,
        "labels": info.n_non_preferred,
        **_settings(run),
        "auc": outcome.get("step_auc"),
        "spearman": outcome.get("trajectory_spearman"),
        "return": safe.get("return", {}).get("mean"),
        "cost": safe.get("cost", {}).get("mean"),
    }


def _settings(run: Run) -> dict[str, float | None]:
    config = run.known_config
    if config is None:  # the rest of the row still holds
        return {"K": None, "H": None, "beta": None, "seed": None}
    beta = config.weights.beta if config.weights.scheme == "trajectory" else None
    return {"K": config.cost.bag_size, "H": config.cost.window, "beta": beta, "seed": config.seed}


@callback
def _choose(key: str, runs: Sequence[Run]) -> None:
    rows = state.widget_value(key)["selection"]["rows"]
    if rows and rows[0] < len(runs):
        state.run.set(runs[rows[0]].id)
