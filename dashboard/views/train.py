"""Choose settings, start a run in a process of its own, watch it, and look back at earlier ones."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state
from dashboard.components import pickers
from dashboard.components.empty_states import need_dataset, page_link
from dashboard.components.run_progress import run_panel
from dashboard.components.run_table import run_table
from dashboard.components.settings_form import settings_form
from safemil_core.assessment.summaries import label_counts
from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import SafeMILError
from safemil_core.running import jobs
from safemil_core.running.runs import Run


def start(info: DatasetInfo, config: RunConfig) -> None:
    """Start a run and choose it."""
    try:
        run = resources.runs().create(info, resources.labels(info), config, author=state.author())
        jobs.start_training(resources.workspace(), run)
    except SafeMILError as problem:
        st.error(str(problem))
        return
    state.run.set(run.id)
    st.rerun()


@st.dialog("Delete this run?")
def confirm_delete(run: Run) -> None:
    """Ask before the files of a run are gone."""
    st.markdown(f"Its costs, weights, policies and videos are removed for good: `{run.id}`")
    st.button("Delete", type="primary", on_click=delete, args=(run,))


def delete(run: Run) -> None:
    """Remove a run; the newest of the others is chosen."""
    jobs.delete(resources.workspace(), run)
    state.run.set(None)


st.title("Train")
info = need_dataset()
counts = label_counts(resources.labels(info).current())
runs = resources.runs().list(info.id)

with st.container(border=True):
    st.subheader("A new run")
    st.caption(
        "Learns a cost from the marked trajectories, weighs the others by it, and clones a safe policy from them. "
        "Rewards and true costs are never used."
    )
    config = settings_form()
    go, why = st.columns([1, 4], vertical_alignment="center")
    can_start = config is not None and counts.non_preferred > 0
    is_clicked = go.button(
        "Train", type="primary", icon=":material/play_arrow:", disabled=not can_start, width="stretch"
    )
    with why:
        if counts.non_preferred:
            st.markdown(
                f"`{info.name}`: **{counts.non_preferred}** non-preferred, {counts.preferred} preferred, "
                f"{counts.unlabelled} unlabelled trajectories"
            )
        else:
            st.markdown("Nothing is marked non-preferred yet: there is nothing to learn from.")
            page_link("label", "Mark some trajectories")
    if is_clicked and config is not None:
        start(info, config)

run = pickers.chosen_run(info)
if run is not None:
    title, remove = st.columns([6, 1], vertical_alignment="bottom")
    title.subheader(f"Run `{run.id}`", anchor=False)
    is_finished = jobs.job_of(resources.workspace(), run).is_finished
    if remove.button("Delete", icon=":material/delete:", disabled=not is_finished, width="stretch"):
        confirm_delete(run)
    run_panel(run)
    st.subheader("All runs of this dataset", anchor=False)
    run_table(runs)
