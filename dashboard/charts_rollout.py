"""Charts of what a policy lived through in one episode."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts_theme import LEARNED_COST, TRUE_COST, themed


def cost_timeline(learned: np.ndarray, true: np.ndarray | None, step: int, height: int = 230) -> go.Figure:
    """The costs of an episode's steps, [T] each, and a line at the chosen one; a click on a point chooses its step."""
    steps = np.arange(len(learned))
    figure = go.Figure()
    if true is not None:
        figure.add_trace(
            go.Scatter(
                name="true cost",
                x=steps,
                y=true,
                mode="lines",
                line={"width": 0, "shape": "hvh"},
                fill="tozeroy",
                fillcolor=_faint(TRUE_COST),
                hovertemplate="step %{x}: %{y:.3g}",
            )
        )
    figure.add_trace(
        go.Scatter(
            name="learned cost",
            x=steps,
            y=learned,
            mode="lines+markers",
            line={"color": LEARNED_COST, "width": 1.5},
            marker={"size": 4, "color": LEARNED_COST},
            hovertemplate="step %{x}: %{y:.3g}",
        )
    )
    figure.add_vline(x=step, line={"width": 2, "color": "rgba(128, 128, 128, 0.9)"})
    figure.update_layout(hovermode="x", clickmode="event+select", dragmode="zoom")
    figure.update_xaxes(title="step", range=[-0.5, len(learned) - 0.5])
    figure.update_yaxes(title="cost", rangemode="tozero")
    return themed(figure, height)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.25)"
