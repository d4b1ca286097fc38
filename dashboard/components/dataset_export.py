"""A curated subset out of the workspace, in another tool's format."""

from __future__ import annotations

import streamlit as st

from dashboard import state, transfers
from dashboard.components import pickers
from dashboard.telling import show_problem
from dashboard.words import code_span, plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.formats import WRITABLE
from safemil_core.errors import SafeMILError
from safemil_core.running.curation import KEEPS, SIDECAR

LARGEST_DOWNLOAD = 512 * 2**20
"""Bytes; Streamlit holds a download in memory. A larger one is fetched from its folder."""


def dataset_export(info: DatasetInfo) -> None:
    """Choose what and how, write it, and hand it over."""
    left, right = st.columns(2)
    with left:
        keep = st.selectbox("Trajectories", list(KEEPS), format_func=KEEPS.__getitem__, key="export.keep")
    with right:
        format_name = st.selectbox("Format", [*WRITABLE, SIDECAR], key="export.format")
    run = pickers.chosen_run()
    has_costs = run is not None and run.has_costs
    with_run = st.checkbox(
        "With the chosen run's weights and learned costs", has_costs, disabled=not has_costs, key="export.run"
    )
    if st.button("Write", key="export.write"):
        try:
            with st.spinner("Writing…"):
                exported = transfers.export(info, format_name, keep, run if with_run else None)
        except SafeMILError as problem:
            show_problem(problem)
        else:
            state.remember("datasets.exported", (info.id, exported))
    dataset_id, exported = state.recall("datasets.exported", ("", None))
    if exported is None or dataset_id != info.id or not exported.path.exists():
        return
    st.markdown(f"{plural(exported.n_trajectories, 'trajectory')} as {exported.format}: {code_span(exported.path)}")
    if exported.path.stat().st_size <= LARGEST_DOWNLOAD:
        st.download_button(
            "Download",
            exported.path.read_bytes,
            file_name=exported.path.name,
            key="export.download",
            on_click="ignore",
        )
