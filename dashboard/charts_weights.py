"""What-ifs, bags and the worth of more marks, as Plotly figures. Takes arrays and tables; imports no Streamlit and
computes nothing new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts_theme import (
    LABEL_COLOURS,
    LABEL_WORDS,
    LEARNED_COST,
    MAX_SVG_POINTS,
    PREFERRED,
    UNLABELLED,
    themed,
    whiskers,
)
from safemil_core.assessment.label_curve import CurvePoint
from safemil_core.assessment.preferred_share import SURE, preferred_in_bag
from safemil_core.assessment.what_if import BEYOND


def changes_over_noise(table: pd.DataFrame, labels: np.ndarray) -> go.Figure:
    """How far each trajectory's cost moved over how far another seed would move it; outside the wedge it is no chance.

    Args:
        table: as `assessment.what_if.changes` gives it.
        labels: [N] after the edits.
    """
    reach = max(1e-9, float(table["cost_noise"].max())) * 1.05
    figure = go.Figure(
        go.Scatter(
            x=[0, reach, reach, 0],
            y=[0, BEYOND * reach, -BEYOND * reach, 0],
            mode="lines",
            fill="toself",
            fillcolor="rgba(119,122,125,0.15)",
            line={"width": 0},
            name=f"within {BEYOND:.0f} deviations of the noise",
            hoverinfo="skip",
        )
    )
    _points_by_label(
        figure,
        table.assign(label=labels),
        x="cost_noise",
        y="cost_change",
        hover="C changes by %{y:+.3g} ± %{x:.2g}",
    )
    furthest = max(1e-9, float(np.percentile(table["cost_noise"], 99))) * 1.3  # one outlier would squeeze all others
    figure.update_xaxes(title="what another seed changes (deviation)", range=[0, furthest], zeroline=False)
    highest = max(1e-9, float(table["cost_change"].abs().max())) * 1.1
    figure.update_yaxes(title="change of C", range=[-highest, highest], zeroline=True)
    return themed(figure, height=380)


def preview_over_cost(table: pd.DataFrame) -> go.Figure:
    """Where the preview expects costs to move: its order counts, the largest is 1.

    Args:
        table: columns trajectory, cost, strength and label.
    """
    figure = go.Figure()
    _points_by_label(figure, table, x="cost", y="strength", hover="C %{x:.3g} · preview %{y:+.2f}")
    figure.update_xaxes(title="trajectory cost C of the run", zeroline=False)
    figure.update_yaxes(title="preview", range=[-1.08, 1.08], zeroline=True)
    return themed(figure, height=300)


def bag_curves(
    alphas: Mapping[str, float],
    bag_sizes: np.ndarray,
    *,
    used: int,
    recommended: int | None = None,
    band: tuple[float, float] | None = None,
) -> go.Figure:
    """Lemma 1: how likely an unlabelled bag holds a preferred trajectory, over its size K.

    Args:
        alphas: share of preferred trajectories by what it is called.
        bag_sizes: [n] K along the axis.
        used: K of the run.
        recommended: K that is asked for, where it is known.
        band: lowest and highest alpha that the audit leaves possible.
    """
    figure = go.Figure()
    if band is not None:
        low, high = (preferred_in_bag(alpha, bag_sizes) for alpha in band)
        figure.add_scatter(
            x=np.concatenate([bag_sizes, bag_sizes[::-1]]),
            y=np.concatenate([high, low[::-1]]),
            fill="toself",
            fillcolor="rgba(69,181,146,0.2)",
            line={"width": 0},
            name="95 % interval of the audit",
            hoverinfo="skip",
        )
    dashes = ("solid", "dash", "dot", "dashdot")
    for place, (words, alpha) in enumerate(alphas.items()):
        figure.add_scatter(
            x=bag_sizes,
            y=preferred_in_bag(alpha, bag_sizes),
            mode="lines",
            line={"color": PREFERRED, "width": 2, "dash": dashes[place % len(dashes)]},
            name=words,
            hovertemplate="K = %{x}: %{y:.1%}",
        )
    figure.add_hline(y=SURE, line={"color": UNLABELLED, "width": 1, "dash": "dot"})
    _mark(figure, used, f"the run: K = {used}", "left")
    if recommended is not None and recommended != used:
        _mark(figure, recommended, f"asked for: K = {recommended}", "right")
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(
        title="K, trajectories in a bag", type="log", range=[0, float(np.log10(bag_sizes[-1]))], zeroline=False
    )
    figure.update_yaxes(title="bags with a preferred one", range=[0, 1.02], tickformat=".0%", zeroline=False)
    return themed(figure, height=360)


def moved_by_marks(points: Sequence[CurvePoint]) -> go.Figure:
    """The share of the weight that each batch of marks moved, with its range over seeds, beside what a seed moves."""
    known = [point for point in points if point.moved is not None]
    figure = go.Figure()
    figure.add_scatter(
        x=[point.n_marks for point in points],
        y=[point.noise for point in points],
        mode="lines",
        fill="tozeroy",
        fillcolor="rgba(119,122,125,0.2)",
        line={"color": UNLABELLED, "width": 1},
        name="what another seed moves",
        hovertemplate="a seed moves %{y:.2%}",
    )
    figure.add_scatter(
        x=[point.n_marks for point in known],
        y=[point.moved for point in known],
        error_y=whiskers(
            *([getattr(point, end) or 0 for point in known] for end in ("low", "moved", "high")), color=LEARNED_COST
        ),
        mode="lines+markers",
        line={"color": LEARNED_COST, "width": 2},
        name="what these marks moved",
        hovertemplate="marks moved %{y:.2%}",
    )
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(title="marks", zeroline=False)
    figure.update_yaxes(title="share of the weight that moved", rangemode="tozero", tickformat=".1%", zeroline=False)
    return themed(figure, height=340)


def foretold_marks(points: Sequence[CurvePoint]) -> go.Figure:
    """How well the cost after some marks tells those still to come: 0.5 is chance."""
    known = [point for point in points if point.held_out is not None]
    figure = go.Figure(
        go.Scatter(
            x=[point.n_marks for point in known],
            y=[point.held_out for point in known],
            mode="lines+markers",
            line={"color": LEARNED_COST, "width": 2},
            hovertemplate="after %{x} marks: AUC %{y:.3f}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_hline(y=0.5, line={"color": UNLABELLED, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="marks", zeroline=False)
    figure.update_yaxes(title="AUC of the marks to come", range=[0, 1.02], zeroline=False)
    return themed(figure, height=340)


def _points_by_label(figure: go.Figure, table: pd.DataFrame, *, x: str, y: str, hover: str) -> None:
    trace = go.Scattergl if len(table) > MAX_SVG_POINTS else go.Scatter
    for label, words in LABEL_WORDS.items():
        part = table[table["label"] == label]
        if len(part):
            figure.add_trace(
                trace(
                    x=part[x].to_numpy(),
                    y=part[y].to_numpy(),
                    mode="markers",
                    name=words,
                    marker={"color": LABEL_COLOURS[label], "size": 7, "opacity": 0.65},
                    customdata=part["trajectory"].to_list(),
                    hovertemplate=f"trajectory %{{customdata}} · {words}<br>{hover}<extra></extra>",
                )
            )


def _mark(figure: go.Figure, bag_size: int, words: str, anchor: str) -> None:
    """A line at a K. Plotly wants the logarithm of where an annotation stands, but not of where a shape does."""
    figure.add_vline(x=bag_size, line={"color": UNLABELLED, "width": 1.5})
    figure.add_annotation(
        x=float(np.log10(bag_size)),
        y=0.02,
        xanchor=anchor,
        yanchor="bottom",
        text=words,
        showarrow=False,
        xshift=4 if anchor == "left" else -4,
    )
