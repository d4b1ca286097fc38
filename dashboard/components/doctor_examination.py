"""Whether and when a run was examined, what came of it in a word, and the button that examines it again."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, run_resources
from dashboard.components.doctor_banner import health_words
from dashboard.components.progress_line import progress_line
from dashboard.components.run_names import run_name
from dashboard.drawing import fragment
from dashboard.telling import callback, show_problem
from dashboard.words import code_span
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running import jobs, tasks
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task


def examination_bar(info: DatasetInfo, run: Run) -> None:
    """One line, polled while the run trains or is being examined."""
    task = Task.of_run("doctor", run)
    training, examining = jobs.job_of(resources.workspace(), run), task.is_live
    is_live, seen = not training.is_finished, run_resources.health(info, run)

    @fragment(run_every=1.0 if is_live or examining else None)
    def line() -> None:
        health = run_resources.health(info, run)
        now = jobs.job_of(resources.workspace(), run)
        if now.state != training.state or task.is_live != examining or health != seen:
            st.rerun()
        progress = task.progress
        if is_live:
            progress_line(now, "updates")
        elif progress is not None and examining:
            progress_line(progress, "examinations")
        elif progress is not None and progress.state in ("failed", "lost"):
            show_problem(progress.message or "The examination ended without a word.")

    with st.container(horizontal=True, vertical_alignment="center"):
        name = code_span(run_name(run, resources.run_notes().of(run.id)))
        st.markdown(f"Run {name} {health_words(seen)}", width="stretch")
        st.button(
            "Examine again" if seen.state != "unknown" else "Examine",
            key="doctor.examine",
            icon=":material/stethoscope:",
            on_click=_start,
            args=(task,),
            disabled=is_live or examining,
            help="Also after rollouts, and after labels or data have changed.",
        )
    line()
    if seen.state == "healthy" and not seen.is_early:
        st.success("Nothing was found that spoils this run.", icon=":material/check_circle:")
    elif seen.state == "unknown":
        words = "It is too early to say anything." if is_live else "This run has not been examined yet."
        st.info(words, icon=":material/hourglass_empty:")


@callback
def _start(task: Task) -> None:
    tasks.start(resources.workspace(), task)
