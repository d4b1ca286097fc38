"""Every Plotly chart of the pages, with its downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import state
from dashboard.charts_csv import chart_table, csv_text
from dashboard.components.browser import source
from dashboard.components.downloads import SCRIPT, STYLE
from safemil_core.workspace import as_name

SelectionMode = Literal["points", "box", "lasso"]

_WITHOUT_NOISE = {"displaylogo": False, "modeBarButtonsToRemove": ["toImage"]}


def figure(
    chart: go.Figure,
    *,
    key: str,
    alt: str,
    table: pd.DataFrame | None = None,
    on_select: Callable[[], None] | Literal["ignore", "rerun"] = "ignore",
    selection_mode: SelectionMode | tuple[SelectionMode, ...] = ("points", "box", "lasso"),
    place: DeltaGenerator | None = None,
    config: Mapping[str, Any] | None = None,
) -> Any:
    """Show a chart; PNG, SVG and CSV of it wait at its top right, for a pointer or for the Tab key.

    Args:
        chart: a Plotly figure; build it so that the same data give the same figure, else the browser draws it anew.
        key: its identity on the page; `state.widget_value(key)` has the selection in a callback.
        alt: what it shows, for those who cannot see it.
        table: its numbers; where None, those that the figure itself holds.
        on_select: what to do when points of it are selected, as for `st.plotly_chart`.
        selection_mode: how they can be selected.
        place: where to put it; the current container where None.
        config: Plotly's options of how it behaves; its mode bar, which lies over a legend, is there only for a box and
            a lasso.

    Returns:
        The selection where `on_select` is not "ignore".
    """
    has_tools = on_select != "ignore" and selection_mode != "points"
    options = {**_WITHOUT_NOISE, "displayModeBar": "hover" if has_tools else False, **(config or {})}
    with (place or st).container(gap=None, key=f"figure.{key}"):
        selection = st.plotly_chart(
            chart, key=key, alt=alt, on_select=on_select, selection_mode=selection_mode, config=options
        )
        name = file_stem(key)
        _buttons(key=f"{key}.downloads", data={"words": alt, "name": name}, height="content")
        st.download_button(  # not seen: the button of the three that says CSV presses it
            "CSV",
            lambda: csv_text(chart_table(chart) if table is None else table),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=f"{key}.csv",
            on_click="ignore",
        )
    return selection


def file_stem(key: str) -> str:
    """How the files of a figure are called: its dataset, its run and itself."""
    return "-".join(as_name(part) for part in (state.dataset.get(), state.run.get(), key) if part)


_buttons = st.components.v2.component("safemil_figure", css=STYLE, js=SCRIPT + source("figure.js"))
