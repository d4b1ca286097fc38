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
    LEARNED_COST_SCALE,
    POLICY_LOOKS,
    TRUE_COST_SCALE,
    Look,
    plain,
    themed,
    whiskers,
)
from safemil_core.assessment.state_maps import StateMap

MOST_POINTS = 500
"""Of a label: a figure that follows a slider must be drawn anew within some 200 ms."""


def state_map(
    found: StateMap,
    edges: tuple[np.ndarray, np.ndarray],
    names: tuple[str, str],
    kind: Literal["learned", "true"],
) -> go.Figure:
    """A heatmap of cost over two dimensions, for reports; hovering shows how many steps a cell stands for.

    Args:
        edges: of its columns and of its rows.
        names: of the dimension along its columns and the one along its rows.
    """
    x_name, y_name = map(plain, names)
    figure = go.Figure(
        go.Heatmap(
            x=_middles(edges[0]),
            y=_middles(edges[1]),
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
    return themed(figure, height=260, has_numbers_alone=True)


def weight_scatter(table: pd.DataFrame) -> go.Figure:
    """Weight over trajectory cost, one point a trajectory; of very many of a label some, evenly by their cost.

    Args:
        table: columns trajectory, cost, weight, label and, where known, return and true_cost.
    """
    figure = go.Figure()
    known = [column for column in ("return", "true_cost") if column in table]
    facts = "".join(f"<br>{name.replace('_', ' ')} %{{customdata[{i}]:.1f}}" for i, name in enumerate(known, start=1))
    for label, words in LABEL_WORDS.items():
        whole = table[table["label"] == label]
        part = whole.sort_values("cost").iloc[:: -(-len(whole) // MOST_POINTS)] if len(whole) > MOST_POINTS else whole
        if len(part):
            figure.add_trace(
                go.Scatter(
                    x=part["cost"],
                    y=part["weight"],
                    mode="markers",
                    name=words if len(part) == len(whole) else f"{words} ({len(part):,} of {len(whole):,} drawn)",
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
    return themed(figure, height=340, has_numbers_alone=True)


def episodes(evaluation: Mapping[str, Any], looks: Mapping[str, Look] = POLICY_LOOKS) -> go.Figure:
    """Return over cost of every episode that was rolled out, by policy; diamonds are means with their intervals."""
    figure = go.Figure()
    for policy, look in looks.items():
        result = evaluation["policies"][policy]
        played = pd.DataFrame(result["episodes"])
        words, colour = plain(look.words), look.colour
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


def _whiskers(of: Mapping[str, float], colour: str) -> dict[str, Any]:
    return whiskers([of["low"]], [of["mean"]], [of["high"]], color=colour)


def _middles(edges: np.ndarray) -> np.ndarray:
    middles: np.ndarray = (edges[:-1] + edges[1:]) / 2
    return middles
