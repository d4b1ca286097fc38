"""An additive cost as Plotly figures: its curves, and its surfaces. Takes arrays; imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts_inputs import ADDED_SCALE
from dashboard.charts_theme import LEARNED_COST, UNLABELLED, plain, themed
from safemil_core.assessment.cost_curves import Curve, Surface
from safemil_core.assessment.histograms import middles

N_COLUMNS = 3
N_BARS = 40
ROW, FRAME = 215, 60
"""Pixels of a row of small charts, and of what is around all of them."""


def curves(found: Sequence[Curve], names: Sequence[str], data: np.ndarray, here: np.ndarray) -> go.Figure:
    """A small chart for each curve, all with the same height of a unit, so that they can be compared.

    Args:
        found: the curves, in order.
        names: of the inputs.
        data: [S, D] inputs of steps that stand for all: where they are, there are bars.
        here: [D] those of the chosen step: marked.
    """
    figure = _grid([names[curve.input] for curve in found])
    heights = np.concatenate([curve.heights.ravel() for curve in found])
    low, high = float(heights.min()), float(heights.max())
    margin = 0.08 * max(high - low, 0.1)
    floor, ceiling = low - 4 * margin, high + margin  # room for the bars below
    for place, curve in enumerate(found):
        at = {"row": place // N_COLUMNS + 1, "col": place % N_COLUMNS + 1}
        values, name = data[:, curve.input], plain(names[curve.input])
        # The central 99 %, and the chosen step: a single far value would make all the rest a line.
        ends = np.quantile(values, [0.005, 0.995])
        ends = min(ends[0], here[curve.input]), max(ends[1], here[curve.input])
        figure.add_trace(_density(values, ends, floor, 3 * margin), **at)
        x = np.unique(np.concatenate([curve.x.clip(*ends), ends]))
        if len(curve.heights) > 1:
            for of_network in curve.heights:
                figure.add_scatter(
                    x=x, y=np.interp(x, curve.x, of_network), mode="lines", hoverinfo="skip",
                    line={"color": LEARNED_COST, "width": 1}, opacity=0.4, **at,
                )  # fmt: skip
        figure.add_scatter(
            x=x, y=curve.at(x), mode="lines", line={"color": LEARNED_COST, "width": 2.5},
            hovertemplate=f"{name} %{{x:.3g}}<br>adds %{{y:+.2f}}<extra></extra>", **at,
        )  # fmt: skip
        figure.add_scatter(
            x=[here[curve.input]], y=[float(curve.at(here[curve.input]))], mode="markers",
            marker={"size": 11, "symbol": "x", "color": LEARNED_COST, "line": {"width": 1.5, "color": "#fff"}},
            hovertemplate=f"this step<br>{name} %{{x:.3g}}<br>adds %{{y:+.2f}}<extra></extra>", **at,
        )  # fmt: skip
        figure.add_hline(y=0, line={"color": UNLABELLED, "width": 1, "dash": "dot"}, **at)
    figure.update_xaxes(zeroline=False, showgrid=False)
    figure.update_yaxes(range=[floor, ceiling], tickvals=_ticks(low, high), zeroline=False)
    figure.update_yaxes(title="adds to the logit", col=1)
    figure.update_layout(showlegend=False, bargap=0)
    return themed(figure, FRAME + ROW * _n_rows(len(found)))


def surfaces(found: Sequence[Surface], names: Sequence[str], here: np.ndarray) -> go.Figure:
    """A small heatmap for each surface, on one scale; the chosen step, of inputs [D], is marked."""
    figure = _grid([""] * len(found), spacing=0.11)
    highest = max(float(np.abs(of.heights).max()) for of in found)
    for place, of in enumerate(found):
        at = {"row": place // N_COLUMNS + 1, "col": place % N_COLUMNS + 1}
        a, b = (plain(names[d]) for d in of.inputs)
        figure.add_trace(
            go.Heatmap(
                x=of.x, y=of.y, z=of.heights.T.astype(np.float32), zsmooth="best", coloraxis="coloraxis",
                hovertemplate=f"{a} %{{x:.3g}}<br>{b} %{{y:.3g}}<br>adds %{{z:+.2f}}<extra></extra>",
            ),
            **at,
        )  # fmt: skip
        figure.add_scatter(
            x=[here[of.inputs[0]]], y=[here[of.inputs[1]]], mode="markers",
            marker={"size": 11, "symbol": "x", "color": LEARNED_COST, "line": {"width": 1.5, "color": "#fff"}},
            hovertemplate=f"this step<br>{a} %{{x:.3g}}<br>{b} %{{y:.3g}}<extra></extra>", **at,
        )  # fmt: skip
        figure.update_xaxes(title=a, range=[float(of.x[0]), float(of.x[-1])], **at)
        figure.update_yaxes(title=b, range=[float(of.y[0]), float(of.y[-1])], **at)
    figure.update_xaxes(zeroline=False, showgrid=False)
    figure.update_yaxes(zeroline=False, showgrid=False)
    figure.update_layout(
        showlegend=False,
        coloraxis={
            "cmin": -highest, "cmax": highest, "colorscale": ADDED_SCALE,
            "colorbar": {"title": {"text": "adds to<br>the logit"}, "thickness": 12, "outlinewidth": 0},
        },
    )  # fmt: skip
    return themed(figure, FRAME + (ROW + 60) * _n_rows(len(found)))


def _grid(titles: Sequence[str], spacing: float = 0.06) -> go.Figure:
    """Small charts in rows, `spacing` between them as a share of the width."""
    n_rows = _n_rows(len(titles))
    return make_subplots(
        n_rows, N_COLUMNS, subplot_titles=[plain(title) for title in titles], horizontal_spacing=spacing,
        vertical_spacing=0.36 / n_rows,
    )  # fmt: skip


def _ticks(low: float, high: float) -> np.ndarray:
    """Round numbers from low to high, above the bars."""
    least = max(high - low, 0.1) / 5
    power = 10.0 ** np.floor(np.log10(least))
    step = power * next(times for times in (1, 2, 5, 10) if times * power >= least)
    ticks: np.ndarray = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    return ticks


def _n_rows(n: int) -> int:
    return -(-n // N_COLUMNS)


def _density(values: np.ndarray, ends: tuple[float, float], floor: float, height: float) -> go.Bar:
    """Bars that stand on the floor of a chart, the highest of this height."""
    low, high = ends if ends[1] > ends[0] else (ends[0] - 0.5, ends[0] + 0.5)
    counts, edges = np.histogram(values, bins=N_BARS, range=(low, high))
    return go.Bar(
        x=middles(edges),
        y=height * counts / max(1, counts.max()),
        base=floor,
        width=np.diff(edges),
        customdata=counts,
        marker={"color": UNLABELLED, "opacity": 0.4, "line": {"width": 0}},
        hovertemplate="%{customdata:,} sampled steps<extra></extra>",
    )
