"""Heatmaps whose cells can be clicked, boxed and lassoed, drawn in the browser: one selection goes through all panels.

The browser keeps the selection while it is made and reports it once, at the end of a gesture, with a serial number; the
later of what it says and what a page set counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from dashboard import state
from dashboard.charts_maps import Grid, MapPanel
from dashboard.components.browser import encoded, source
from dashboard.components.downloads import SCRIPT, STYLE
from dashboard.telling import callback

HEIGHT = 400
"""Of a panel, in pixels; on a wide screen it is up to half as much again."""


@dataclass(frozen=True)
class _Selection:
    """Some cells of a grid, and the how-manieth selection it is."""

    serial: int = 0
    grid: str = ""
    cells: tuple[int, ...] = ()
    """row * columns + column, increasing."""


def cell_map(key: str, grid: Grid, panels: Sequence[MapPanel], *, name: str) -> np.ndarray:
    """Draw panels beside each other.

    Args:
        key: the component's identity on the page.
        grid: what they have in common.
        panels: one or more.
        name: of files that are downloaded.

    Returns:
        The selected cells, row * columns + column, of which none is without steps.
    """
    selection = _selection(key)
    selected = selection.cells if selection.grid == grid.id else ()
    _cells(
        key=key,
        data={
            "grid": grid.id,
            "name": name,
            "height": HEIGHT,
            "x": {"name": grid.x_name, "edges": grid.x_edges.tolist()},
            "y": {"name": grid.y_name, "edges": grid.y_edges.tolist()},
            "counts": encoded(grid.counts, "<u4"),
            "panels": [_panel(panel) for panel in panels],
            "serial": selection.serial,
            "selected": list(selected),
        },
        default={"selection": None},
        on_selection_change=lambda: None,
        height="content",
    )
    cells = np.array(selected, dtype=np.int64)
    return cells[(cells < grid.counts.size) & (grid.counts.reshape(-1)[np.minimum(cells, grid.counts.size - 1)] > 0)]


@callback
def clear_cells(key: str) -> None:
    """In a callback: select nothing."""
    state.remember(f"{key}.selection", _Selection(_selection(key).serial + 1))


def _selection(key: str) -> _Selection:
    """The later of what was kept and what the browser says."""
    kept: _Selection = state.recall(f"{key}.selection", _Selection())
    said = _read((state.widget_value(key) or {}).get("selection"))
    if said is not None and said.serial > kept.serial:
        kept = said
        state.remember(f"{key}.selection", kept)
    return kept


def _read(report: Any) -> _Selection | None:
    """What a browser of ours would say; None for anything else."""
    match report:
        case {"serial": int(serial), "grid": str(grid), "cells": list(cells)} if all(
            isinstance(cell, int) and cell >= 0 for cell in cells
        ):
            return _Selection(serial, grid, tuple(sorted(cells)))
        case _:
            return None


def _panel(panel: MapPanel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "values": encoded(panel.values, "<f4"),
        "scale": panel.scale if isinstance(panel.scale, tuple) else dict(panel.scale),
        "low": panel.low,
        "high": panel.high,
        "log": panel.is_log,
        "unit": panel.unit,
    }


_cells = st.components.v2.component(
    "safemil_cells",
    css=STYLE + source("cell_map.css"),
    js=SCRIPT + source("component.js", "canvas.js", "cell_drawing.js", "cell_map.js"),
)
