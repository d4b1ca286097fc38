"""The learned cost of all trajectories over time, one row each; a click on one shows its steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts_run, resources, run_resources, state
from dashboard.components.cost_trajectory import follow, lead_on
from dashboard.components.figure import figure
from safemil_core.assessment import maps
from safemil_core.assessment.summaries import neighbours
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

RASTER = "costs.raster"


def choose_row() -> None:
    """A click on the raster chooses its trajectory."""
    points = state.widget_value(RASTER)["selection"]["points"]
    if points:
        lead_on(int(points[0]["customdata"]))


def cost_raster(info: DatasetInfo, run: Run) -> None:
    """All trajectories over time; a click on one shows its steps below."""
    _raster(info, run_resources.run_costs(run), run.trajectories())


@st.fragment
def _raster(info: DatasetInfo, costs: np.ndarray, table: pd.DataFrame) -> None:
    follow()
    trajectories = resources.trajectories(info)
    labels, sums = table["label"].to_numpy(str), table["cost_sum"].to_numpy()
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
    above, below, words = st.columns([1, 1, 4], vertical_alignment="center")
    chosen = state.trajectory.among(order.tolist())
    assert chosen is not None
    before, after = neighbours(order, np.ones(len(order), dtype=bool), chosen)
    row_button(above, "Row above", before)
    row_button(below, "Row below", after)
    words.caption("Each row is a trajectory, the colour at its left its label. Click on one to see its steps below.")


def row_button(place: DeltaGenerator, words: str, trajectory: int | None) -> None:
    """Step to another row of the raster."""
    place.button(words, disabled=trajectory is None, on_click=lead_on, args=(trajectory,), width="stretch")
