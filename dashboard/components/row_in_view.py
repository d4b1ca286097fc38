"""A row of a table is brought into view, which Streamlit itself has no way to do."""

from __future__ import annotations

import streamlit as st

from dashboard.components.browser import source

_row_in_view = st.components.v2.component("safemil_row_in_view", js=source("row_in_view.js"))


def row_in_view(key: str, table: str, row: int, rows: int) -> None:
    """Scroll to a row when another one than before is named.

    Args:
        key: of the component.
        table: widget key of an `st.dataframe`.
        row: which, from 0.
        rows: how many there are.
    """
    _row_in_view(key=key, data={"table": f".st-key-{table.replace('.', '-')}", "row": row, "rows": rows})
