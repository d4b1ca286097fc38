"""Run the safe policy and plain cloning in the dataset's environment, and watch both side by side."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import charts_run, resources
from dashboard.components import evaluation_tables
from dashboard.components.doctor_banner import doctor_banner
from dashboard.components.empty_states import empty_state, need_dataset, need_policies
from dashboard.components.figure import figure
from dashboard.components.progress_line import progress_line
from dashboard.components.rollout_movement import rollout_movement
from dashboard.components.rollout_pair import rollout_pair
from dashboard.components.rollout_teachers import rollout_teachers
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import SafeMILError
from safemil_core.running import tasks
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task


def evaluation_form(info: DatasetInfo, run: Run, is_live: bool) -> None:
    """How many episodes, how many of them as videos, and the start."""
    with st.form("rollouts.form"):
        episodes_choice, videos_choice, go = st.columns([3, 3, 2], vertical_alignment="bottom")
        episodes = episodes_choice.slider(
            "Episodes of each policy", 5, 50, 20, key="rollouts.episodes", help="More: narrower intervals, longer wait."
        )
        n_videos = videos_choice.slider(
            "Videos", 0, 10, 3, key="rollouts.videos", help="Of the first episodes, both policies side by side."
        )
        words = "Run both policies again" if run.evaluation else "Run both policies"
        is_clicked = go.form_submit_button(
            words, type="primary", icon=":material/play_arrow:", disabled=is_live, width="stretch"
        )
    st.caption(f"In `{info.env_id}`, simulated in a process of its own. Both policies play the same episodes.")
    if is_clicked:
        start(run, episodes, n_videos)


def start(run: Run, episodes: int, n_videos: int) -> None:
    """Start an evaluation."""
    try:
        tasks.start_evaluation(resources.workspace(), run, episodes, n_videos)
    except SafeMILError as problem:
        st.error(str(problem))
        return
    st.rerun()


def watch(run: Run, is_live: bool) -> None:
    """The evaluation's progress, polled while it lives."""

    @st.fragment(run_every=1.0 if is_live else None)
    def progress_panel() -> None:
        progress = Task.of_run("evaluate", run).progress
        if progress is None:
            return
        if progress.state in ("failed", "lost"):
            st.error(progress.message or "The evaluation ended without a word.")
        if not progress.is_finished:
            progress_line(progress, "episodes")
        elif is_live:
            st.rerun()

    progress_panel()


def show_results(evaluation: dict[str, Any]) -> None:
    """Both policies' metrics with their intervals, and every episode as a point."""
    st.markdown(evaluation_tables.headline(evaluation))
    numbers, points = st.columns([3, 4])
    with numbers:
        st.dataframe(evaluation_tables.metrics(evaluation), hide_index=True)
        st.caption(f"Means of {evaluation['episodes']} episodes with 95 % bootstrap intervals.")
        with st.expander("Normalised"):
            normalised = evaluation_tables.normalised(evaluation)
            if not normalised.empty:
                st.dataframe(normalised, hide_index=True)
            for sentence in evaluation["normalisation"]:
                st.markdown(sentence)
    with points:
        figure(charts_run.episodes(evaluation), key="rollouts.episodes_plot", alt="Return and cost of every episode")


st.title("Rollouts")
info = need_dataset()
run = need_policies(info)
doctor_banner(info, run)
if info.env_id is None:
    empty_state(
        f"`{info.name}` does not say which environment it comes from. Import its file again with an environment id, "
        "for example `SafetyCarCircle-v0`: then both policies can be run in it.",
        "datasets",
        "Import it with an environment",
    )
    st.stop()

progress = Task.of_run("evaluate", run).progress
is_live = progress is not None and not progress.is_finished
evaluation_form(info, run, is_live)
watch(run, is_live)
evaluation = run.evaluation
if evaluation:
    st.subheader("Safe policy against plain cloning", anchor=False)
    show_results(evaluation)
    st.subheader("Side by side", anchor=False)
    rollout_pair(info, run, evaluation)
    rollout_movement(info, run)
    rollout_teachers(info, run)
elif not is_live:
    st.markdown(
        "Nothing has been run yet. Afterwards you see here the return and cost of both policies, and watch them "
        "side by side."
    )
