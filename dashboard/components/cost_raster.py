"""All trajectories by time: sorted, grouped and aligned as one likes; a click on a step leads on to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources, run_resources, state
from dashboard.charts_theme import LABEL_COLOURS, LABEL_WORDS, LEARNED_COST_SCALE, TRUE_COST_SCALE
from dashboard.columns import STEP, TRAJECTORY, axis_words
from dashboard.components.browser import encoded, source
from dashboard.components.downloads import SCRIPT, STYLE
from dashboard.components.figure import file_stem
from dashboard.components.trajectory_below import follow, lead_on
from dashboard.drawing import fragment
from dashboard.run_resources import StepValue
from dashboard.telling import callback
from safemil_core.assessment import rasters
from safemil_core.assessment.rasters import Alignment, Layout, Picture, Window
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

KEY = "costs.raster"
MOST_ROWS, MOST_COLUMNS = 480, 800
"""Cells of a picture: about the pixels that it is drawn on."""

TIME_WORDS: dict[Alignment, str] = {
    "start": "step",
    "end": "steps from the last one",
    "first spike": "steps from the first spike",
}
LABELS = tuple(LABEL_WORDS)


@dataclass(frozen=True)
class Arrangement:
    """How the rows lie."""

    value: StepValue
    column: str
    is_descending: bool
    is_grouped: bool
    align: Alignment


def cost_raster(info: DatasetInfo, run: Run) -> None:
    """One row a trajectory, time along it, the colour the cost of a step."""
    _raster(info, run)


@fragment()
def _raster(info: DatasetInfo, run: Run) -> None:
    follow()
    table = run_resources.raster_table(info, run)
    arrangement = _arrangement(info, run, table)
    steps, high = run_resources.step_levels(info, run, arrangement.value)
    labels = table["label"].map(LABELS.index).to_numpy()
    layout = arranged(table, labels, arrangement, resources.trajectories(info).offsets)
    key = hashlib.blake2b(
        repr((info.id, run_resources.results_name(run), astuple(arrangement))).encode(), digest_size=8
    ).hexdigest()
    sizes = np.bincount(labels, minlength=len(LABELS)).tolist() if arrangement.is_grouped else []
    shown = rasters.picture(
        steps,
        layout,
        _window(key, layout),
        most_rows=MOST_ROWS,
        most_columns=MOST_COLUMNS,
        breaks=tuple(np.cumsum(sizes).tolist()),
    )
    _component(
        key=KEY,
        data={
            "key": key,
            "file": file_stem(KEY),
            "name": STEP[arrangement.value],
            "scale": TRUE_COST_SCALE if arrangement.value == "true" else LEARNED_COST_SCALE,
            "high": high,
            "time_name": TIME_WORDS[arrangement.align],
            "chosen": {"trajectory": state.trajectory.get(), "step": state.step.get()},
            **drawing(layout, labels, shown, sizes),
        },
        default={"view": None, "chosen": None},
        on_view_change=lambda: None,
        on_chosen_change=lambda: _choose(info),
        height="content",
    )


def arranged(table: pd.DataFrame, labels: np.ndarray, arrangement: Arrangement, offsets: np.ndarray) -> Layout:
    """The rows in their order, and their steps at their times.

    Args:
        table: one row a trajectory, see `run_resources.raster_table`.
        labels: [N] the place of each trajectory's label in LABELS.
        arrangement: how they are to lie.
        offsets: [N + 1] where trajectories begin.
    """
    keys = labels if arrangement.column == "label" else table[arrangement.column].to_numpy()
    order = rasters.row_order(keys, labels if arrangement.is_grouped else None, is_descending=arrangement.is_descending)
    return Layout(order, rasters.origins(arrangement.align, offsets, table["first_spike"].to_numpy()), offsets)


def drawing(layout: Layout, labels: np.ndarray, shown: Picture, sizes: list[int]) -> dict[str, Any]:
    """The rows and a picture of them as the browser draws them; `sizes` are those of the groups, if there are any."""
    counts = np.bincount(labels, minlength=len(LABELS)).tolist()
    return {
        "order": encoded(layout.order, "<i4"),
        "origins": encoded(layout.origins[layout.order], "<i4"),
        "labels": encoded(labels[layout.order], "u1"),
        "label_keys": [
            {"name": LABEL_WORDS[label], "colour": LABEL_COLOURS[label], "n": n}
            for label, n in zip(LABELS, counts, strict=True)
        ],
        "groups": [{"name": LABEL_WORDS[label], "n": n} for label, n in zip(LABELS, sizes, strict=False) if n],
        "times": layout.times,
        "picture": {
            "times": shown.window.times,
            "edges": encoded(shown.row_edges, "<i4"),
            "width": shown.width,
            "levels": encoded(shown.levels, "u1"),
            # Where each cell is one step, there is nothing within it to tell apart.
            "rows_within": encoded(shown.rows_within, "u1") if np.diff(shown.row_edges).max() > 1 else None,
            "times_within": encoded(shown.times_within, "u1") if shown.width > 1 else None,
        },
    }


def _arrangement(info: DatasetInfo, run: Run, table: pd.DataFrame) -> Arrangement:
    """The choices above the picture."""
    known = run_resources.step_values(info, run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value: StepValue = "learned"
        if len(known) > 1:
            value = st.segmented_control(
                "Show", known, format_func=STEP.__getitem__, default="learned", required=True, **_kept("value")
            )
        column = st.selectbox(
            "Sorted by",
            sorted(map(str, table), key=_place),
            index=1,
            format_func=lambda name: axis_words(name, info.observation_names),
            width=220,
            **_kept("sort"),
        )
        direction = st.segmented_control(
            "Order", ["Highest first", "Lowest first"], default="Highest first", required=True, **_kept("direction")
        )
        align = st.segmented_control(
            "Aligned at",
            rasters.ALIGNMENTS,
            default="start",
            required=True,
            help="The first spike is the first step that reaches half of its trajectory's highest cost.",
            **_kept("align"),
        )
        is_grouped = st.toggle("Grouped by label", value=True, **_kept("grouped"))
    return Arrangement(value, column, direction == "Highest first", is_grouped, align)


def _place(column: str) -> int:
    """Of a column among those to sort by: what people ask for first, all else as it comes."""
    return list(TRAJECTORY).index(column) if column in TRAJECTORY else len(TRAJECTORY)


def _kept(name: str) -> Mapping[str, Any]:
    return {"key": f"costs.raster.{name}", "persist_state": "session"}


def _window(key: str, layout: Layout) -> Window:
    """What the browser has zoomed into, and asks for; all where that belongs to another arrangement."""
    rows, times = (0, len(layout.order)), layout.times
    match (state.widget_value(KEY) or {}).get("view"):
        case {"key": str(asked), "rows": [int(top), int(bottom)], "times": [int(first), int(end)]} if asked == key:
            top, bottom = max(top, rows[0]), min(bottom, rows[1])
            first, end = max(first, times[0]), min(end, times[1])
            if top < bottom and first < end:
                return Window((top, bottom), (first, end))
    return Window(rows, times)


@callback
def _choose(info: DatasetInfo) -> None:
    match (state.widget_value(KEY) or {}).get("chosen"):
        case {"trajectory": int(trajectory), "step": int(step)} if 0 <= trajectory < info.n_trajectories:
            lead_on(trajectory, step)


_component = st.components.v2.component(
    "safemil_raster",
    html=source("cost_raster.html"),
    css=STYLE + source("cost_raster.css"),
    js=SCRIPT + source("component.js", "canvas.js", "raster_drawing.js", "cost_raster.js"),
)
