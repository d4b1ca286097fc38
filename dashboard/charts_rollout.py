"""Charts of rollouts: the costs of one episode, and how policies compare over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts_theme import FAINT, LEARNED_COST, POLICY_LOOKS, TRUE_COST, Look, plain, themed, whiskers
from safemil_core.assessment.comparisons import performance_profile
from safemil_core.running.offline_checks import OfflineCheck


def cost_timeline(learned: np.ndarray, true: np.ndarray | None, step: int) -> go.Figure:
    """The costs of an episode's steps, [T] each, and a line at the chosen one; a click on a point chooses its step."""
    steps = np.arange(len(learned))
    figure = go.Figure()
    if true is not None:
        figure.add_trace(
            go.Scatter(
                name="true cost",
                x=steps,
                y=true,
                mode="lines",
                line={"width": 0, "shape": "hvh"},
                fill="tozeroy",
                fillcolor=_faint(TRUE_COST),
                hovertemplate="step %{x}: %{y:.3g}",
            )
        )
    figure.add_trace(
        go.Scatter(
            name="learned cost",
            x=steps,
            y=learned,
            mode="lines+markers",
            line={"color": LEARNED_COST, "width": 1.5},
            marker={"size": 4, "color": LEARNED_COST},
            hovertemplate="step %{x}: %{y:.3g}",
        )
    )
    figure.add_vline(x=step, line={"width": 2, "color": FAINT})
    figure.update_layout(hovermode="x", clickmode="event+select", dragmode="zoom")
    figure.update_xaxes(title="step", range=[-0.5, len(learned) - 0.5])
    figure.update_yaxes(title="cost", rangemode="tozero")
    return themed(figure, height=230)


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
            error_x=_interval(result["cost"], colour),
            error_y=_interval(result["return"], colour),
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


def satisfaction(evaluation: Mapping[str, Any], looks: Mapping[str, Look], limit: float) -> go.Figure:
    """The share of each policy's episodes that a limit satisfies, over the limit; a line at the chosen one."""
    costs = {key: np.array([e["cost"] for e in evaluation["policies"][key]["episodes"]]) for key in looks}
    largest = max(limit, *(float(each.max()) for each in costs.values())) or 1.0
    figure = go.Figure()
    for key, look in looks.items():
        limits = np.unique([0.0, *costs[key], 1.05 * largest])
        figure.add_scatter(
            name=plain(look.words),
            x=limits,
            y=1 - performance_profile(costs[key], limits),
            mode="lines",
            line={"color": look.colour, "width": 2.5, "shape": "hv"},
            hovertemplate="limit %{x:.1f}: %{y:.0%} of episodes",
        )
    figure.add_vline(x=limit, line={"width": 1.5, "dash": "dash", "color": FAINT})
    figure.update_xaxes(title="cost limit of an episode", range=[-0.02 * largest, 1.05 * largest], zeroline=False)
    figure.update_yaxes(title="episodes within it", range=[-0.03, 1.03], tickformat=".0%", zeroline=False)
    return themed(figure, height=300)


def differences(comparisons: Sequence[Mapping[str, Any]], looks: Mapping[str, Look]) -> go.Figure:
    """The safe policy less each other one, start by start, with 95 % intervals: left cost, right return; 0 is no
    difference."""
    panels = {"cost": "cost: less is safer", "return": "return: more is better"}
    figure = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.06)
    for column, (metric, words) in enumerate(panels.items(), start=1):
        for each in comparisons:
            look, found = looks[each["against"]], each[metric]
            figure.add_scatter(
                x=[found["mean"]],
                y=[f"against {plain(look.words)}"],
                error_x=whiskers([found["low"]], [found["mean"]], [found["high"]], color=look.colour, thickness=2.5),
                mode="markers",
                marker={"color": look.colour, "size": 11, "symbol": "diamond"},
                hovertemplate=f"{words}<br>%{{x:.1f}} [{found['low']:.1f}, {found['high']:.1f}]<extra></extra>",
                showlegend=False,
                row=1,
                col=column,
            )
        figure.add_vline(x=0, line={"width": 1.5, "dash": "dash", "color": FAINT}, row=1, col=column)
        figure.update_xaxes(title=words, zeroline=False, row=1, col=column)
    figure.update_yaxes(autorange="reversed")  # the first on top, as in the table
    return themed(figure, height=110 + 40 * len(comparisons))


def agreement(checks: Sequence[OfflineCheck], looks: Mapping[str, Look]) -> go.Figure:
    """How far each policy agrees with steps that it was not cloned from, by kind, with 95 % intervals."""
    figure = go.Figure()
    for policy, look in looks.items():
        own = [check for check in checks if check.policy == policy]
        found = [check.agreement for check in own]
        figure.add_bar(
            name=plain(look.words),
            x=[check.steps.replace(", ", ",<br>") for check in own],
            y=[each["mean"] for each in found],
            error_y=whiskers(*([each[key] for each in found] for key in ("low", "mean", "high")), color=FAINT),
            marker={"color": look.colour},
            hovertemplate="%{x}: %{y:.2f}",
        )
    figure.update_layout(barmode="group", bargap=0.35)
    figure.update_yaxes(title="agreement", zeroline=True)
    return themed(figure, height=300)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.25)"


def _interval(of: Mapping[str, float], colour: str) -> dict[str, Any]:
    return whiskers([of["low"]], [of["mean"]], [of["high"]], color=colour)
