"""The corrected run: started from a finding, watched, and judged by whether it helped."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import resources, state
from dashboard.columns import TRUTH_METRICS
from dashboard.components.job_queue import job_line
from dashboard.components.progress_line import progress_line
from dashboard.components.run_names import run_name
from dashboard.drawing import fragment
from dashboard.telling import callback, show_problem
from dashboard.words import code_span
from safemil_core.assessment.doctor.causes import CAUSES
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.immobile import NEED_ROLLOUTS
from safemil_core.assessment.doctor.verdict import Verdict, verdict
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running import corrections, jobs, tasks
from safemil_core.running.corrections import KEY_NUMBERS, OF_THE_TRUTH, key_numbers
from safemil_core.running.doctor_results import read_findings
from safemil_core.running.health import told
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task

N_EPISODES = 5
"""Of each policy, to see whether it moves."""


def start_button(info: DatasetInfo, run: Run, finding: Finding, *, is_first: bool) -> None:
    """Start the run that is to cure a finding, where it can be cured by training again."""
    if finding.settings:
        words = "Start the corrected run"
        about = f"The same dataset, labels and seed, with {', '.join(finding.settings)}."
    else:
        words, about = "Train again with the labels of now", "The same settings and seed, after labels have changed."
    has_changed = resources.labels(info).latest() != run.info.label_snapshot
    st.button(
        words,
        key=f"doctor.start.{run.id}.{finding.cause}",
        type="primary" if is_first and finding.settings else "secondary",
        icon=":material/healing:",
        help=about,
        disabled=run.known_config is None or not (finding.settings or has_changed),
        on_click=_start,
        args=(info, run, finding),
    )


def correction(info: DatasetInfo, run: Run, cause: str, corrected: Run) -> None:
    """How far the corrected run of a finding is; once it has ended, whether it helped, in words and numbers."""
    seen = jobs.job_of(resources.workspace(), corrected)
    examined, rollouts = read_findings(corrected), Task.of_run("evaluate", corrected)
    is_played = rollouts.is_live
    is_waiting = not seen.is_finished or (seen.state == "done" and examined is None) or is_played

    @fragment(run_every=1.0 if is_waiting else None)
    def watch() -> None:
        job = jobs.job_of(resources.workspace(), corrected)
        progress = rollouts.progress
        if (job.state, read_findings(corrected) is None, rollouts.is_live) != (seen.state, examined is None, is_played):
            st.rerun()
        if is_played and progress is not None:
            progress_line(progress, "episodes")
        elif not job.is_finished:
            job_line(job)
        elif is_waiting:
            _examine_once(corrected)
            st.caption("The corrected run has ended and is being examined…")

    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/healing: Corrected run {_link_words(corrected)}", width="content")
            _way_to(corrected, "Its own page")
        watch()
        if seen.state in ("failed", "lost", "stopped"):
            show_problem(seen.message or f"The corrected run is {seen.state}.")
        elif not is_waiting:
            _judge(info, cause, run, corrected)


def correction_of(info: DatasetInfo, run: Run, cause: str, corrected: Run) -> None:
    """On the page of a corrected run: what it was to cure, a cause found of another run, and whether it did."""
    with st.container(border=True, key="doctor.answers"):
        with st.container(horizontal=True, vertical_alignment="center"):
            of = f"This run is to cure **{CAUSES.get(cause, cause)}**, found of {_link_words(run)}"
            st.markdown(f":material/healing: {of}", width="content")
            _way_to(run, "That run")
        if read_findings(corrected) is None:
            st.caption("Whether it helped is told here once it has been trained and examined.")
        else:
            _judge(info, cause, run, corrected)


def _way_to(run: Run, words: str) -> None:
    """Not a link: on the page that one is on, a link to what was chosen before looks like a late event."""
    key = f"doctor.way.{run.id}"
    st.button(words, icon=":material/arrow_forward:", type="tertiary", key=key, on_click=_go, args=(run,))


@callback
def _go(run: Run) -> None:
    state.run.set(run.id)


def _judge(info: DatasetInfo, cause: str, run: Run, corrected: Run) -> None:
    shows_truth = resources.shows_truth(info)
    if cause in NEED_ROLLOUTS and not corrected.evaluation:
        st.info("Whether it moves shows once it is rolled out.", icon=":material/smart_display:")
        st.button("Roll it out", key=f"doctor.roll.{corrected.id}", on_click=_roll_out, args=(corrected,))
        return
    before, after = (told(read_findings(each) or (), shows_truth=shows_truth) for each in (run, corrected))
    _say(verdict(cause, before, after))
    st.dataframe(
        numbers_table(run, corrected, shows_truth=shows_truth),
        hide_index=True,
        width="content",
        key=f"doctor.numbers.{corrected.id}",
        column_config={name: st.column_config.NumberColumn(format="%.4g") for name in ("before", "after")},
    )


def numbers_table(run: Run, corrected: Run, *, shows_truth: bool) -> pd.DataFrame:
    """Key numbers of both runs, one a row; and how each agrees with the truth where that is shown."""
    names = KEY_NUMBERS | TRUTH_METRICS
    if not shows_truth:
        names = {name: words for name, words in KEY_NUMBERS.items() if name not in OF_THE_TRUTH}
    before, after = ({**each.outcome, **key_numbers(each)} for each in (run, corrected))
    rows = [(words, before.get(name), after.get(name)) for name, words in names.items()]
    known = [row for row in rows if row[1] is not None or row[2] is not None]
    return pd.DataFrame(known, columns=["number", "before", "after"])


def _say(said: Verdict) -> None:
    match said.kind:
        case "helped":
            st.success(said.words, icon=":material/check_circle:")
        case "replaced":
            st.warning(said.words, icon=":material/swap_horiz:")
        case "unchanged":
            st.error(said.words, icon=":material/block:")


@callback
def _roll_out(run: Run) -> None:
    tasks.start_evaluation(resources.workspace(), run, N_EPISODES, 0)


def _examine_once(run: Run) -> None:
    """Where its training did not have it examined."""
    if Task.of_run("doctor", run).progress is None:
        tasks.start(resources.workspace(), Task.of_run("doctor", run))


def _link_words(run: Run) -> str:
    return code_span(run_name(run, resources.run_notes().of(run.id)))


@callback
def _start(info: DatasetInfo, run: Run, finding: Finding) -> None:
    corrections.start_correction(
        resources.workspace(), run, finding, info, resources.labels(info), author=state.author()
    )
