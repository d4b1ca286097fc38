"""What lies in the selected cells of a map, and the ways on: into the trajectory view, the Label page, the queue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources, state
from dashboard.components import selection
from dashboard.components.cell_map import clear_cells
from dashboard.components.label_cells import label_cells, label_column
from dashboard.components.review_queue import review_next
from dashboard.components.trajectory_below import lead_on
from dashboard.telling import callback
from dashboard.words import plural
from safemil_core.assessment.review_queue import QueueItem
from safemil_core.data.datasets import DatasetInfo


def cell_inside(info: DatasetInfo, table: pd.DataFrame, n_cells: int, *, key: str) -> None:
    """What the cells hold, as a table; a row shows its trajectory below, at its costliest step in the cells.

    Args:
        info: the dataset.
        table: of `state_maps.trajectories_inside`, one row a trajectory.
        n_cells: how many are selected.
        key: of the map.
    """
    labels = resources.label_state(info).labels[table["trajectory"]]
    chosen = table["trajectory"].tolist()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plural(int(table['steps'].sum()), 'step')} of {plural(len(table), 'trajectory')}** "
            f"in {plural(n_cells, 'cell')}",
            width="content",
        )
        if st.button("Select these on the Label page", icon=":material/checklist:", disabled=table.empty):
            selection.select(info, chosen)
            st.switch_page("views/label.py")
        n_open = int((labels == "none").sum())
        if st.button(f"Review these next ({n_open} unlabelled)", icon=":material/rate_review:", disabled=not n_open):
            review_next(info, [_item(row) for row in table.itertuples()])
            st.switch_page("views/review.py")
        st.button("Clear", icon=":material/deselect:", on_click=clear_cells, args=(key,), type="tertiary")
    # The selection is a row number: in another table it would mean another trajectory, so these are in the key.
    rows_key = f"{key}.inside.{info.id}.{hash(tuple(chosen))}"
    st.dataframe(
        _shown(table, labels),
        key=rows_key,
        height=min(260, 38 + 35 * len(table)),
        hide_index=True,
        on_select=lambda: _choose(rows_key, table),
        selection_mode="single-row",
        column_config={
            "label": label_column(120),
            "steps": st.column_config.NumberColumn("steps there"),
            "learned_cost": st.column_config.NumberColumn("mean learned cost there", format="%.3f"),
            "true_cost": st.column_config.NumberColumn("mean true cost there", format="%.3f"),
            "costliest": st.column_config.NumberColumn("costliest step", help="Where the cursor is put below."),
        },
    )


def _item(row: Any) -> QueueItem:
    there = f"{plural(row.steps, 'step')} in the cells that you chose"
    return QueueItem(int(row.trajectory), f"{there}, mean learned cost there {row.learned_cost:.2f}.")


def _shown(table: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    shown = table.assign(label=label_cells(labels, table.index))
    columns = ("trajectory", "label", "steps", "learned_cost", "true_cost", "costliest")
    return shown[[column for column in columns if column in shown]]


@callback
def _choose(key: str, table: pd.DataFrame) -> None:
    rows = state.widget_value(key)["selection"]["rows"]
    if rows and rows[0] < len(table):
        row = table.iloc[rows[0]]
        lead_on(int(row["trajectory"]), int(row["costliest"]))
