"""The trajectories of the Label page as a table: what is listed, in which order, and what is selected."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import state
from dashboard.columns import TRAJECTORY
from dashboard.components.label_cells import label_cells, label_column
from dashboard.components.label_filters import filter_count, filter_widgets, filters_key
from dashboard.components.row_in_view import row_in_view
from dashboard.components.selection import (
    ORDER_KEY,
    Listing,
    focus_on,
    focus_on_listed,
    listing,
    order_words,
    orders,
    select,
)
from dashboard.telling import callback
from safemil_core.data.datasets import DatasetInfo


def list_bar(info: DatasetInfo, listed: Listing) -> None:
    """One row above everything: which trajectories are listed, in which order, how many they are."""
    rows = listed.rows.tolist()
    with st.container(horizontal=True, vertical_alignment="center", key="label.bar"):
        filter_widgets(info, listed.table, listed.said, listed.filters, on_change=lambda: focus_on_listed(info))
        st.selectbox(
            "Order",
            orders(listed.table),
            format_func=order_words,
            key=ORDER_KEY,
            persist_state="session",
            label_visibility="collapsed",
            width=190,
        )
        st.markdown(filter_count(len(rows), info.n_trajectories), width=150)  # as wide with a filter as without
        st.button(
            "Select all of them",
            on_click=select,
            args=(info, rows),
            key="label.select_all",
            type="tertiary",
            disabled=not rows,
        )


def trajectory_list(info: DatasetInfo, listed: Listing) -> None:
    """The listed trajectories: a click on a cell looks at one, the boxes at the left select several."""
    rows = listed.rows
    if not len(rows):
        st.info("No trajectory passes the filters. Choose others above.")
        return
    key = table_key(info, listed)
    place = {int(trajectory): row for row, trajectory in enumerate(rows)}
    selected = [place[trajectory] for trajectory in listed.selected if trajectory in place]
    state.set_widget_value(key, {"selection": {"rows": selected, "columns": [], "cells": []}})
    st.dataframe(
        _table_to_show(listed.table.iloc[rows]),
        key=key,
        height=350,
        hide_index=True,
        on_select=lambda: _select_rows(info, key),
        selection_mode=["multi-row", "single-cell"],
        column_config={
            "#": st.column_config.NumberColumn(width=40),
            "label": label_column(102),
            "return": st.column_config.NumberColumn(format="%.1f", width=48),
            "true cost": st.column_config.NumberColumn(format="%.0f", width=60),
            "learned cost": st.column_config.NumberColumn("learned", format="%.2f", width=54, help="Learned cost."),
        },
    )
    if listed.focus in place:
        row_in_view("label.list.view", key, place[listed.focus], len(rows))


def table_key(info: DatasetInfo, listed: Listing) -> str:
    """Filters and order are in the key: a selection is by row, and must not outlive them."""
    return f"label.table.{info.id}.{filters_key(listed.filters)}.{state.widget_value(ORDER_KEY)}"


@callback
def _select_rows(info: DatasetInfo, key: str) -> None:
    rows, heard = listing(info).rows, state.heard(key)
    if heard is None:
        return
    selection = heard["selection"]
    cells = [row for row, _ in selection.get("cells", []) if row < len(rows)]
    chosen = [int(rows[row]) for row in selection["rows"] if row < len(rows)]
    if cells:
        focus_on(int(rows[cells[0]]))
    elif chosen:
        select(info, chosen)


def _table_to_show(table: pd.DataFrame) -> pd.DataFrame:
    columns = ["trajectory", "label", "return", "true_cost", "learned_cost"]
    if table["length"].nunique() > 1:
        columns.append("length")
    shown = table[[column for column in columns if column in table]].assign(
        label=label_cells(table["label"], table.index)
    )
    return shown.rename(columns={**TRAJECTORY, "trajectory": "#"})
