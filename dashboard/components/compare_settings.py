"""What several runs were made from, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from dashboard.components.compare_table import line_cells
from safemil_core.running.comparison import Compared, configurations, differences


def compare_settings(chosen: Sequence[Compared], names: Mapping[str, str], numbers: Mapping[str, int]) -> None:
    """Dataset, labels, settings and versions: one row each, one column a run. See `compare_curves`."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.subheader("What they were made from", anchor=False, width="stretch")
    is_short = row.toggle("Differences only", True, key="compare.differences", persist_state="session")
    everything = configurations(chosen)
    differing = differences(everything)
    shown = differing if is_short else everything
    if shown.empty:
        st.info("Nothing differs: dataset, labels, settings and versions of these runs are the same.")
        return
    strokes, colours = line_cells(numbers[run] for run in shown.columns)
    table = pd.concat([pd.DataFrame([strokes], index=[""], columns=shown.columns), shown])
    table = table.rename(columns=names)
    styled = table.style.apply(lambda _: colours, axis=1, subset=pd.IndexSlice[[""], :])
    if not is_short:
        rows = pd.IndexSlice[differing.index, :]
        styled = styled.map(lambda _: "background-color: rgba(230, 159, 0, .16)", subset=rows)
    st.dataframe(
        styled,
        key="compare.settings",
        height="content" if len(table) < 16 else 560,
        column_config={"_index": st.column_config.TextColumn("setting", pinned=True, width="medium")},
    )
    if is_short:
        st.caption(f"{len(everything) - len(differing)} more are the same in all of them.")
