"""The learned cost of all trajectories over time, one row each; a click on one shows its steps."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts_run, state
from dashboard.components import pickers
from dashboard.components.empty_states import page_link
from dashboard.components.figure import figure
from safemil_core.assessment import maps
from safemil_core.assessment.summaries import neighbours
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.trajectories import TrajectorySet

RASTER = "costs.raster"


def choose_row() -> None:
    """A click on the raster chooses its trajectory."""
    points = state.widget_value(RASTER)["selection"]["points"]
    if points:
        state.trajectory.set(int(points[0]["customdata"]))


@st.fragment
def cost_raster(
    info: DatasetInfo,
    trajectories: TrajectorySet,
    costs: np.ndarray,
    spread: np.ndarray | None,
    labels: np.ndarray,
    sums: np.ndarray,
) -> None:
    """All trajectories over time; a click on one shows its steps below."""
    true_costs = trajectories.true_costs()
    orders = [by for by in maps.ROW_ORDERS if by != "true cost" or true_costs is not None]
    by = st.segmented_control(
        "Rows by", orders, default="label", required=True, key="costs.order", persist_state="session"
    )
    order = maps.row_order(by, labels, sums, true_costs)
    image = maps.raster(costs, trajectories.offsets, order, charts_run.raster_columns(len(order)))
    figure(
        charts_run.raster(image, order, labels),
        key=RASTER,
        on_select=choose_row,
        selection_mode="points",
        alt="Learned cost of every trajectory over time",
    )
    st.caption("Each row is a trajectory, the colour at its left its label. Click on one to see its steps below.")

    picker, previous, following, label_link = st.columns([2, 1, 1, 4], vertical_alignment="bottom")
    with picker:
        chosen = pickers.trajectory_picker(info, default=int(order[0]))
    state.trajectory.settle(chosen)
    before, after = neighbours(order, np.ones(len(order), dtype=bool), chosen)
    row_button(previous, "Row above", before)
    row_button(following, "Row below", after)
    with label_link:
        page_link("label", f"Watch and label trajectory {chosen}")
    trajectory = trajectories[chosen]
    steps = slice(trajectories.offsets[chosen], trajectories.offsets[chosen + 1])
    figure(
        charts_run.step_costs(costs[steps], trajectory.costs, None if spread is None else spread[steps]),
        key="costs.steps",
        alt=f"Cost of every step of trajectory {chosen}",
    )


def row_button(place: DeltaGenerator, words: str, trajectory: int | None) -> None:
    """Step to another row of the raster."""
    place.button(words, disabled=trajectory is None, on_click=state.trajectory.set, args=(trajectory,), width="stretch")
