"""All trainings of the workspace that wait or are at work."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state
from dashboard.components.progress_line import COLOURS, progress_line, progress_words, share
from dashboard.components.run_names import distinct_names
from dashboard.drawing import fragment
from dashboard.telling import callback
from dashboard.words import code_span
from safemil_core.running import jobs
from safemil_core.running.job_store import Job
from safemil_core.running.run_folder import Run

EVERY_S = 1.0


def job_queue(shown: Run | None) -> None:
    """A row for each job, with a button that stops it; nothing where none lives but that of the run shown below it."""
    if not _others(shown):
        return

    @fragment(run_every=EVERY_S)
    def panel() -> None:
        if not _others(shown):
            st.rerun()  # and stop looking
        living = jobs.queue(resources.workspace())
        with st.container(border=True):
            waiting = sum(job.state == "queued" for job in living)
            st.markdown(f"**Queue** · {len(living) - waiting} at work, {waiting} waiting")
            runs = {run.id: run for run in resources.runs().list()}
            living = [job for job in living if job.subject in runs]  # one may just have been deleted
            names = distinct_names((runs[job.subject] for job in living), resources.run_notes().all())
            for job in living:
                _row(runs[job.subject], job, jobs.place_in_queue(job, living), names[job.subject])

    panel()


def _others(shown: Run | None) -> bool:
    """Whether a job lives that is not of this run."""
    return any(shown is None or job.subject != shown.id for job in jobs.queue(resources.workspace()))


def job_line(job: Job) -> None:
    """How far the training of a run is, or which place in the queue it has."""
    progress_line(job, "updates", place=jobs.place_in_queue(job, jobs.queue(resources.workspace())))


def _row(run: Run, job: Job, place: int, run_name: str) -> None:
    badge, name, bar, stop = st.columns([2, 6, 10, 3], vertical_alignment="center")
    badge.badge(job.state, color=COLOURS[job.state])
    words = f"{code_span(run_name)} on {code_span(run.info.dataset)}"
    if name.button(
        words, key=f"queue.show.{run.id}", type="tertiary", help="Show it below.", on_click=_show, args=(run,)
    ):
        st.rerun()  # it is outside of this part
    bar.progress(share(job), text=progress_words(job, "updates", place=place))
    stop.button(
        "Stop",
        key=f"queue.stop.{run.id}",
        icon=":material/stop_circle:",
        on_click=_stop,
        args=(run,),
        disabled=job.state == "stopping",
        width="stretch",
    )


@callback
def _show(run: Run) -> None:
    state.choose_dataset(run.info.dataset)
    state.run.set(run.id)


@callback
def _stop(run: Run) -> None:
    jobs.stop(resources.workspace(), run)
