"""The learned cost over the state: a heatmap over two dimensions, beside the true cost where that is known."""

from __future__ import annotations

from typing import Literal

import numpy as np
import streamlit as st

from dashboard import charts_run, resources, run_resources, state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components import pickers
from dashboard.components.figure import figure
from safemil_core.assessment import maps
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LABELS, Label
from safemil_core.running.run_folder import Run


def cost_map(info: DatasetInfo, run: Run) -> None:
    """Heatmaps over two chosen dimensions: the learned cost, and the true one where it is known."""
    _maps(info, run_resources.run_costs(run), run.trajectories()["label"].to_numpy(str))


@st.fragment
def _maps(info: DatasetInfo, costs: np.ndarray, labels: np.ndarray) -> None:
    trajectories = resources.trajectories(info)
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
    figure(
        place=columns[0],
        chart=charts_run.state_map(learned, *names, "learned"),
        key="costs.learned",
        alt=f"Learned cost over {names[0]} and {names[1]}",
    )
    if trajectories.costs is not None:
        true = maps.state_map(trajectories.costs[steps], across[steps], up[steps], edges, statistic)
        figure(
            place=columns[1],
            chart=charts_run.state_map(true, *names, "true"),
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
