"""The learned cost as a function, as Plotly figures. Takes what `assessment.probe` found; imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts_theme import LEARNED_COST, LEARNED_COST_SCALE, UNLABELLED, plain, themed
from safemil_core.assessment.histograms import middles
from safemil_core.assessment.probe import Density, Line, Plane

HEIGHT = 430
N_BARS = 40
OUTLINES = (("rgba(20,20,30,0.75)", 3.5), ("rgba(255,255,255,0.95)", 1.4))
"""Of where the data lie: bright on dark, so that it is seen at every cost."""


def plane(
    found: Plane,
    names: tuple[str, str],
    here: tuple[float, float],
    data: Density,
    alike: np.ndarray,
    value: np.ndarray | None = None,
) -> go.Figure:
    """A heatmap of the cost over two numbers of a step, and where the data lie in it.

    Args:
        found: the cost.
        names: of the two numbers.
        here: their values in the step.
        data: where the recorded steps lie: outlined.
        alike: [n, 2] those of the steps that are most like this one in all other numbers: dots.
        value: [n, n] what to show in place of the cost, its deviation over an ensemble.
    """
    x_name, y_name = map(plain, names)
    where = f"{x_name} %{{x:.3g}}<br>{y_name} %{{y:.3g}}<extra></extra>"
    figure = go.Figure([_heatmap(found, value, where), *_outlines(data)])
    shown = alike[found.holds(alike)]
    figure.add_scatter(
        x=shown[:, 0],
        y=shown[:, 1],
        mode="markers",
        name="steps most alike",
        marker={"size": 5, "color": "rgba(255,255,255,0.9)", "line": {"width": 1, "color": "#222"}},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[here[0]],
        y=[here[1]],
        mode="markers",
        name="this step",
        marker={"size": 15, "symbol": "x", "color": LEARNED_COST, "line": {"width": 2, "color": "#fff"}},
        hovertemplate=f"this step<br>{where}",
    )
    figure.update_xaxes(title=x_name, range=_ends(found.x), showgrid=False, zeroline=False)
    figure.update_yaxes(title=y_name, range=_ends(found.y), showgrid=False, zeroline=False)
    return themed(figure, HEIGHT, has_numbers_alone=True)


def line(found: Line, name: str, here: float, data: np.ndarray) -> go.Figure:
    """The cost over one number of a step, with the values that the data have [S] as bars below."""
    figure = go.Figure()
    counts, edges = np.histogram(data, bins=N_BARS, range=_ends(found.x))
    figure.add_bar(
        x=middles(edges),
        y=0.25 * counts / max(1, counts.max()),
        width=np.diff(edges),
        customdata=counts,
        name="recorded steps",
        marker={"color": UNLABELLED, "opacity": 0.35, "line": {"width": 0}},
        hovertemplate="%{customdata:,} steps<extra></extra>",
    )
    if found.spread is not None:
        figure.add_scatter(
            x=np.concatenate([found.x, found.x[::-1]]),
            y=np.concatenate(
                [np.minimum(found.costs + found.spread, 1), np.maximum(found.costs - found.spread, 0)[::-1]]
            ),
            name="how far its networks differ",
            line={"width": 0},
            fill="toself",
            fillcolor=LEARNED_COST,
            opacity=0.28,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=found.x,
        y=found.costs,
        mode="lines",
        name="learned cost",
        line={"color": LEARNED_COST, "width": 2.5},
        hovertemplate=f"learned cost %{{y:.3f}}<br>{plain(name)} %{{x:.3g}}<extra></extra>",
    )
    figure.add_vline(x=here, line={"color": UNLABELLED, "dash": "dash", "width": 1.5})
    figure.update_xaxes(title=plain(name), range=_ends(found.x), zeroline=False)
    figure.update_yaxes(title="learned cost", range=[0, 1.02], zeroline=False)
    return themed(figure, HEIGHT, has_numbers_alone=True)


def choices(found: Sequence[Line], names: Sequence[str], taken: Sequence[int]) -> go.Figure:
    """The cost of every choice of each discrete action, the others as they were; those taken stand out."""
    words = [f"{plain(name)} {int(choice)}" for of, name in zip(found, names, strict=True) for choice in of.x]
    is_taken = np.concatenate([of.x == choice for of, choice in zip(found, taken, strict=True)])
    spreads = [of.spread for of in found if of.spread is not None]
    figure = go.Figure(
        go.Bar(
            x=words,
            y=np.concatenate([of.costs for of in found]),
            error_y={"array": np.concatenate(spreads), "color": UNLABELLED} if spreads else None,
            marker={"color": LEARNED_COST, "opacity": np.where(is_taken, 1.0, 0.45), "line": {"width": 0}},
            customdata=np.where(is_taken, "taken in this step", "not taken"),
            hovertemplate="%{x}<br>learned cost %{y:.3f}<br>%{customdata}<extra></extra>",
        )
    )
    figure.update_xaxes(title="choice (solid: taken in this step)", type="category")
    figure.update_yaxes(title="learned cost", range=[0, 1.02], zeroline=False)
    return themed(figure, HEIGHT)


def _heatmap(found: Plane, value: np.ndarray | None, where: str) -> go.Heatmap:
    shown, words = (found.costs, "learned cost") if value is None else (value, "its deviation")
    return go.Heatmap(
        x=found.x,
        y=found.y,
        z=shown,
        zmin=0.0,
        zmax=1.0 if value is None else float(shown.max()),  # it is small, and where it is largest matters
        colorscale=list(LEARNED_COST_SCALE),
        colorbar={"title": {"text": words}, "thickness": 12, "outlinewidth": 0},
        hovertemplate=f"{words} %{{z:.3f}}<br>{where}",
    )


def _outlines(found: Density) -> list[go.Contour]:
    """Of the regions that hold 50 % and 90 % of the steps in the picture."""
    return [
        go.Contour(
            x=found.x,
            y=found.y,
            z=found.held.astype(np.float32),
            contours={"coloring": "none", "start": 0.5, "end": 0.9, "size": 0.4},
            line={"color": colour, "width": width, "smoothing": 1.0},
            name="50, 90 % of steps",
            showlegend=place == 0,
            legendgroup="density",
            showscale=False,
            hoverinfo="skip",
        )
        for place, (colour, width) in enumerate(OUTLINES)
    ]


def _ends(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[-1])
