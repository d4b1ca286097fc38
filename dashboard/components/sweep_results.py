"""What came of an experiment: its figure, its table, and both as a report."""

from __future__ import annotations

import streamlit as st

from dashboard import sweep_resources
from dashboard.charts_sweep import sweep_figure
from dashboard.components.figure import figure
from dashboard.sweep_report import sweep_report
from dashboard.words import plural
from safemil_core.running.sweeps.spec import SweepSpec
from safemil_core.running.sweeps.summary import METRIC_WORDS, readable
from safemil_core.running.sweeps.sweep_folder import Sweep


def sweep_results(sweep: Sweep) -> None:
    """As far as they are."""
    spec, found = sweep.spec, sweep_resources.results(sweep)
    if found.table.empty:
        st.info("No trial is done as it is asked for now.")
        return
    is_partial = len(found.rows) < found.n_trials
    if is_partial:
        st.caption(f"{len(found.rows)} of {plural(found.n_trials, 'trial')} so far.")
    figure(sweep_figure(found.table, spec), key="sweep.figure", alt=_alt(spec), table=found.table)
    last = "; last the medians over all datasets" if len(spec.datasets) > 1 else ""
    st.caption(f"Medians over the seeds with 95 % bootstrap intervals{last}.")
    st.dataframe(readable(found.table, spec), hide_index=True, key="sweep.table")
    st.download_button(
        "Report",
        lambda: sweep_report(sweep, found),
        file_name=f"{sweep.name}.html",
        mime="text/html",
        key="sweep.report",
        icon=":material/summarize:",
        on_click="ignore",
        help="Figure, table and specification in one file that needs nothing else.",
    )


def specification(text: str) -> None:
    """The file that says what is tried."""
    with st.expander("Specification"):
        st.code(text, language="toml")


def _alt(spec: SweepSpec) -> str:
    return f"{', '.join(METRIC_WORDS[metric] for metric in spec.shown)} over {spec.axis}, one row of panels a dataset"
