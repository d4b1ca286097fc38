"""Choose settings, queue runs, watch them train in processes of their own, and look back at earlier ones."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, run_resources
from dashboard.components import pickers
from dashboard.components.doctor_banner import doctor_banner
from dashboard.components.empty_states import need_dataset
from dashboard.components.job_queue import job_queue
from dashboard.components.new_run import new_run
from dashboard.components.run_controls import run_controls
from dashboard.components.run_names import origin_words, run_name
from dashboard.components.run_progress import run_panel
from dashboard.components.run_table import run_table
from dashboard.words import code_span
from safemil_core.running import jobs

st.title("Train")
info = need_dataset()
runs = resources.runs().list(info.id)
new_run(info, runs)
run = pickers.chosen_run()
job_queue(run)
if run is not None:
    note = resources.run_notes().of(run.id)
    st.subheader(f"Run {code_span(run_name(run, note))}", anchor=False)
    st.caption(origin_words(run.info))
    doctor_banner(info, run)
    run_controls(info, run, jobs.job_of(resources.workspace(), run), note)
    if note.text:
        st.text(note.text)
    with st.container(key="run.panel"):
        run_panel(run, shows_truth=resources.shows_truth(info))
    st.subheader("All runs of this dataset", anchor=False)
    run_table(run_resources.compared(info), shows_truth=resources.shows_truth(info))
jobs.keep_ready(resources.workspace())
