"""The removal of a dataset, behind a question; a dataset that runs were made of stays."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state
from dashboard.telling import callback
from dashboard.words import code_span
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.dataset_removal import remove_dataset, runs_made_of


def removal(info: DatasetInfo) -> None:
    """Say what goes and what stays, and remove it."""
    # A key for each dataset: else the question would stay open, and the next click be about the next dataset.
    key = f"datasets.removal.{info.name}"
    with st.popover("Remove", icon=":material/delete:", type="tertiary", width="content", key=key):
        if n := runs_made_of(resources.workspace(), info.name):
            st.markdown(f"Runs that were made of it need it ({n}). Delete them first, on the Train page.")
            return
        st.markdown(
            f"The files of {code_span(info.name)} are removed from this workspace for good. What was said of its "
            "trajectories is kept, and stands again where the same data are imported again."
        )
        st.button("Remove for good", type="primary", key=f"{key}.sure", on_click=_remove, args=(info,))


@callback
def _remove(info: DatasetInfo) -> None:
    remove_dataset(resources.workspace(), info.name)
    state.choose_dataset(None)
