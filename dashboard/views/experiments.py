"""Experiments: many trials by one specification, as far as they are: one figure and one table."""

from __future__ import annotations

import streamlit as st

from dashboard import sweep_resources
from dashboard.components.empty_states import need_dataset
from dashboard.components.sweep_controls import experiment_picker, sweep_controls
from dashboard.components.sweep_results import specification, sweep_results
from dashboard.drawing import fragment
from dashboard.words import code_span

EVERY_S = 3.0
"""While trials are done."""

st.title("Experiments")
need_dataset()
chosen = experiment_picker()
is_live = sweep_controls(chosen)
hidden = sweep_resources.hidden_datasets(chosen.spec)
sweep = chosen.sweep


@fragment(run_every=EVERY_S if is_live else None)  # defined here, so that every full run decides anew
def results() -> None:
    """Figure and table, which grow with every trial."""
    if sweep is not None:
        sweep_results(sweep)


if hidden:
    st.info(f"The truth of {code_span(hidden[0])} is hidden, and this would tell it; reveal it in the sidebar.")
else:
    results()
specification(chosen.spec_file.read_text())
