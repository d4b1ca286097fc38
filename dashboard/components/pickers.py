"""Widgets that choose a dataset, a run, a trajectory or a dimension; each choice is in the URL. In the sidebar also who
labels, and whether the truth is shown."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import resources, state
from dashboard.components.run_names import distinct_names
from dashboard.telling import callback, tell
from dashboard.words import code_span
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.records import LONGEST_NAME
from safemil_core.running.run_folder import Run

N_IN_BOX = 24
"""Characters that the sidebar's box shows; it cuts what is longer."""

_DATASET, _RUN = "chosen.dataset", "chosen.run"


def dataset_picker() -> DatasetInfo | None:
    """Choose one of the workspace's datasets; None where there is none."""
    infos = {info.name: info for info in resources.datasets().list()}
    name = state.dataset.among(list(infos))
    state.remember(_DATASET, infos.get(name or ""))
    state.remember(_RUN, None)
    if name is None:
        return None
    if missing := state.dataset.missing(infos):
        tell(f"There is no dataset {code_span(missing)}; this is {code_span(name)}.")
        state.leave_dataset()
    _leave_missing_trajectory(infos[name])
    st.selectbox("Dataset", list(infos), **state.dataset_widget(list(infos)))
    state.dataset.settle(name)
    return infos[name]


def chosen_dataset() -> DatasetInfo | None:
    """What `dataset_picker` shows, for pages: also where somebody has removed it since."""
    info: DatasetInfo | None = state.recall(_DATASET)
    return info


def run_picker(info: DatasetInfo, *, is_shown: bool) -> None:
    """Choose one of the dataset's runs, newest first, where there are any; not shown, it stays chosen."""
    runs = {run.id: run for run in resources.runs().list(info.id)}
    run_id = state.run.among(list(runs))
    state.remember(_RUN, runs.get(run_id or ""))
    if not is_shown:
        return
    missing = state.run.missing(runs)
    if run_id is None:
        if missing:
            tell(f"There is no run {code_span(missing)} of this dataset.")
            state.run.settle(None)
        return
    names = distinct_names(runs.values(), resources.run_notes().all())
    if missing:
        tell(f"There is no run {code_span(missing)} of this dataset; this is {code_span(names[run_id])}.")
    # Its state is not among the words: they would be of the last whole run of the page, while fragments go on.
    st.selectbox("Run", list(runs), format_func=names.__getitem__, **state.run.widget(list(runs)))
    state.run.settle(run_id)
    whole_name = f"{code_span(names[run_id])} · " if len(names[run_id]) > N_IN_BOX else ""
    st.caption(f"{whole_name}{runs[run_id].info.n_non_preferred} non-preferred")


def chosen_run() -> Run | None:
    """What `run_picker` has chosen, for pages: also where somebody has deleted it since."""
    run: Run | None = state.recall(_RUN)
    return run


def trajectory_picker(info: DatasetInfo, default: int = 0) -> int:
    """Choose a trajectory by its number."""
    options = range(info.n_trajectories)
    return int(
        st.number_input("Trajectory", 0, info.n_trajectories - 1, step=1, **state.trajectory.widget(options, default))
    )


def no_trajectory(info: DatasetInfo, asked_for: str) -> str:
    """What to say to somebody who asks for a trajectory that is not there."""
    numbers = f"they are 0 to {info.n_trajectories - 1}"
    return f"There is no trajectory {code_span(asked_for)} in {code_span(info.name)}; {numbers}."


def dimension_pickers(info: DatasetInfo, *, place: str = "") -> tuple[int, int]:
    """Choose the two coordinates of a plot, side by side; further pickers on one page have a `place` of their own."""
    dimensions = range(len(info.coordinate_names))
    second = min(1, len(dimensions) - 1)
    across, up = state.x.widget(dimensions, 0, place=place), state.y.widget(dimensions, second, place=place)
    left, right = st.columns(2)
    with left:
        x = st.selectbox("Horizontal", dimensions, format_func=_name_of(info), **across)
    with right:
        y = st.selectbox("Vertical", dimensions, format_func=_name_of(info), **up)
    return x, y


def chosen_dimensions(info: DatasetInfo) -> tuple[int, int]:
    """What `dimension_pickers` shows, wherever on the page they are."""
    dimensions = range(len(info.coordinate_names))
    x, y = state.x.among(dimensions, 0), state.y.among(dimensions, min(1, len(dimensions) - 1))
    assert x is not None
    assert y is not None
    return x, y


def section_picker(titles: Mapping[str, str]) -> str:
    """Choose one of the sections of a page, of which only the chosen one is built.

    Args:
        titles: by the name that stands in the URL.
    """
    names = list(titles)
    name: str = st.segmented_control(
        "Section",
        names,
        format_func=titles.__getitem__,
        required=True,
        label_visibility="collapsed",
        **state.section.widget(names),
    )
    state.section.settle(name)
    return name


def curve_picker(info: DatasetInfo, *, key: str, most: int) -> tuple[int, ...]:
    """Choose numbers of a step to be drawn over time, at first the first two of its action."""
    names = info.number_names
    chosen: list[int] = st.multiselect(
        "Curves",
        range(len(names)),
        default=list(range(info.n_observations, min(len(names), info.n_observations + 2))),
        format_func=names.__getitem__,
        max_selections=most,
        key=key,
        persist_state="session",
    )
    return tuple(chosen)


def truth_switch(info: DatasetInfo) -> None:
    """Hide what is known of a dataset's rewards and true costs on every page, or reveal it."""
    if not (info.has_rewards or info.has_costs):
        return
    key = f"truth.{info.id}"
    state.set_widget_value(key, not resources.shows_truth(info))
    st.toggle(
        "Hide the truth",
        key=key,
        on_change=_switch_truth,
        args=(info, key),
        help="True costs and returns are hidden on every page until you reveal them, so that they stay out of "
        "labelling. When they were hidden or revealed, and by whom, is kept. Training never sees them.",
    )


@callback
def _switch_truth(info: DatasetInfo, key: str) -> None:
    truth = resources.hidden_truth(info)
    truth.hide(state.author()) if state.widget_value(key) else truth.reveal(state.author())


def author_picker() -> None:
    """Say who labels and trains; `state.author()` gives it."""
    st.text_input("Your name", max_chars=LONGEST_NAME, help="Kept with every label and run.", **state.author_widget())


def _leave_missing_trajectory(info: DatasetInfo) -> None:
    """Where the link names a trajectory that is not there, say so; each page then shows one of its own choice."""
    chosen = state.trajectory.get()
    if chosen is not None and chosen not in range(info.n_trajectories):
        tell(no_trajectory(info, str(chosen)))
        state.trajectory.settle(None)


def _name_of(info: DatasetInfo):  # type: ignore[no-untyped-def]  # a format_func
    return lambda dimension: info.coordinate_names[dimension]
