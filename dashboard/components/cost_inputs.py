"""Which inputs the learned cost goes by: over the whole dataset, along one trajectory, and at one of its steps."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts_inputs, cost_resources, resources, state
from dashboard.components.figure import figure
from dashboard.components.task_watch import task_watch
from dashboard.components.trajectory_below import chosen_step, chosen_trajectory, follow, lead_on
from dashboard.drawing import fragment
from dashboard.telling import callback
from dashboard.words import plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running import tasks
from safemil_core.running.importances import read_importance
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task

KEY = "costs.inputs"


def cost_inputs(info: DatasetInfo, run: Run) -> None:
    """Overall importance, measured by a task; what each input adds to each step, at once."""
    st.markdown("**Over the dataset**")
    _overall(run)
    if info.images:
        st.info("What each input adds step by step is shown for numbers alone, and this cost sees images.")
        return
    _along(info, run)


def _overall(run: Run) -> None:
    is_live = task_watch(Task.of_run("inputs", run), "passes", key=KEY)
    table = read_importance(run)
    if table is not None:
        _show(table)
    elif not is_live:
        st.button(
            "Measure which inputs matter", type="primary", icon=":material/sort:", on_click=_start, args=(run,),
            key=f"{KEY}.start",
            help="In the background, some seconds: integrated gradients, and each input shuffled in turn.",
        )  # fmt: skip


@callback
def _start(run: Run) -> None:
    tasks.start(resources.workspace(), Task.of_run("inputs", run))


def _show(table: pd.DataFrame) -> None:
    figure(charts_inputs.overall(table), key=f"{KEY}.overall", table=table, alt="Which inputs the cost goes by")
    hidden = len(table) - charts_inputs.N_INPUTS
    more = f" {plural(hidden, 'other input')} with less weight: in the CSV." if hidden > 0 else ""
    st.caption(
        "Left: what an input adds to the cost on the way from the mean step to a recorded one (integrated gradients), "
        "the mean size over steps. Right: how much worse the cost tells steps of non-preferred trajectories from "
        "unlabelled ones, or from all others where none is unlabelled, once that input is shuffled over the steps "
        f"(permutation), with its deviation.{more}"
    )


@fragment()
def _along(info: DatasetInfo, run: Run) -> None:
    follow()
    trajectory = chosen_trajectory(info, run)
    steps, added = cost_resources.added_along(info, run, trajectory)
    costs = cost_resources.costs_of(info, run, trajectory)
    step, names = chosen_step(costs), info.number_names
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(f"**Along trajectory {trajectory}**")
        figure(
            charts_inputs.over_time(steps, added, costs, names, step),
            key=f"{KEY}.time",
            alt=f"What each input adds to the cost of each step of trajectory {trajectory}",
            on_select=lambda: _choose_step(trajectory),
            selection_mode="points",
        )
    with right:
        st.markdown(f"**At step {step}: how its cost of {costs[step]:.3f} comes about**")
        values = cost_resources.steps_of(info, trajectory)[step]
        at_step = cost_resources.added_at(info, run, trajectory, step)
        figure(
            charts_inputs.at_step(at_step, values, names, cost_resources.mean_cost(info, run)),
            key=f"{KEY}.step",
            alt=f"What each input adds to the cost of step {step} of trajectory {trajectory}",
        )
    st.caption(
        "Click on the curve to choose a step. What the inputs add (integrated gradients) sums to the cost of the step "
        "less that of the mean step of the dataset. It says what the network goes by, not what makes a step unsafe."
    )


@callback
def _choose_step(trajectory: int) -> None:
    points = state.widget_value(f"{KEY}.time")["selection"]["points"]
    if points:
        lead_on(trajectory, int(points[0]["x"]))
