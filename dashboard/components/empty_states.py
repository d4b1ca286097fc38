"""What a page shows when its input is missing: what it needs, and the way there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import streamlit as st

from dashboard import resources, state
from dashboard.components import pickers
from dashboard.components.job_queue import job_line
from dashboard.drawing import fragment
from safemil_core.config import Method
from safemil_core.data.datasets import DatasetInfo
from safemil_core.learning.baselines.settings import COSTLESS, OWN_WEIGHTS
from safemil_core.running import jobs
from safemil_core.running.run_folder import Run

PageName = Literal[
    "datasets",
    "review",
    "label",
    "audit",
    "train",
    "compare",
    "costs",
    "weights",
    "doctor",
    "rollouts",
    "experiments",
]

EVERY_S = 0.7
"""Between two looks at a run whose results a page waits for."""

ANSWERS: dict[str, str] = {
    "review": "**Is this one bad?** One trajectory after the other, judged by a key while it plays.",
    "label": "**Which ones are bad?** Many trajectories marked at once: filters, lassos, regions, look-alikes.",
    "audit": "**Can the labels be trusted?** Those that look wrong, people who disagree, the share of good ones.",
    "train": "**Learn a cost** from marks on whole trajectories, and clone a safe policy by it.",
    "compare": "**What did that change?** Runs over one another: results, curves, and the settings that differ.",
    "costs": "**Where is it dangerous?** The learned cost over the state, over time and as a function; every point "
    "leads to its step, its frame and its trajectory.",
    "weights": "**Who is imitated, and how much?** Every weight, and what another setting or label would change.",
    "doctor": "**Is something wrong?** Findings in order of harm, each with evidence, cause and a run that mends it.",
    "rollouts": "**Is the policy safe?** The safe policy and plain cloning from the same starts in a simulator.",
    "experiments": "**Does it hold?** Many trials over datasets, methods, settings and seeds, with intervals.",
}
"""What pages are for, in Markdown; by the name of the page's file."""


def empty_state(sentence: str, page: PageName, link: str) -> None:
    """Say what this page answers and what it lacks, and link to the page where to get that."""
    with st.container(border=True, horizontal_alignment="center", key="empty-state"):
        if answer := ANSWERS.get(state.recall("page", "")):
            st.markdown(answer, text_alignment="center")
        st.caption(sentence, text_alignment="center")
        page_link(page, link)


def page_link(page: PageName, words: str, **choices: str | int) -> None:
    """A link to another page; the choices go with it, and `choices` come on top."""
    query = {name: str(value) for name, value in choices.items()}
    st.page_link(f"views/{page}.py", label=words, icon=":material/arrow_forward:", query_params=query or None)


def need_dataset() -> DatasetInfo:
    """The chosen dataset; where there is none, say so and end the page."""
    info = pickers.chosen_dataset()
    if info is None:
        empty_state("There is no dataset in this workspace yet.", "datasets", "Add a dataset")
        st.stop()
    return info


def need_run() -> Run:
    """The chosen run of the dataset; where there is none, say so and end the page."""
    run = pickers.chosen_run()
    if run is None:
        empty_state("Nothing has been trained on this dataset yet.", "train", "Train a cost and a policy")
        st.stop()
    return run


def need_costs() -> Run:
    """The chosen run if its costs are learned; where they are not (yet), say so and end the page."""
    run = need_run()
    _need_method(run, COSTLESS, "learns no costs: what its policy clones follows from its name")
    if not run.has_costs:
        _wait_or_see_why(run, "This run is still learning its costs.", lambda run: run.has_costs)
    return run


def need_weights() -> Run:
    """The chosen run if its costs are learned and weigh what is cloned; where not (yet), say so and end the page."""
    run = need_costs()
    _need_method(run, OWN_WEIGHTS, "weighs steps in a way of its own, which no scheme here can change")
    return run


def need_examinable() -> Run:
    """The chosen run if the doctor knows its method; where not, say so and end the page."""
    run = need_run()
    baselines = tuple(method for method in get_args(Method) if method != "safemil")
    _need_method(run, baselines, "is there for comparison, and the doctor knows only what goes wrong with safemil")
    return run


def need_policies() -> Run:
    """The chosen run if its policies are cloned; where they are not (yet), say so and end the page."""
    run = need_run()
    if not run.has_policies:
        _wait_or_see_why(run, "This run is still cloning its policies.", lambda run: run.has_policies)
    return run


def _need_method(run: Run, without: tuple[Method, ...], why: str) -> None:
    """End the page, with the reason, where the run is of one of these methods."""
    config = run.known_config
    if config is not None and config.method in without:
        empty_state(f"The method of this run, {config.method}, {why}.", "rollouts", "Watch its policy")
        st.stop()


def _wait_or_see_why(run: Run, still: str, is_there: Callable[[Run], bool]) -> None:
    """End the page: with the state of the run where it has ended without, else until what it lacks is there."""
    job = jobs.job_of(resources.workspace(), run)
    if job.is_finished:
        empty_state(f"This run is {job.state} and has no results.", "train", "See why")
    else:
        empty_state(f"{still} This page goes on as soon as that is done.", "train", "Watch it")
        _watch(run, is_there)
    st.stop()


@fragment(run_every=EVERY_S)
def _watch(run: Run, is_there: Callable[[Run], bool]) -> None:
    """How far the run is; draw the page anew once it is there, or the run has ended."""
    job = jobs.job_of(resources.workspace(), run)
    if is_there(run) or job.is_finished:
        st.rerun()
    job_line(job)
