"""Trajectories by costs and weights, as Plotly figures. Takes arrays and tables; imports no Streamlit and computes
nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts_theme import LABEL_COLOURS, LABEL_WORDS, themed
from dashboard.columns import TRAJECTORY
from safemil_core.assessment.histograms import middles

MOST_POINTS = 500
"""Of a label: a figure that follows a slider must be drawn anew within some 200 ms."""


def histogram(edges: np.ndarray, counts: Mapping[Any, np.ndarray], title: str) -> go.Figure:
    """Trajectories by a value, stacked by label."""
    figure = go.Figure()
    for label, words in LABEL_WORDS.items():
        if label in counts:
            figure.add_bar(
                x=middles(edges),
                y=counts[label],
                width=np.diff(edges),
                name=words,
                marker={"color": LABEL_COLOURS[label], "line": {"width": 0}},
                hovertemplate=f"%{{y}} {words}<br>{title} around %{{x:.3g}}<extra></extra>",
            )
    figure.update_layout(barmode="stack", bargap=0, legend_traceorder="normal")  # of stacked bars Plotly's is reversed
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
    facts = "".join(f"<br>{TRAJECTORY[name]} %{{customdata[{i}]:.1f}}" for i, name in enumerate(known, start=1))
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
