"""Runs of a dataset side by side: what came out, how they learned, and in what they differ."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, run_resources, state
from dashboard.components.compare_curves import compare_curves
from dashboard.components.compare_settings import compare_settings
from dashboard.components.compare_table import compare_table, numbered
from dashboard.components.empty_states import empty_state, need_dataset
from dashboard.components.run_names import distinct_names, name_and_note_row
from dashboard.drawing import fragment

EVERY_S = 2.0
"""While any of the runs still trains."""

st.title("Compare")
info = need_dataset()
compared = run_resources.compared(info)
if len(compared) < 2:
    have = "Only one run" if compared else "No run"
    empty_state(
        f"{have} has been trained on this dataset: there is nothing to compare yet. "
        "Train again with other settings or other labels, and see here what that changed.",
        "train",
        "Train another run" if compared else "Train a cost and a policy",
    )
    st.stop()
is_live = any(not it.job.is_finished for it in compared)


@fragment(run_every=EVERY_S if is_live else None)  # defined here, so that every full run decides anew
def side_by_side() -> None:
    """All of the page, so that a run that still trains moves in table and curves at once."""
    runs = run_resources.compared(info)
    if is_live and all(it.job.is_finished for it in runs):
        st.rerun()
    chosen = compare_table(runs, shows_truth=resources.shows_truth(info))
    state.compared.say()
    if len(chosen) < 2:
        st.info("Tick two runs or more to see their curves over one another, and in what they differ.")
        return
    names = distinct_names((it.run for it in chosen), {it.run.id: it.note for it in chosen})
    numbers = numbered(runs)
    st.subheader("How they learned", anchor=False)
    compare_curves(chosen, names, numbers)
    compare_settings(chosen, names, numbers)
    st.subheader("Names and notes", anchor=False)
    for place, it in enumerate(chosen):
        name_and_note_row(it.run, it.note, is_first=place == 0)


side_by_side()
