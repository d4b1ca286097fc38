"""A learned cost against the true one, as Plotly figures. Takes what `assessment.truth` found; imports no Streamlit."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts_theme import LEARNED_COST, TRUE_COST, UNLABELLED, themed
from safemil_core.assessment.truth import Calibration, Cut, Ranking

HEIGHT = 320
_SHARES = {"range": [0, 1.02], "zeroline": False, "tickformat": ".0%"}


def roc(ranking: Ranking, at: Cut) -> go.Figure:
    """True over false positive rate; needs items of both kinds."""
    figure = go.Figure()
    _guess(figure, [0, 1], [0, 1])
    _curve(
        figure,
        np.append(0.0, ranking.false_positive_rate),
        np.append(0.0, ranking.recall),
        "of the others %{x:.1%}<br>of the violating %{y:.1%}",
    )
    _threshold(figure, at.false_positive_rate, at.recall)
    figure.update_xaxes(title="false positive rate", **_SHARES)
    figure.update_yaxes(title="true positive rate", **_SHARES)
    return themed(figure, HEIGHT)


def precision_recall(ranking: Ranking, at: Cut) -> go.Figure:
    """Precision over recall; needs a violating item."""
    figure = go.Figure()
    share = ranking.n_violating / ranking.n
    _guess(figure, [0, 1], [share, share])
    _curve(figure, ranking.recall, ranking.precision, "found %{x:.1%}<br>of those looked at, %{y:.1%} violate")
    _threshold(figure, at.recall, at.precision)
    figure.update_xaxes(title="recall: share of the violating that is found", **_SHARES)
    figure.update_yaxes(title="precision", **_SHARES)
    return themed(figure, HEIGHT)


def found_by_looking(ranking: Ranking, at: Cut, items: str) -> go.Figure:
    """Share of the violating found over how many one looks at, costliest first; needs a violating item.

    Args:
        ranking: of the items.
        at: what the chosen threshold makes of them.
        items: what they are, `steps` or `trajectories`.
    """
    figure = go.Figure()
    _guess(figure, [0, ranking.n], [0, 1])
    figure.add_scatter(
        x=[0, ranking.n_violating, ranking.n],
        y=[0, 1, 1],
        mode="lines",
        name="at best",
        line={"color": TRUE_COST, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    _curve(
        figure, np.append(0, ranking.looked), np.append(0.0, ranking.recall), f"%{{x:,}} {items}<br>%{{y:.1%}} found"
    )
    _threshold(figure, at.looked, at.recall)
    figure.update_xaxes(title=f"{items} looked at, costliest first", range=[0, ranking.n], zeroline=False)
    figure.update_yaxes(title=f"share of violating {items} found", **_SHARES)
    return themed(figure, HEIGHT)


def calibration(found: Calibration, items: str) -> go.Figure:
    """What share violates over the learned cost, a point for each bin of about equally many items.

    Args:
        found: the bins.
        items: what they are, `steps` or `trajectories`.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="as it should be",
        line={"color": UNLABELLED, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=found.score,
        y=found.share,
        mode="lines+markers",
        name="violating",
        customdata=found.counts,
        line={"color": TRUE_COST, "width": 2},
        marker={"size": 7},
        hovertemplate=f"mean c %{{x:.3f}}<br>violating %{{y:.1%}}<br>%{{customdata:,}} {items}<extra></extra>",
        cliponaxis=False,
    )
    figure.update_xaxes(title=f"learned cost c, mean of the {items} in a bin", range=[0, 1.02], zeroline=False)
    figure.update_yaxes(title="share of violating steps", **_SHARES)
    return themed(figure, HEIGHT)


def _curve(figure: go.Figure, x: np.ndarray, y: np.ndarray, hover: str) -> None:
    figure.add_scatter(
        x=x,
        y=y.astype(np.float32),
        mode="lines",
        name="learned cost",
        line={"color": LEARNED_COST, "width": 2.5},
        hovertemplate=f"{hover}<extra></extra>",
    )


def _guess(figure: go.Figure, x: list[float], y: list[float]) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name="a guess",
        line={"color": UNLABELLED, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )


def _threshold(figure: go.Figure, x: float | None, y: float | None) -> None:
    if x is not None and y is not None:
        figure.add_scatter(
            x=[x],
            y=[y],
            mode="markers",
            name="the threshold",
            marker={"color": LEARNED_COST, "size": 12, "symbol": "diamond", "line": {"width": 1.5, "color": "#222"}},
            hoverinfo="skip",
            cliponaxis=False,
        )
