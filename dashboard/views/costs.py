"""Where in the state space, and when, the learned cost lies."""

from __future__ import annotations

from typing import Literal

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts_run, resources, state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components import pickers
from dashboard.components.empty_states import need_costs, need_dataset, page_link
from safemil_core.assessment import maps
from safemil_core.assessment.summaries import neighbours
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LABELS, Label
from safemil_core.data.trajectories import TrajectorySet

RASTER = "costs.raster"


@st.fragment
def over_the_state(info: DatasetInfo, trajectories: TrajectorySet, costs: np.ndarray, labels: np.ndarray) -> None:
    """Heatmaps over two chosen dimensions: the learned cost, and the true one where it is known."""
    dimensions, bins_choice = st.columns([3, 1])
    with dimensions:
        x, y = pickers.dimension_pickers(info)
    state.x.settle(x)  # a fragment's own run does not pass by the frame, which else keeps the URL
    state.y.settle(y)
    bins = bins_choice.slider("Cells along an axis", 10, 100, 40, 5, key="costs.bins", persist_state="session")
    shown, statistic, is_full = choose_steps(labels)

    across, up = trajectories.coordinates[:, x], trajectories.coordinates[:, y]
    edges = maps.grid(across, up, bins, is_full=is_full)
    steps = slice(None) if shown == "all" else maps.steps_of(shown, labels, trajectories.offsets)
    names = info.coordinate_names[x], info.coordinate_names[y]
    columns = st.columns(2) if trajectories.costs is not None else [st.container()]
    learned = maps.state_map(costs[steps], across[steps], up[steps], edges, statistic)
    columns[0].plotly_chart(
        charts_run.state_map(learned, *names, "learned"),
        key="costs.learned",
        alt=f"Learned cost over {names[0]} and {names[1]}",
    )
    if trajectories.costs is not None:
        true = maps.state_map(trajectories.costs[steps], across[steps], up[steps], edges, statistic)
        columns[1].plotly_chart(
            charts_run.state_map(true, *names, "true"),
            key="costs.true",
            alt=f"True cost over {names[0]} and {names[1]}",
        )


def choose_steps(labels: np.ndarray) -> tuple[Label | Literal["all"], maps.Statistic, bool]:
    """Which steps a heatmap is made of, what a cell shows of them, and whether outliers are in it."""
    options: list[Label | Literal["all"]] = ["all", *(label for label in LABELS if label in labels)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.segmented_control(
            "Trajectories",
            options,
            format_func=lambda label: LABEL_WORDS.get(label, label),
            default="all",
            required=True,
            key="costs.shown",
            persist_state="session",
        )
        statistic = st.segmented_control(
            "In a cell", maps.STATISTICS, default="mean", required=True, key="costs.statistic", persist_state="session"
        )
        is_full = st.toggle("Full range", key="costs.full", help="Else the central 99 % of either dimension.")
    return shown, statistic, is_full


def choose_row() -> None:
    """A click on the raster chooses its trajectory."""
    points = state.widget_value(RASTER)["selection"]["points"]
    if points:
        state.trajectory.set(int(points[0]["customdata"]))


@st.fragment
def over_time(
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
    st.plotly_chart(
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
    st.plotly_chart(
        charts_run.step_costs(costs[steps], trajectory.costs, None if spread is None else spread[steps]),
        key="costs.steps",
        alt=f"Cost of every step of trajectory {chosen}",
    )


def row_button(place: DeltaGenerator, words: str, trajectory: int | None) -> None:
    """Step to another row of the raster."""
    place.button(words, disabled=trajectory is None, on_click=state.trajectory.set, args=(trajectory,), width="stretch")


st.title("Costs")
info = need_dataset()
run = need_costs(info)
trajectories = resources.trajectories(info)
costs, learned_table = resources.run_costs(run), run.trajectories()
labels, sums = learned_table["label"].to_numpy(str), learned_table["cost_sum"].to_numpy()

st.subheader("Over the state" if info.n_observations else "Over the actions", anchor=False)
over_the_state(info, trajectories, costs, labels)
st.subheader("Over time", anchor=False)
over_time(info, trajectories, costs, resources.run_cost_spread(run), labels, sums)
