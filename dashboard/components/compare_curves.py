"""The curves of several runs over one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import run_resources
from dashboard.charts_live import Curve, Panel
from dashboard.charts_theme import run_style
from dashboard.components.choice import choice
from dashboard.components.curves import curves
from safemil_core.running.comparison import CURVES, Compared, curve, smoothed

OVER = {"update": "updates", "seconds": "seconds"}


def compare_curves(chosen: Sequence[Compared], names: Mapping[str, str], numbers: Mapping[str, int]) -> None:
    """One metric of all chosen runs, over updates or time.

    Args:
        chosen: the runs.
        names: what to call each, by its id.
        numbers: the place of each that gives it its colour.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    metric = choice("Curve", "compare.curve", CURVES, row)
    over = choice("Over", "compare.over", OVER, row)
    share = row.slider(
        "Smoothing",
        0.0,
        0.99,
        step=0.01,
        key="compare.smoothing",
        persist_state="session",
        width=220,
        help="Each point is moved towards the mean of those before it by this share.",
    )
    drawn = []
    for it in chosen:
        values = smoothed(curve(run_resources.metrics(it.run), metric, over), share)
        style = run_style(numbers[it.run.id])
        x, y = values.index.to_numpy(float), values.to_numpy(float)
        drawn.append(Curve(names[it.run.id], x, y, style.colour, style.dash))
    curves([Panel(CURVES[metric], tuple(drawn), x_name=over)], key="compare.curves", columns=1, height=380)
