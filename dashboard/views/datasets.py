"""Datasets: what is in the workspace, one of them in full, its versions, its simulator, ways in and ways out."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts_data, resources, state
from dashboard.components import pickers
from dashboard.components.dataset_add import add_dataset
from dashboard.components.dataset_export import dataset_export
from dashboard.components.dataset_removal import removal
from dashboard.components.dataset_simulator import dataset_simulator
from dashboard.components.dataset_versions import dataset_versions, lineage
from dashboard.components.empty_states import page_link
from dashboard.components.figure import figure
from dashboard.telling import callback
from dashboard.words import code_span, moment, number, plural
from safemil_core.assessment.summaries import N_EXAMPLES, example_marks, label_counts
from safemil_core.data.datasets import DatasetInfo

_LIST = "datasets.list"
N_NAMES = 12


@callback
def _choose_row(names: list[str]) -> None:
    rows = state.widget_value(_LIST)["selection"]["rows"]
    if rows and rows[0] < len(names):
        state.choose_dataset(names[rows[0]])


@callback
def _mark_examples(info: DatasetInfo, trajectories: list[int]) -> None:
    resources.labels(info).mark(
        trajectories,
        "non_preferred",
        author=state.author(),
        note=f"example: the {len(trajectories)} of highest true cost",
        origin="example",
    )


def _facts(info: DatasetInfo) -> None:
    table = resources.summary(info)
    lengths = table["length"]
    is_ragged = lengths.min() != lengths.max()
    with st.container(horizontal=True):
        st.metric("Trajectories", number(info.n_trajectories), border=True)
        st.metric("Steps", number(info.n_steps), border=True)
        st.metric(
            "Steps each", f"{number(lengths.min())}–{number(lengths.max())}" if is_ragged else number(lengths.max()),
            border=True,
        )  # fmt: skip
        st.metric("Observation", f"{info.n_observations} dims", border=True)
        st.metric("Action", f"{info.n_actions} dims", border=True)
    st.markdown("  \n".join(f":gray[{name}] {value}" for name, value in _sentences(info)))
    for note in info.notes:
        st.info(code_span(note))
    left, right = st.columns(2 if is_ragged else [1, 0.001])
    with left:
        figure(
            charts_data.trajectory_scatter(table, resources.labels(info).current(), info.observation_names),
            key="datasets.scatter",
            alt="One point per trajectory, coloured by label",
        )
    if is_ragged:
        with right:
            figure(
                charts_data.length_histogram(lengths.to_numpy()),
                key="datasets.lengths",
                alt="How many trajectories have how many steps",
            )


def _sentences(info: DatasetInfo) -> list[tuple[str, str]]:
    """What is known of a dataset, in Markdown."""
    known = [words for is_known, words in ((info.has_rewards, "rewards"), (info.has_costs, "true costs")) if is_known]
    how = "shown" if resources.shows_truth(info) else "hidden until you reveal them"
    came = f"{code_span(info.source)} ({info.format}) on {moment(info.imported_at)}"
    shapes = [f"{code_span(part.name)} {' × '.join(map(str, part.shape))}" for part in info.images]
    return [
        ("Environment", code_span(info.env_id) if info.env_id else _without_environment(info)),
        ("Observation", _some(info.observation_names)),
        *([("Images", ", ".join(shapes))] if shapes else []),
        ("Action", _some(info.action_names)),
        ("Known", f"{' and '.join(known)}: {how}, never used in training" if known else "neither rewards nor costs"),
        ("Version of" if info.parents else "From", lineage(info) or came),
        ("Content", code_span(info.id)),
    ]


def _without_environment(info: DatasetInfo) -> str:
    return (
        "not named, so no rollouts; recorded videos are its replays"
        if info.has_videos
        else "not named, so no replays and rollouts"
    )


def _some(names: tuple[str, ...]) -> str:
    """The first names in Markdown, and how many more there are."""
    shown = " ".join(code_span(name) for name in names[:N_NAMES])
    return f"{shown} and {len(names) - N_NAMES} more" if len(names) > N_NAMES else shown


def _next_step(info: DatasetInfo) -> None:
    labels = resources.labels(info)
    counts = label_counts(labels.current())
    if counts.non_preferred:
        st.markdown(f"**{plural(counts.non_preferred, 'trajectory')}** marked non-preferred.")
        page_link("review", "Review more of them")
        page_link("train", "Train a cost and a policy")
        return
    st.markdown("Next: mark some trajectories that nobody should imitate.")
    page_link("review", "Review trajectories one by one")
    page_link("label", "Browse them all and mark many at once")
    if not info.has_costs:
        return
    if not resources.shows_truth(info):
        st.caption("Example marks are taken from the true costs, which are hidden.")
        return
    examples = example_marks(resources.summary(info))
    if examples and info.n_trajectories > 1:  # marked alone, there is none to compare it with
        st.button(
            f"Mark the {len(examples)} costliest as an example",
            type="primary",
            on_click=_mark_examples,
            args=(info, examples),
            help=f"Marks up to {N_EXAMPLES} trajectories of the highest true cost as non-preferred, "
            "so that you can train at once. Undo it on the Label page.",
        )


def _all(infos: list[DatasetInfo]) -> None:
    st.subheader("All datasets", anchor=False)
    st.dataframe(
        pd.DataFrame(
            {
                "name": [each.name for each in infos],
                "trajectories": [each.n_trajectories for each in infos],
                "steps": [each.n_steps for each in infos],
                "environment": [each.env_id for each in infos],
                "version of": [", ".join(parent.name for parent in each.parents) for each in infos],
            }
        ),
        key=_LIST,
        hide_index=True,
        on_select=lambda: _choose_row([each.name for each in infos]),
        selection_mode="single-row",
    )


st.title("Datasets")
infos = resources.datasets().list()
info = pickers.chosen_dataset()

with st.container():  # there with or without words: what follows keeps its place, and tabs stay as they were chosen
    if (added := state.forget("datasets.added")) and info is not None and info.name == added:
        st.success(
            f"{code_span(added)} was imported: {plural(info.n_trajectories, 'trajectory')}, "
            f"{plural(info.n_steps, 'step')}."
        )
    if gone := resources.datasets().missing():
        st.warning(f"Gone from the workspace: {', '.join(map(code_span, gone))}. Import their files again.")

main, side = st.columns([7, 4], gap="large")
with main:
    if info is None:
        st.info("No dataset yet. Add a file of demonstrations on the right, and it is shown here.")
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(code_span(info.name), anchor=False, width="stretch")
            removal(info)
        _facts(info)
        versions, export, simulator, card = st.tabs(["Versions", "Export", "Simulator", "Card"])
        with versions:
            dataset_versions(info)
        with export:
            dataset_export(info)
        with simulator:
            dataset_simulator(info)
        with card:
            text = resources.card_text(info)
            st.download_button("Download", text, file_name=f"{info.name}.md", key="datasets.card")
            st.code(text, language=None, wrap_lines=True)
with side:
    if info is not None:
        with st.container(border=True):
            _next_step(info)
    st.subheader("Add a dataset", anchor=False)
    add_dataset()
    if len(infos) > 1:
        _all(infos)
