"""All trajectories at once, to select many of them: points over any two numbers, or paths with a region drawn on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import streamlit as st

from dashboard import charts_data, resources, state
from dashboard.columns import axis_words
from dashboard.components.figure import figure
from dashboard.components.pickers import chosen_dimensions
from dashboard.components.selection import Listing, select, select_found
from dashboard.telling import callback
from dashboard.words import number
from safemil_core.assessment.descriptors import similar_to
from safemil_core.assessment.regions import paths_through
from safemil_core.data.datasets import DatasetInfo

SCATTER_KEY, REGION_KEY = "label.scatter", "label.region"
_KIND_KEY, _N_SIMILAR_KEY = "label.map", "label.similar.n"
_HEIGHT = 290
_BAR = {"displaylogo": False, "modeBarButtons": [["select2d", "lasso2d", "resetScale2d"]]}


def trajectory_map(info: DatasetInfo, listed: Listing) -> None:
    """One of both pictures, with a box and a lasso to select in it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="label.map.bar"):
        kind = st.segmented_control(
            "Select in",
            ["Points", "Paths"],
            default="Points",
            key=_KIND_KEY,
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        if kind == "Points":
            axes = _axes(info, listed)
    if kind == "Points":
        _points(info, listed, axes)
    else:
        _paths(info)


def similar_button(info: DatasetInfo, listed: Listing) -> None:
    """Select those that behave most like the trajectory in focus, and itself."""
    with st.popover("Similar", icon=":material/join_inner:", key="label.similar"):
        st.number_input(
            f"How many, most like trajectory {listed.focus}",
            1,
            max(1, info.n_trajectories - 1),
            min(20, max(1, info.n_trajectories - 1)),
            key=_N_SIMILAR_KEY,
            persist_state="session",
        )
        st.caption("By the means and spreads of their observations and actions, never by reward or cost.")
        st.button("Select these", key="label.similar.select", on_click=_select_similar, args=(info, listed.focus))


@callback
def _select_similar(info: DatasetInfo, trajectory: int) -> None:
    found = similar_to(resources.descriptors(info), trajectory, int(state.widget_value(_N_SIMILAR_KEY)))
    select_found(info, [trajectory, *found.tolist()], "is like it")


@callback
def _select_points(info: DatasetInfo, key: str) -> None:
    points = state.widget_value(key)["selection"]["points"]
    chosen = sorted(int(point["customdata"]) for point in points)
    if chosen:
        select(info, chosen)


@callback
def _select_crossing(info: DatasetInfo, key: str, x: int, y: int) -> None:
    drawn = state.widget_value(key)["selection"]
    trajectories, found = resources.trajectories(info), set[int]()
    for polygon in _polygons(drawn):
        found.update(paths_through(trajectories, x, y, polygon).tolist())
    if drawn["box"] or drawn["lasso"]:
        select_found(info, sorted(found), "goes through this region")


def _polygons(drawn: dict[str, list[dict[str, list[float]]]]) -> Iterable[np.ndarray]:
    """[V, 2] the corners of each box and lasso of a Plotly selection."""
    for box in drawn["box"]:
        (x0, x1), (y0, y1) = box["x"], box["y"]
        yield np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    for lasso in drawn["lasso"]:
        corners = np.column_stack([lasso["x"], lasso["y"]])
        yield corners[:: max(1, -(-len(corners) // 60))]  # a slow hand draws more corners than anybody can see


def _axes(info: DatasetInfo, listed: Listing) -> tuple[str, str]:
    """Choose what lies across and up."""
    known = [c for c in ("return", "true_cost", "learned_cost", "length") if c in listed.table]
    means = [c for c in listed.table.columns if c.startswith("mean ")]
    options = [*known, "embedding 1", "embedding 2", *means]
    chosen = []
    for name, default in zip(("across", "up"), charts_data.default_axes(listed.table), strict=True):
        key = f"label.axis.{info.id}.{name}"
        if state.widget_value(key) not in options:
            state.set_widget_value(key, default if default in options else options[0])
        chosen.append(
            st.selectbox(
                name.capitalize(),
                options,
                format_func=lambda column: axis_words(column, info.observation_names),
                key=key,
                persist_state="session",
                label_visibility="collapsed",
                width=98,
            )
        )
    return chosen[0], chosen[1]


def _points(info: DatasetInfo, listed: Listing, axes: tuple[str, str]) -> None:
    rows = np.sort(listed.rows)
    table = listed.table.iloc[rows]
    if any(axis.startswith("embedding") for axis in axes):
        first, second = resources.plane(info)[rows].T
        table = table.assign(**{"embedding 1": first, "embedding 2": second})
    chart = charts_data.trajectory_scatter(
        table, listed.said.labels[rows], info.observation_names, height=_HEIGHT, axes=axes
    )
    chart.update_layout(showlegend=False)  # the counts at the top of the page have the same colours
    figure(
        chart,
        key=SCATTER_KEY,
        on_select=lambda: _select_points(info, SCATTER_KEY),
        selection_mode=("points", "box", "lasso"),
        config=_BAR,
        alt="One point per trajectory, coloured by label; drag a box or a lasso to select",
    )
    st.caption("Drag a box or a lasso around points to select them.")


def _paths(info: DatasetInfo) -> None:
    x, y = chosen_dimensions(info)
    names = info.coordinate_names
    key = f"{REGION_KEY}.{info.id}.{x}.{y}"  # a region of other dimensions must not outlive them
    figure(
        charts_data.region_figure(resources.all_paths(info, x, y), names[x], names[y], height=_HEIGHT),
        key=key,
        on_select=lambda: _select_crossing(info, key, x, y),
        selection_mode=("box", "lasso"),
        config=_BAR,
        alt="The paths of the trajectories; draw a region to select those that go through it",
    )
    drawn = (
        f"{number(resources.N_PATHS)} paths are drawn, all are searched. "
        if (info.n_trajectories > resources.N_PATHS)
        else ""
    )
    st.caption(f"Draw around a place: whoever goes through it is selected. {drawn}Axes as in the picture beside.")
