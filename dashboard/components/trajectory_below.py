"""The trajectory that a page leads on to: below all its sections, the same one."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import run_resources, state
from dashboard.components import pickers
from dashboard.components.empty_states import page_link
from dashboard.components.trajectory_view import trajectory_view
from dashboard.telling import callback
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

_LEADS_ON = "leads_on"


@callback
def lead_on(trajectory: int, step: int | None = None) -> None:
    """In a callback: show this trajectory below, with the cursor at a step of it."""
    state.trajectory.set(trajectory)
    state.step.set(step)
    state.remember(_LEADS_ON, True)


@callback
def lead_on_point(key: str) -> None:
    """The callback of a chart of trajectories: the point that is chosen, whose `customdata` is or begins with one."""
    points = [point for point in state.widget_value(key)["selection"]["points"] if "customdata" in point]
    if points:
        data = points[0]["customdata"]
        lead_on(int(data[0] if isinstance(data, list) else data))


@callback
def lead_on_row(key: str, trajectories: tuple[int, ...]) -> None:
    """The callback of a table with these trajectories in its rows: the row that is chosen."""
    rows = state.widget_value(key)["selection"]["rows"]
    if rows:
        lead_on(trajectories[rows[0]])


def follow() -> None:
    """Called at the start of a section that is a fragment: where it has led on, the whole page must follow."""
    if state.forget(_LEADS_ON):
        st.rerun()


def chosen_trajectory(info: DatasetInfo, run: Run) -> int:
    """The trajectory that the page is about; the costliest where none is chosen."""
    costliest = int(run_resources.run_cost_sums(run).argmax())
    chosen = state.trajectory.among(range(info.n_trajectories), costliest)
    assert chosen is not None
    return chosen


def chosen_step(costs: np.ndarray) -> int:
    """The step of a trajectory that the page is about; its costliest where none is chosen. `costs`: [T]."""
    chosen = state.step.among(range(len(costs)), int(costs.argmax()))
    assert chosen is not None
    return chosen


def trajectory_below(info: DatasetInfo, run: Run) -> None:
    """One trajectory in full, the cursor at the step that was led on to; the costliest where none is chosen."""
    picker, label_link = st.columns([1, 3], vertical_alignment="bottom")
    with picker:
        chosen = pickers.trajectory_picker(info, default=chosen_trajectory(info, run))
    state.trajectory.settle(chosen)
    with label_link:
        page_link("label", f"Label trajectory {chosen} and others like it")
    trajectory_view(info, chosen, key="below", run=run, step=state.step.get())
