"""Charts of trajectories and their labels. Tables in, Plotly figures out; imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts_theme import LABEL_COLOURS, LABEL_WORDS, TRUE_COST, UNLABELLED, themed
from safemil_core.assessment.summaries import Paths
from safemil_core.data.trajectories import Trajectory

_MANY = 2_000
"""Points from which on WebGL is quicker than SVG."""


def trajectory_scatter(
    table: pd.DataFrame, labels: np.ndarray, names: Sequence[str] = (), height: int = 300
) -> go.Figure:
    """One point per trajectory, coloured by label: return over true cost where known, else its mean position.

    Args:
        table: as `summaries.trajectory_table` gives it.
        labels: [N] the label of each row.
        names: the observation dimensions' names, for the mean position.
    """
    x, y, x_title, y_title = _axes(table, names)
    scatter = go.Scattergl if len(table) > _MANY else go.Scatter
    figure = go.Figure()
    for label in ("none", "preferred", "non_preferred"):  # the marked ones on top
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
    figure.update_layout(dragmode="select", xaxis_title=x_title, yaxis_title=y_title)
    return themed(figure, height)


def length_histogram(lengths: np.ndarray, height: int = 300) -> go.Figure:
    """How many trajectories have how many steps."""
    counts, edges = np.histogram(lengths, bins=min(30, int(lengths.max() - lengths.min()) + 1))
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": UNLABELLED, "line": {"width": 0}},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1).tolist(),
            hovertemplate="%{y} trajectories of %{customdata[0]:.0f} to %{customdata[1]:.0f} steps<extra></extra>",
        )
    )
    figure.update_layout(xaxis_title="length (steps)", yaxis_title="trajectories", bargap=0)
    return themed(figure, height)


def path_figure(
    trajectory: Trajectory, label: str, background: Paths, x: int, y: int, names: Sequence[str], height: int = 360
) -> go.Figure:
    """One trajectory's way through two observation dimensions, before a few others; steps of true cost stand out."""
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=background.x,
            y=background.y,
            mode="lines",
            line={"color": UNLABELLED, "width": 1},
            opacity=0.22,
            hoverinfo="skip",
            showlegend=False,
        )
    )
    points = trajectory.observations[:, [x, y]]
    hover = f"step %{{customdata}}<br>{names[x]} %{{x:.3g}}<br>{names[y]} %{{y:.3g}}<extra></extra>"
    figure.add_trace(
        go.Scatter(
            x=points[:, 0],
            y=points[:, 1],
            customdata=np.arange(len(points)),
            mode="lines",
            name="path",
            line={"color": _PATH_COLOURS[label], "width": 2.5},
            hovertemplate=hover,
            showlegend=False,
        )
    )
    costly = np.flatnonzero(trajectory.costs > 0) if trajectory.costs is not None else np.array([], dtype=int)
    for name, steps, marker in (
        ("true cost", costly, {"color": TRUE_COST, "size": 6}),
        ("start", np.array([0]), {"color": _PATH_COLOURS[label], "size": 11, "symbol": "circle-open-dot"}),
        ("end", np.array([len(points) - 1]), {"color": _PATH_COLOURS[label], "size": 10, "symbol": "square"}),
    ):
        if len(steps):
            figure.add_trace(
                go.Scatter(
                    x=points[steps, 0],
                    y=points[steps, 1],
                    customdata=steps,
                    mode="markers",
                    name=name,
                    marker=marker,
                    hovertemplate=hover,
                )
            )
    figure.update_layout(xaxis_title=names[x], yaxis_title=names[y])
    return themed(figure, height)


_PATH_COLOURS = {**LABEL_COLOURS, "none": "#E69F00"}
"""An unlabelled path in grey would drown in the others behind it: Okabe and Ito's orange."""


def _axes(table: pd.DataFrame, names: Sequence[str]) -> tuple[str, str, str, str]:
    if {"return", "true_cost"} <= set(table.columns):
        return "true_cost", "return", "true cost", "return"
    first, second = "mean 0", "mean 1" if "mean 1" in table.columns else "length"
    titles = [f"mean {name}" for name in names[:2]] or [first, second]
    return first, second, titles[0], titles[1] if len(titles) > 1 else "length (steps)"
