"""The start of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import resources
from dashboard.components.rollout_policies import beside_picker
from dashboard.telling import show_problem
from dashboard.words import code_span
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import SafeMILError
from safemil_core.running import tasks
from safemil_core.running.run_folder import Run


def evaluation_form(info: DatasetInfo, run: Run, *, is_live: bool) -> None:
    """Which policies play, how many episodes, how many of them as films, and the start."""
    with st.form("rollouts.form"):
        beside = beside_picker(info, run)
        row = st.container(horizontal=True, vertical_alignment="bottom")
        episodes = row.slider(
            "Episodes of each policy", 5, 50, 20, key="rollouts.episodes", help="More: narrower intervals, longer wait."
        )
        n_videos = row.slider(
            "Videos", 0, 10, 4, key="rollouts.videos", help="Of the first episodes, one of each policy."
        )
        is_clicked = row.form_submit_button(
            "Run the policies again" if run.evaluation else "Run the policies",
            type="primary",
            icon=":material/play_arrow:",
            disabled=is_live,
            width="content",
        )
    st.caption(
        f"In {code_span(info.env_id)}, simulated in processes of their own. All play the same episodes; what was "
        "played before is kept, and costs nothing."
    )
    if is_clicked:
        _start(run, episodes, n_videos, beside)


def _start(run: Run, episodes: int, n_videos: int, beside: Sequence[Run]) -> None:
    try:
        tasks.start_evaluation(resources.workspace(), run, episodes, n_videos, beside)
    except SafeMILError as problem:
        show_problem(problem)
        return
    st.rerun()
