"""Every Plotly chart of the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

SelectionMode = Literal["points", "box", "lasso"]


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
    """Show a chart.

    Args:
        chart: a Plotly figure; build it so that the same data give the same figure, else the browser draws it anew.
        key: its identity on the page; `state.widget_value(key)` has the selection in a callback.
        alt: what it shows, for those who cannot see it.
        table: its numbers; where None, those that the figure itself holds.
        on_select: what to do when points of it are selected, as for `st.plotly_chart`.
        selection_mode: how they can be selected.
        place: where to put it; the current container where None.
        config: Plotly's options of how it behaves.

    Returns:
        The selection where `on_select` is not "ignore".
    """
    return (place or st).plotly_chart(
        chart,
        key=key,
        alt=alt,
        on_select=on_select,
        selection_mode=selection_mode,
        config=None if config is None else dict(config),
    )
