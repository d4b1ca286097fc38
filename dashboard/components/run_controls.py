"""What can be done with a run: stop it or go on, name it, do it again in another way, take it along, delete it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import resources, state, transfers
from dashboard.components.new_run import duplicate
from dashboard.components.run_names import name_and_note
from dashboard.run_report import Reported, report
from dashboard.telling import callback
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running import jobs
from safemil_core.running.job_store import LIVING, Job
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNote
from safemil_core.workspace import Workspace


def run_controls(info: DatasetInfo, run: Run, job: Job, note: RunNote) -> None:
    """A row of buttons; what makes no sense in the run's state is greyed out or not there."""
    config = run.known_config
    with st.container(horizontal=True):
        if job.can_resume:
            _button("Resume", "play_arrow", jobs.resume, run, about="Goes on from its last checkpoint.")
        elif not job.is_finished:
            is_late = job.state == "stopping"
            _button("Stop", "stop_circle", jobs.stop, run, about="Keeps what it has learned so far.", disabled=is_late)
        st.button(
            "Duplicate with changes",
            key="run.duplicate",
            icon=":material/content_copy:",
            on_click=duplicate,
            args=(run,),
            disabled=config is None,
            help="Puts its settings into the form above.",
        )
        with st.popover("Name and note", icon=":material/edit_note:", width="content"):
            name_and_note(run, note)
        about = Reported(run, note, info, resources.trajectories(info), resources.shows_truth(info))
        st.download_button(
            "Report",
            lambda: report(about),
            file_name=f"{run.id}.html",
            mime="text/html",
            key="run.report",
            icon=":material/summarize:",
            on_click="ignore",
            disabled=not run.has_costs,
            help="All of it in one file that needs nothing else: made from what, how it learned, what came out."
            if run.has_costs
            else "There once the costs are learned.",
        )
        st.download_button(
            "TensorBoard",
            lambda: transfers.event_file(run, note, shows_truth=about.shows_truth),
            file_name=f"{run.id}.zip",
            mime="application/zip",
            key="run.tensorboard",
            icon=":material/download:",
            on_click="ignore",
            disabled=config is None,
            help="Its metrics and settings as an event file; unpack it and run `tensorboard --logdir` on the folder.",
        )
        with st.popover("Delete", icon=":material/delete:", disabled=job.state in LIVING, width="content"):
            st.markdown(f"Its costs, weights, policies and videos are removed for good: `{run.id}`")
            st.button("Delete for good", key="run.delete", type="primary", on_click=_act, args=(_delete, run))


def _delete(workspace: Workspace, run: Run) -> None:
    """The newest of the others is chosen."""
    jobs.delete(workspace, run)
    state.run.set(None)


def _button(
    words: str, icon: str, act: Callable[[Workspace, Run], object], run: Run, *, about: str, disabled: bool = False
) -> None:
    st.button(
        words,
        key=f"run.{words.lower()}",
        icon=f":material/{icon}:",
        on_click=_act,
        args=(act, run),
        help=about,
        disabled=disabled,
    )


@callback
def _act(act: Callable[[Workspace, Run], object], run: Run) -> None:
    """Do it; where the run's state has changed since the button was drawn, say so."""
    act(resources.workspace(), run)
