"""What a run has learned, as Plotly figures. Takes arrays and tables; imports no Streamlit and computes nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts_theme import (
    LABEL_COLOURS,
    LABEL_WORDS,
    LEARNED_COST,
    LEARNED_COST_SCALE,
    POLICY_COLOURS,
    POLICY_WORDS,
    TRUE_COST,
    plain,
    themed,
)
from safemil_core.assessment.maps import Raster, StateMap

MAX_CELLS = 250_000
"""A heatmap of more cells takes the browser seconds."""
MAX_SVG_POINTS = 2_000
"""Above this many, points are drawn by WebGL."""
MAX_CLICK_POINTS = 8_000
"""Invisible points that take the clicks on a raster: a heatmap's own cells cannot be selected in Streamlit."""

TRUE_COST_SCALE = ("rgba(122,133,148,0.28)", TRUE_COST)


def state_map(
    found: StateMap, x_name: str, y_name: str, kind: Literal["learned", "true"], highest: float | None = None
) -> go.Figure:
    """A heatmap of cost over two dimensions; hovering shows how many steps a cell stands for.

    Args:
        highest: the cost at the end of the scale; that of the costliest cell where None.
    """
    figure = go.Figure(
        go.Heatmap(
            x=_middles(found.x_edges),
            y=_middles(found.y_edges),
            z=found.values.astype(np.float32),
            customdata=found.counts,
            zmin=0.0,
            zmax=highest,
            colorscale=list(LEARNED_COST_SCALE if kind == "learned" else TRUE_COST_SCALE),
            colorbar={"title": {"text": f"{kind} cost"}, "thickness": 12, "outlinewidth": 0},
            hovertemplate=(
                f"{kind} cost %{{z:.3f}}<br>%{{customdata}} steps<br>"
                f"{plain(x_name)} %{{x:.3g}}<br>{plain(y_name)} %{{y:.3g}}<extra></extra>"
            ),
        )
    )
    figure.update_xaxes(title=plain(x_name), showgrid=False, zeroline=False)
    figure.update_yaxes(title=plain(y_name), showgrid=False, zeroline=False)
    return themed(figure, height=420)


def raster_columns(n_trajectories: int) -> int:
    """How many columns a raster of so many rows may have."""
    return max(25, min(400, MAX_CELLS // n_trajectories))


def raster(found: Raster, order: np.ndarray, labels: np.ndarray) -> go.Figure:
    """All trajectories over time, one row each, with a strip of label colours on the left; a click selects a row.

    The selected point's `customdata` is the trajectory. The figure does not show what is selected: any change of
    it would make the browser build it anew and forget the selection.

    Args:
        order: [N] the trajectory of each row, the first on top.
        labels: [N] labels by trajectory.
    """
    figure = go.Figure()
    figure.add_heatmap(
        x=found.starts,
        z=found.values,
        zmin=0.0,
        colorscale=list(LEARNED_COST_SCALE),
        colorbar={"title": {"text": "learned cost"}, "thickness": 12, "outlinewidth": 0},
        hoverinfo="skip",
    )
    width = 1 + int(found.starts[-1])
    # A few a row will do: the nearest point, however far, is always one of the row under the pointer.
    n_places = max(1, min(16, len(found.starts), MAX_CLICK_POINTS // len(order)))
    places = ((np.arange(n_places) + 0.5) / n_places * len(found.starts)).astype(int)
    for label, words in reversed(LABEL_WORDS.items()):  # the few that are marked on top of the many that are not
        rows = np.flatnonzero(labels[order] == label)
        if len(rows):
            figure.add_trace(_strip(rows, order[rows], -0.01 * width, words, LABEL_COLOURS[label]))
            figure.add_trace(_click_points(rows, order[rows], found.starts[places], words))
    figure.update_xaxes(title="step", showgrid=False, zeroline=False, range=[-0.02 * width, width - 0.5])
    figure.update_yaxes(
        title="trajectories", showgrid=False, zeroline=False, showticklabels=False, range=[len(order) - 0.5, -0.5]
    )
    figure.update_layout(clickmode="event+select", dragmode="zoom", hovermode="closest", hoverdistance=-1)
    return themed(figure, height=460)


def step_costs(learned: np.ndarray, true: np.ndarray | None, spread: np.ndarray | None = None) -> go.Figure:
    """The learned cost of one trajectory's steps `[T]`, with the true one behind it where it is known, and a band of
    one deviation to either side where an ensemble learned it."""
    figure = go.Figure()
    steps = np.arange(len(learned))
    if true is not None:
        figure.add_scatter(
            x=steps,
            y=true.astype(np.float32),
            name="true cost (never seen in training)",
            line={"color": TRUE_COST, "width": 1, "shape": "hv"},
            fill="tozeroy",
            fillcolor="rgba(0,114,178,0.22)",
            yaxis="y2",
            hovertemplate="true %{y:.3g}",
        )
    if spread is not None:
        figure.add_scatter(
            x=np.concatenate([steps, steps[::-1]]),
            y=np.concatenate([np.minimum(learned + spread, 1.0), np.maximum(learned - spread, 0.0)[::-1]]),
            name="how far its networks differ",
            line={"width": 0},
            fill="toself",
            fillcolor="rgba(204,121,167,0.28)",
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=steps,
        y=learned.astype(np.float32),
        name="learned cost",
        line={"color": LEARNED_COST, "width": 2},
        hovertemplate="learned %{y:.3f}",
    )
    figure.update_layout(
        hovermode="x unified",
        yaxis={"title": "learned cost", "range": [0, 1.02]},
        yaxis2={
            "title": "true cost",
            "overlaying": "y",
            "side": "right",
            "range": [0, 1.02 * max(1.0, 0.0 if true is None else float(true.max()))],
            "showgrid": False,
            "visible": true is not None,
        },
    )
    figure.update_xaxes(title="step", zeroline=False)
    return themed(figure, height=280)


def histogram(edges: np.ndarray, counts: Mapping[Any, np.ndarray], title: str) -> go.Figure:
    """Trajectories by a value, stacked by label."""
    figure = go.Figure()
    for label, words in LABEL_WORDS.items():
        if label in counts:
            figure.add_bar(
                x=_middles(edges),
                y=counts[label],
                width=np.diff(edges),
                name=words,
                marker={"color": LABEL_COLOURS[label], "line": {"width": 0}},
                hovertemplate=f"%{{y}} {words}<br>{title} around %{{x:.3g}}<extra></extra>",
            )
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_xaxes(title=title, zeroline=False)
    figure.update_yaxes(title="trajectories")
    return themed(figure, height=260)


def weight_scatter(table: pd.DataFrame) -> go.Figure:
    """Weight over trajectory cost, one point a trajectory.

    Args:
        table: columns trajectory, cost, weight, label and, where known, return and true_cost.
    """
    figure = go.Figure()
    trace = go.Scattergl if len(table) > MAX_SVG_POINTS else go.Scatter
    known = [column for column in ("return", "true_cost") if column in table]
    facts = "".join(f"<br>{name.replace('_', ' ')} %{{customdata[{i}]:.1f}}" for i, name in enumerate(known, start=1))
    for label, words in LABEL_WORDS.items():
        part = table[table["label"] == label]
        if len(part):
            figure.add_trace(
                trace(
                    x=part["cost"],
                    y=part["weight"],
                    mode="markers",
                    name=words,
                    marker={"color": LABEL_COLOURS[label], "size": 7, "opacity": 0.65},
                    customdata=part[["trajectory", *known]].to_numpy().tolist(),
                    hovertemplate=(
                        "trajectory %{customdata[0]:.0f} · "
                        f"{words}<br>C %{{x:.3g}} → weight %{{y:.3g}}{facts}<extra></extra>"
                    ),
                )
            )
    figure.update_xaxes(title="trajectory cost C", zeroline=False)
    figure.update_yaxes(title="weight", rangemode="tozero")
    return themed(figure, height=340)


def episodes(evaluation: Mapping[str, Any]) -> go.Figure:
    """Return over cost of every episode that was rolled out, by policy; crosses are means with their intervals."""
    figure = go.Figure()
    for policy, words in POLICY_WORDS.items():
        result = evaluation["policies"][policy]
        played = pd.DataFrame(result["episodes"])
        colour = POLICY_COLOURS[policy]
        figure.add_scatter(
            x=played["cost"],
            y=played["return"],
            mode="markers",
            name=words,
            cliponaxis=False,
            marker={"color": colour, "size": 9, "opacity": 0.6},
            customdata=played["seed"].to_list(),
            hovertemplate=f"{words}, seed %{{customdata}}<br>cost %{{x:.1f}}, return %{{y:.1f}}<extra></extra>",
        )
        figure.add_scatter(
            x=[result["cost"]["mean"]],
            y=[result["return"]["mean"]],
            error_x=_whiskers(result["cost"], colour),
            error_y=_whiskers(result["return"], colour),
            mode="markers",
            cliponaxis=False,
            name=f"mean, {words}",
            marker={"color": colour, "size": 13, "symbol": "diamond", "line": {"width": 1.5, "color": "#222"}},
            hovertemplate=f"{words}, mean<br>cost %{{x:.1f}}, return %{{y:.1f}}<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(title="cost of the episode (lower is safer)", rangemode="tozero", zeroline=False)
    figure.update_yaxes(title="return", zeroline=False)
    return themed(figure, height=360)


def _strip(rows: np.ndarray, trajectories: np.ndarray, x: float, words: str, colour: str) -> go.Scattergl:
    """The colour of a label beside its rows."""
    return go.Scattergl(
        x=np.full(len(rows), x, dtype=np.float32),
        y=rows,
        mode="markers",
        marker={"color": colour, "symbol": "square", "size": 6},
        customdata=trajectories,
        name=words,
        hovertemplate=f"trajectory %{{customdata}} · {words}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _click_points(rows: np.ndarray, trajectories: np.ndarray, steps: np.ndarray, words: str) -> go.Scattergl:
    """Invisible points over some rows of a raster that take the clicks and say whose row is under the pointer."""
    return go.Scattergl(
        x=np.tile(steps, len(rows)),
        y=np.repeat(rows, len(steps)),
        mode="markers",
        marker={"opacity": 0, "size": 8},
        customdata=np.repeat(trajectories, len(steps)),
        hovertemplate=f"trajectory %{{customdata}} · {words}<extra></extra>",
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        showlegend=False,
    )


def _whiskers(interval: Mapping[str, float], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [interval["high"] - interval["mean"]],
        "arrayminus": [interval["mean"] - interval["low"]],
        "color": colour,
    }


def _middles(edges: np.ndarray) -> np.ndarray:
    middles: np.ndarray = (edges[:-1] + edges[1:]) / 2
    return middles
