"""A background task while it works: how far it is, a way to stop it, and why it failed."""

from __future__ import annotations

import streamlit as st

from dashboard.components.progress_line import progress_line
from dashboard.drawing import fragment
from dashboard.telling import callback, show_problem
from safemil_core.running import tasks
from safemil_core.running.tasks import Task

LIVE_S, IDLE_S = 1.0, 3.0


def task_watch(task: Task, unit: str, *, key: str) -> bool:
    """Show it while it works, and run the page once more when it begins or ends.

    It is looked at otherwise too, if seldom: somebody else may begin it, and on a busy machine a browser may miss the
    run of the page in which it was begun.

    Returns:
        Whether it is at work.
    """
    progress = task.progress
    is_live = progress is not None and not progress.is_finished

    @fragment(run_every=LIVE_S if is_live else IDLE_S)
    def live() -> None:
        now = task.progress
        if (now is not None and not now.is_finished) != is_live:
            st.rerun()
        if now is None or not is_live:
            return
        line, stop = st.columns([8, 1], vertical_alignment="center")
        with line:
            progress_line(now, unit)
        stop.button("Stop", key=f"{key}.stop", on_click=_stop, args=(task,))

    live()
    if progress is not None and progress.state in ("failed", "lost"):
        show_problem(progress.message or "Its process ended without a word.")
    return is_live


@callback
def _stop(task: Task) -> None:
    tasks.stop(task)
