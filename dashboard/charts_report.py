"""Charts that a report shows and no page: what pages draw on a canvas, as Plotly figures. Imports no Streamlit."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go

from dashboard.charts_live import Panel
from dashboard.charts_theme import (
    LABEL_COLOURS,
    LABEL_WORDS,
    LEARNED_COST_SCALE,
    TRUE_COST_SCALE,
    dashed,
    plain,
    themed,
)
from dashboard.decimation import decimated
from safemil_core.assessment.histograms import middles
from safemil_core.assessment.rasters import N_LEVELS, Picture
from safemil_core.assessment.state_maps import StateMap

N_POINTS = 800
"""Of a curve."""


def curve_panel(panel: Panel) -> go.Figure:
    """Curves that share their axes; long ones thinned."""
    figure = go.Figure()
    for curve in panel.curves:
        is_number = np.isfinite(curve.y)
        x, y = curve.x[is_number], curve.y[is_number]
        drawn = decimated(y, N_POINTS)
        dash = dashed(curve.dash)
        figure.add_scatter(
            x=x[drawn],
            y=y[drawn].astype(np.float32),
            mode="lines",
            name=curve.name,
            line={"color": curve.colour, "dash": dash, "width": 1.6},
        )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title=panel.x_name)
    return themed(figure, height=240)


def cost_over_time(picture: Picture, labels: np.ndarray, highest: float) -> go.Figure:
    """All trajectories over time, the highest cost of each cell; on the left a strip of the labels' colours.

    Args:
        picture: as `rasters.picture` makes it.
        labels: [N] the label of each row.
        highest: the cost at the end of the scale.
    """
    begin, end = picture.window.times
    costs = np.where(picture.levels > 0, (picture.levels.astype(np.float32) - 1) * highest / (N_LEVELS - 1), np.nan)
    rows = (picture.row_edges[:-1] + picture.row_edges[1:] - 1) / 2
    figure = go.Figure(
        go.Heatmap(
            x=np.arange(costs.shape[1]) * picture.width + begin,
            y=rows,
            z=costs.round(3),
            zmin=0.0,
            zmax=highest,
            colorscale=list(LEARNED_COST_SCALE),
            colorbar={"title": {"text": "learned cost"}, "thickness": 12, "outlinewidth": 0},
            hovertemplate="row %{y:.0f}, step %{x}<br>learned cost %{z:.3f}<extra></extra>",
        )
    )
    strip = -0.015 * (end - begin)
    for label, words in LABEL_WORDS.items():
        with_label = np.flatnonzero(labels == label)
        if len(with_label):
            low, high = int(with_label[0]) - 0.5, int(with_label[-1]) + 0.5
            figure.add_scatter(
                x=[strip, strip], y=[low, high], mode="lines", name=words, hoverinfo="skip",
                line={"color": LABEL_COLOURS[label], "width": 7},
            )  # fmt: skip
    figure.update_xaxes(title="step", showgrid=False, zeroline=False)
    figure.update_yaxes(
        title="trajectories", showgrid=False, zeroline=False, showticklabels=False, range=[len(labels) - 0.5, -0.5]
    )
    return themed(figure, height=420)


def state_map(
    found: StateMap,
    edges: tuple[np.ndarray, np.ndarray],
    names: tuple[str, str],
    kind: Literal["learned", "true"],
) -> go.Figure:
    """A heatmap of cost over two dimensions; hovering shows how many steps a cell stands for.

    Args:
        edges: of its columns and of its rows.
        names: of the dimension along its columns and the one along its rows.
    """
    x_name, y_name = map(plain, names)
    figure = go.Figure(
        go.Heatmap(
            x=middles(edges[0]),
            y=middles(edges[1]),
            z=found.values.astype(np.float32),
            customdata=found.counts,
            zmin=0.0,
            colorscale=list(LEARNED_COST_SCALE if kind == "learned" else TRUE_COST_SCALE),
            colorbar={"title": {"text": f"{kind} cost"}, "thickness": 12, "outlinewidth": 0},
            hovertemplate=(
                f"{kind} cost %{{z:.3f}}<br>%{{customdata}} steps<br>"
                f"{x_name} %{{x:.3g}}<br>{y_name} %{{y:.3g}}<extra></extra>"
            ),
        )
    )
    figure.update_xaxes(title=x_name, showgrid=False, zeroline=False)
    figure.update_yaxes(title=y_name, showgrid=False, zeroline=False)
    return themed(figure, height=420)
