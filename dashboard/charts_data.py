"""Charts of trajectories and their labels. Tables in, Plotly figures out; imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts_theme import LABEL_COLOURS, LABEL_WORDS, MAX_SVG_POINTS, UNLABELLED, plain, themed
from dashboard.columns import axis_words
from safemil_core.assessment.histograms import middles
from safemil_core.assessment.summaries import Paths


def trajectory_scatter(
    table: pd.DataFrame,
    labels: np.ndarray,
    names: Sequence[str] = (),
    height: int = 300,
    axes: tuple[str, str] | None = None,
) -> go.Figure:
    """One point per trajectory, coloured by label.

    Args:
        table: with `trajectory` and the columns that are drawn, for example of `DatasetStore.table`.
        labels: [N] the label of each row.
        names: the observation dimensions' names, for their means.
        height: in pixels.
        axes: the columns across and up; `default_axes` where None.
    """
    x, y = axes or default_axes(table)
    x_title, y_title = plain(axis_words(x, names)), plain(axis_words(y, names))
    scatter = go.Scattergl if len(table) > MAX_SVG_POINTS else go.Scatter
    figure = go.Figure()
    for label in ("none", "unsure", "preferred", "non_preferred"):  # the marked ones on top
        rows = labels == label
        if rows.any():
            figure.add_trace(
                scatter(
                    x=table.loc[rows, x].to_numpy(dtype=np.float32),
                    y=table.loc[rows, y].to_numpy(dtype=np.float32),
                    customdata=table.loc[rows, "trajectory"].to_numpy(),
                    mode="markers",
                    name=f"{LABEL_WORDS[label]} ({int(rows.sum())})",
                    marker={"color": LABEL_COLOURS[label], "size": 7, "opacity": 0.75},
                    hovertemplate=f"trajectory %{{customdata}}<br>{x_title} %{{x:.4g}}<br>{y_title} %{{y:.4g}}"
                    "<extra></extra>",
                )
            )
    figure.update_layout(dragmode="select", xaxis_title=x_title, yaxis_title=y_title, legend_traceorder="reversed")
    return themed(figure, height, has_numbers_alone=True)


def length_histogram(lengths: np.ndarray) -> go.Figure:
    """How many trajectories have how many steps."""
    counts, edges = np.histogram(lengths, bins=min(30, int(lengths.max() - lengths.min()) + 1))
    figure = go.Figure(
        go.Bar(
            x=middles(edges),
            y=counts,
            width=np.diff(edges),
            marker={"color": UNLABELLED, "line": {"width": 0}},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1).tolist(),
            hovertemplate="%{y} trajectories of %{customdata[0]:.0f} to %{customdata[1]:.0f} steps<extra></extra>",
        )
    )
    figure.update_layout(xaxis_title="length (steps)", yaxis_title="trajectories", bargap=0)
    return themed(figure, height=300)


def region_figure(paths: Paths, x_name: str, y_name: str, height: int = 300) -> go.Figure:
    """Many paths to draw a region on. It shows nothing that changes: a new figure would forget what was drawn."""
    figure = go.Figure(
        go.Scattergl(
            x=paths.x,
            y=paths.y,
            mode="lines",
            line={"color": UNLABELLED, "width": 1},
            opacity=0.35,
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.update_layout(dragmode="lasso", xaxis_title=plain(x_name), yaxis_title=plain(y_name))
    return themed(figure, height)


def default_axes(table: pd.DataFrame) -> tuple[str, str]:
    """Return over true cost where both are known, else the mean position, else as much of it as there is."""
    if {"return", "true_cost"} <= set(table.columns):
        return "true_cost", "return"
    if "mean 0" not in table.columns:
        return "trajectory", "length"
    return "mean 0", "mean 1" if "mean 1" in table.columns else "length"
