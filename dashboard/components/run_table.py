"""The runs of a dataset as a table: a click on a row chooses the run."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import state
from dashboard.columns import RESULTS, TRUTH_METRICS
from dashboard.telling import callback
from safemil_core.running.comparison import Compared, results
from safemil_core.running.run_folder import Run

SETTINGS = ("K", "H", "beta", "seed")
FORMATS = {"step_auc": "%.2f", "trajectory_spearman": "%.2f", "safe_return": "%.0f", "safe_cost": "%.1f"}
COLUMNS = ("name", "created", "state", "author", "labels", *SETTINGS, *FORMATS)


def run_table(compared: Sequence[Compared], *, shows_truth: bool) -> None:
    """All runs, newest first; how well each agrees with the true costs only where these are shown."""
    runs = [it.run for it in compared]
    # The selection is a row number: with other runs in the table it would mean another run, so these are in the key.
    key = f"runs.{len(runs)}.{runs[0].id}"
    st.dataframe(
        table(compared).drop(columns=[] if shows_truth else list(TRUTH_METRICS)),
        key=key,
        hide_index=True,
        placeholder="–",
        on_select=lambda: _choose(key, runs),
        selection_mode="single-row",
        column_config={
            "created": st.column_config.DatetimeColumn(RESULTS["created"][0], format="D MMM, HH:mm:ss"),
            "author": RESULTS["author"][0],
            "labels": st.column_config.NumberColumn(
                "non-preferred", help="Trajectories that were marked non-preferred."
            ),
            **{
                name: st.column_config.NumberColumn(RESULTS[name][0], format=digits, help=RESULTS[name][1])
                for name, digits in FORMATS.items()
            },
        },
    )


def table(compared: Sequence[Compared]) -> pd.DataFrame:
    """One row a run: what it was made from and what came out."""
    found = results(compared)
    settings = pd.DataFrame([_settings(it.run) for it in compared], index=found.index, columns=list(SETTINGS))
    labels = [it.run.info.n_non_preferred for it in compared]
    names = pd.Series([it.note.name or None for it in compared], found.index)
    return found.assign(name=names, labels=labels).join(settings)[list(COLUMNS)]


def _settings(run: Run) -> tuple[float | None, ...]:
    config = run.known_config
    if config is None:  # the rest of the row still holds
        return (None,) * len(SETTINGS)
    beta = config.weights.beta if config.weights.scheme == "trajectory" else None
    return config.cost.bag_size, config.cost.window, beta, config.seed


@callback
def _choose(key: str, runs: Sequence[Run]) -> None:
    rows = state.widget_value(key)["selection"]["rows"]
    if rows and rows[0] < len(runs):
        state.run.set(runs[rows[0]].id)
