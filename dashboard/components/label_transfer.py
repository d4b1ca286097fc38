"""Labels out to files and in from them: a table of what stands, or the whole history."""

from __future__ import annotations

import streamlit as st

from dashboard import label_resources, resources, state
from dashboard.telling import show_problem, tell
from dashboard.words import code_span
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.files import parse_csv, parse_ledger
from safemil_core.errors import SafeMILError


def label_transfer(info: DatasetInfo) -> None:
    """Downloads, and one upload for both kinds."""
    labels, (table, history) = resources.labels(info), label_resources.label_files(info)
    with st.container(horizontal=True):
        st.download_button(
            "Labels as CSV",
            table,
            file_name=f"{info.name}-labels.csv",
            mime="text/csv",
            key="label.download.csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "History as JSON lines",
            history,
            file_name=f"{info.name}-labels.jsonl",
            mime="application/jsonl",
            key="label.download.jsonl",
            icon=":material/download:",
            on_click="ignore",
        )
    key = f"label.import.{state.recall('label.imports', 0)}"  # a new key empties the uploader
    with st.form(key, border=False):
        upload = st.file_uploader(
            "CSV with the columns `trajectory,label` (also `reason,tags,segments`), or a history as JSON lines",
            type=["csv", "jsonl"],
            key=f"{key}.file",
        )
        if st.form_submit_button("Import") and upload is not None:
            try:
                content = upload.getvalue()
                is_history = upload.name.lower().endswith(".jsonl")
                file = parse_ledger(content, info.id) if is_history else parse_csv(content)
                labels.bring_in(
                    **vars(file), lengths=resources.trajectories(info).lengths, author=state.author(), note=upload.name
                )
            except SafeMILError as problem:
                show_problem(problem)
            else:
                state.remember("label.imports", state.recall("label.imports", 0) + 1)
                tell(f"Imported {code_span(upload.name)}.")
                st.rerun()
