"""A background task while it works: how far it is, a way to stop it, and why it failed."""

from __future__ import annotations

import streamlit as st

from dashboard.components.progress_line import progress_line
from safemil_core.running import tasks
from safemil_core.running.tasks import Task


def task_watch(task: Task, unit: str, *, key: str) -> bool:
    """Show it until it ends, and then run the page once more.

    Returns:
        Whether it is at work.
    """
    progress = task.progress
    is_live = progress is not None and not progress.is_finished

    @st.fragment(run_every=1.0 if is_live else None)
    def live() -> None:
        now = task.progress
        if now is None or not is_live:
            return
        if now.is_finished:
            st.rerun()
        line, stop = st.columns([8, 1], vertical_alignment="center")
        with line:
            progress_line(now, unit)
        stop.button("Stop", key=f"{key}.stop", on_click=tasks.stop, args=(task,))

    live()
    if progress is not None and progress.state in ("failed", "lost"):
        st.error(progress.message or "Its process ended without a word.")
    return is_live
