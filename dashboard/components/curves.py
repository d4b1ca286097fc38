"""Panels of curves, drawn in the browser on a canvas: they change in place as rows come, without a flicker.

Long curves are thinned to what the screen can show. A cursor goes through all panels at once, with the values there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts_live import Curve, Panel
from dashboard.components.browser import encoded, source
from dashboard.components.downloads import SCRIPT, STYLE
from dashboard.components.figure import file_stem
from dashboard.decimation import decimated

N_POINTS = 1_600
"""Of a curve, at most: two for each pixel of a panel that is half as wide as a page."""


def curves(panels: Sequence[Panel], key: str, *, columns: int = 2, height: int = 210) -> None:
    """Draw panels, `columns` beside each other where the page is wide enough, each so many pixels high."""
    data = {"panels": drawing(panels), "columns": columns, "height": height, "name": file_stem("")}
    _curves(key=key, data=data, height="content")


def drawing(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """The panels as the browser draws them: points that are no numbers left out, long curves thinned."""
    return [
        {"title": panel.title, "xName": panel.x_name, "curves": [_curve(curve) for curve in panel.curves]}
        for panel in panels
    ]


def _curve(curve: Curve) -> dict[str, Any]:
    is_number = np.isfinite(curve.y)
    x, y = curve.x[is_number], curve.y[is_number]
    drawn = decimated(y, N_POINTS - 2)
    if len(drawn) < len(y):  # where the curve begins, and where it has got to
        drawn = np.union1d(drawn, [0, len(y) - 1])
    return {
        "name": curve.name,
        "colour": curve.colour,
        "dash": curve.dash,
        "x": encoded(x[drawn], "<f8"),  # beyond 16,777,216, float32 has no odd numbers
        "y": encoded(y[drawn], "<f4"),
    }


_curves = st.components.v2.component(
    "safemil_curves",
    css=STYLE + source("curves.css"),
    js=SCRIPT + source("component.js", "canvas.js", "curves.js"),
)
