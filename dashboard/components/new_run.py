"""A new run: its settings, what it begins with, and the start."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import resources, state
from dashboard.components.empty_states import page_link
from dashboard.components.run_names import distinct_names
from dashboard.components.settings_form import prefill, presets, settings_form
from dashboard.telling import callback, show_problem, tell
from dashboard.words import code_span
from safemil_core.assessment.summaries import label_counts
from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import SafeMILError
from safemil_core.running import jobs
from safemil_core.running.run_folder import Run

_LIKE = "train.like"
"""The id of the run whose settings are in the form."""
NEW = "new networks"


def new_run(info: DatasetInfo, runs: Sequence[Run]) -> None:
    """Let the user choose, and start; `runs` are those of the dataset."""
    with st.container(border=True, key="new-run"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("A new run", anchor=False, width="stretch")
            presets()
        st.caption(
            "Learns a cost from the marked trajectories, weighs the others by it, and clones a safe policy from them. "
            "Rewards and true costs are never used, but by the two oracles among the methods, for comparison."
        )
        config = settings_form()
        begin, go, about = st.columns(3, vertical_alignment="bottom")
        with begin:
            warm_start = _warm_start(info, runs)
        with about:
            snapshot = _label_snapshot(info, runs)
            can_learn = _labels_line(info, snapshot)
        if go.button(
            "Train",
            key="train.start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=config is None or not can_learn,
            width="stretch",
        ):
            assert config is not None
            _start(info, config, snapshot, warm_start)


@callback
def duplicate(run: Run) -> None:
    """Put a run's settings into the form."""
    prefill(run.config)
    state.remember(_LIKE, run.id)
    tell("Its settings are in the form above: change what you like, then Train.")


def _warm_start(info: DatasetInfo, runs: Sequence[Run]) -> Run | None:
    """The run whose cost network the new one begins with, if any."""
    learned = {run.id: run for run in runs if run.has_costs}
    names, key = distinct_names(learned.values(), resources.run_notes().all()), f"train.begin.{info.id}"
    if state.widget_value(key) not in learned:
        state.set_widget_value(key, NEW)
    chosen = st.selectbox(
        "Begin with",
        [NEW, *learned],
        format_func=lambda run: NEW if run == NEW else f"the cost network of {names[run]}",
        key=key,
        persist_state="session",
        help="After a few new labels, the network of an earlier run is soon right again. Its layers must be alike.",
    )
    return learned.get(chosen)


def _label_snapshot(info: DatasetInfo, runs: Sequence[Run]) -> int | None:
    """The label action after which the labels are taken: those of now, or of the run that is done again."""
    like = next((run for run in runs if run.id == state.recall(_LIKE)), None)
    if like is None or like.info.label_snapshot == resources.labels(info).latest():
        return None
    is_then = st.toggle("With the labels of then", key=f"train.then.{like.id}", help="Else with those of now.")
    return like.info.label_snapshot if is_then else None


def _labels_line(info: DatasetInfo, snapshot: int | None) -> bool:
    """What there is to learn from, and whether that is enough."""
    counts = label_counts(resources.labels(info).current(snapshot))
    others = info.n_trajectories - counts.non_preferred
    if counts.non_preferred and others:
        st.markdown(
            f"{code_span(info.name)}: **{counts.non_preferred}** non-preferred, {counts.preferred} preferred, "
            f"{counts.unlabelled} unlabelled trajectories"
        )
    elif counts.non_preferred:
        st.markdown("Every trajectory is marked non-preferred: there is none to compare them with.")
        page_link("label", "Take some marks back")
    else:
        st.markdown("Nothing is marked non-preferred yet: there is nothing to learn from.")
        page_link("label", "Mark some trajectories")
    return counts.non_preferred > 0 and others > 0


def _start(info: DatasetInfo, config: RunConfig, snapshot: int | None, warm_start: Run | None) -> None:
    """Queue a run and choose it."""
    try:
        run = resources.runs().create(
            info,
            resources.labels(info),
            config,
            author=state.author(),
            label_snapshot=snapshot,
            warm_start=warm_start,
        )
        jobs.start_training(resources.workspace(), run)
    except SafeMILError as problem:
        show_problem(problem)
        return
    state.run.set(run.id)
    state.forget(_LIKE)
    st.rerun()
