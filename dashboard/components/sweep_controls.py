"""Which experiment is looked at, and what can be done with it: begun, stopped, gone on with."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state, sweep_resources
from dashboard.components.empty_states import page_link
from dashboard.components.progress_line import progress_line
from dashboard.components.task_watch import task_watch
from dashboard.sweep_resources import Experiment
from dashboard.telling import callback
from dashboard.words import code_span, plural
from safemil_core.errors import SafeMILError
from safemil_core.running import tasks
from safemil_core.running.sweeps.sweep_folder import SweepStore
from safemil_core.running.sweeps.trials import way_to
from safemil_core.running.tasks import Task


def experiment_picker() -> Experiment:
    """Choose one of the workspace's experiments, or a ready one."""
    known = {one.name: one for one in sweep_resources.experiments()}
    name = st.selectbox(
        "Experiment",
        list(known),
        format_func=lambda name: f"{name} · {_state_of(known[name])}",
        **state.experiment.widget(list(known)),
    )
    state.experiment.settle(name)
    return known[name]


def sweep_controls(chosen: Experiment) -> bool:
    """What it asks and over what, the button that begins it, and how far it is.

    Returns:
        Whether it is at work.
    """
    spec = chosen.spec
    st.text(spec.question or spec.name)  # not Markdown: somebody's own words
    varied = ", ".join(map(code_span, [*spec.varied, *(["updates"] if len(spec.updates) > 1 else [])])) or "nothing"
    over = f"{plural(len(spec.datasets), 'dataset')}, {plural(len(spec.seeds), 'seed')}"
    what = f"{plural(spec.episodes, 'episode')} of each policy" if spec.episodes else "the cost network alone"
    st.caption(f"{varied} varied over {over}; {what}.")
    is_live = False
    if chosen.sweep is not None:
        task = Task.of_sweep(chosen.sweep)
        is_live = task_watch(task, "trials", key="sweep")
        progress = task.progress
        if progress is not None and progress.state in ("done", "stopped"):
            progress_line(progress, "trials")
            if progress.message:
                st.warning(code_span(progress.message))
    if chosen.missing:
        _say_what_is_missing(chosen)
    elif not is_live and _has_trials_left(chosen):
        _begin(chosen)
    return is_live


def _has_trials_left(chosen: Experiment) -> bool:
    """Whether there is anything to do: trials that were not done, or failed."""
    if chosen.sweep is None:
        return True
    try:
        found = sweep_resources.results(chosen.sweep)
    except SafeMILError:  # its specification was damaged since; where its results would be, the page says how
        return False
    return sum(not row.failure for row in found.rows) < found.n_trials


def _begin(chosen: Experiment) -> None:
    words = "Start" if chosen.sweep is None else "Do what is missing"
    st.button(
        words,
        key="sweep.start",
        icon=":material/play_arrow:",
        type="primary" if chosen.sweep is None else "secondary",
        on_click=_start,
        args=(chosen,),
        help="In processes of their own, one a core; where `RAY_ADDRESS` is set, on that Ray cluster. Trials that are "
        "done are not done again.",
    )


def _say_what_is_missing(chosen: Experiment) -> None:
    """Which datasets, and the ways to them. Bundled ones are made by simulators for minutes, by what a dashboard alone
    does not install: commands, not buttons."""
    st.info(f"It can begin once these datasets are here: {', '.join(map(code_span, chosen.missing))}.")
    page_link("datasets", "Add a dataset")
    st.caption("Or, in the folder of SafeMIL and after `make check`, let a bundled one be made:")
    st.code("\n".join(map(way_to, chosen.missing)), language="bash", wrap_lines=True)


@callback
def _start(chosen: Experiment) -> None:
    workspace = resources.workspace()
    sweep = chosen.sweep or SweepStore(workspace).take(chosen.spec_file)
    tasks.start(workspace, Task.of_sweep(sweep))


def _state_of(one: Experiment) -> str:
    progress = one.sweep.progress if one.sweep else None
    if progress is None:
        return f"needs {', '.join(one.missing)}" if one.missing else "ready"
    return f"{progress.state}, {progress.done} of {progress.total}"
