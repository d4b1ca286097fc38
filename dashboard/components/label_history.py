"""What was done to the labels of a dataset, ways back to it, and labels to and from files."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard import resources, state
from dashboard.components.words import code_span, plural
from safemil_core.assessment.summaries import label_table
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels import LabelAction, parse_csv
from safemil_core.errors import SafeMILError

N_HISTORY = 30


def label_history(info: DatasetInfo) -> None:
    """Every action, newest first, and a way back to each."""
    actions = resources.labels(info).history()
    with st.expander(f"History ({plural(len(actions), 'action')})"):
        if not actions:
            st.markdown("Nothing has been labelled yet. Every action will be kept here, and none is ever lost.")
        for action in actions[:N_HISTORY]:
            with st.container(horizontal=True, vertical_alignment="center", key=f"label.action.{action.id}"):
                st.markdown(action_words(action), width="stretch")
                st.button("Back to here", key=f"label.restore.{action.id}", on_click=_restore, args=(info, action.id),
                          disabled=action is actions[0], type="tertiary")  # fmt: skip
        if actions:
            st.button("Back to no labels at all", key="label.restore.0", on_click=_restore, args=(info, 0))


def action_words(action: LabelAction) -> str:
    """One action in Markdown."""
    at = datetime.fromisoformat(action.at)
    note = f" · {code_span(action.note)}" if action.note else ""
    return (
        f"**{action.id}** · {at:%d %b %H:%M} UTC · {code_span(action.author)} · {action.origin} · "
        f"{plural(action.n_trajectories, 'trajectory')}{note}"
    )


def label_files(info: DatasetInfo) -> None:
    """Labels out to a CSV file and in from one."""
    with st.expander("Import and export labels"):
        labels = resources.labels(info)
        st.download_button(
            "Download the labels as CSV",
            label_table(labels.current()).to_csv(index=False),
            file_name=f"{info.name}-labels.csv",
            mime="text/csv",
        )
        key = f"label.import.{state.recall('label.imports', 0)}"  # a new key empties the uploader
        with st.form(key, border=False):
            upload = st.file_uploader("CSV with the columns `trajectory,label`", type="csv", key=f"{key}.file")
            if st.form_submit_button("Import") and upload is not None:
                try:
                    labels.mark_each(
                        parse_csv(upload.getvalue()), author=state.author(), note=upload.name, origin="file"
                    )
                except SafeMILError as problem:
                    st.error(str(problem))
                else:
                    state.remember("label.imports", state.recall("label.imports", 0) + 1)
                    state.remember("label.message", f"Imported {code_span(upload.name)}.")
                    st.rerun()


@state.uninterrupted()
def _restore(info: DatasetInfo, action_id: int) -> None:
    changed = resources.labels(info).restore(action_id, author=state.author())
    state.remember("label.message", "Restored." if changed else "The labels are as they were then already.")
