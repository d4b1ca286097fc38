"""Which inputs a cost goes by, as Plotly figures. Takes tables and arrays; imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts_theme import DIFFERENCE_SCALES, LEARNED_COST, UNLABELLED, plain, themed

N_INPUTS = 20
"""Rows of a chart, the inputs of most weight: more names could not be read."""
LOWERS, RAISES = DIFFERENCE_SCALES["light"][1], DIFFERENCE_SCALES["light"][-2]
ADDED_SCALE = ((0.0, LOWERS), (0.5, "rgba(122,133,148,0.12)"), (1.0, RAISES))
"""As all differences are coloured; where an input does nothing, the page shines through, light or dark."""
ROW, FRAME = 22, 90
"""Pixels of a row, and of what is around all of them."""


def overall(table: pd.DataFrame) -> go.Figure:
    """Two measures side by side, the input first that adds most to the cost.

    Args:
        table: a row an input, as `assessment.input_importance` gives it, with its name as `input`.
    """
    weight = table["gradient"].fillna(table["cost_change"])
    rows = table.loc[weight.sort_values(ascending=False, kind="stable").index[:N_INPUTS]]
    names = [plain(str(name)) for name in rows["input"]]
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.04)
    places = np.arange(len(rows))
    figure.add_bar(
        x=rows["gradient"],
        y=places,
        orientation="h",
        marker={"color": LEARNED_COST, "line": {"width": 0}},
        customdata=names,
        hovertemplate="%{customdata}<br>adds %{x:.3f} to the cost of a step, to either side<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_bar(
        x=rows["auc_drop"],
        y=places,
        orientation="h",
        error_x={"array": rows["auc_drop_spread"], "color": UNLABELLED},
        marker={"color": UNLABELLED, "line": {"width": 0}},
        customdata=np.stack([names, rows["cost_change"].round(3).astype(str)], axis=1),
        hovertemplate=(
            "%{customdata[0]} shuffled<br>the ROC AUC falls by %{x:.3f}<br>"
            "a step's cost changes by %{customdata[1]}<extra></extra>"
        ),
        row=1,
        col=2,
    )
    figure.update_layout(showlegend=False, bargap=0.3)
    figure.update_xaxes(title="adds to c, mean over steps", rangemode="tozero", row=1, col=1)
    figure.update_xaxes(title="ROC AUC lost when shuffled", row=1, col=2)
    figure.update_yaxes(tickvals=places, ticktext=names, autorange="reversed", showgrid=False)
    return themed(figure, FRAME + ROW * len(rows))


def over_time(steps: np.ndarray, added: np.ndarray, costs: np.ndarray, names: Sequence[str], step: int) -> go.Figure:
    """The cost of a trajectory's steps, and below it what each input adds to it.

    Args:
        steps: [n] those of which it is known what inputs add, evenly spaced.
        added: [n, O + A] by integrated gradients.
        costs: [T] c of each step.
        names: of the inputs.
        step: the chosen one, marked.
    """
    rows = most(added)
    figure = make_subplots(
        2, 1, shared_xaxes=True, vertical_spacing=0.03, row_heights=[110, ROW * len(rows) + 10],
    )  # fmt: skip
    figure.add_scatter(
        x=np.arange(len(costs)),
        y=costs.astype(np.float32),
        mode="lines+markers",
        name="learned cost",
        line={"color": LEARNED_COST, "width": 2},
        marker={"size": 4, "opacity": 0.01},  # there to be clicked
        hovertemplate="step %{x}<br>learned cost %{y:.3f}<extra></extra>",
        row=1,
        col=1,
    )
    # Where the cost jumps, a step or two would take the whole scale for themselves.
    highest = float(np.quantile(np.abs(added).max(axis=1), 0.95)) or 1.0
    figure.add_heatmap(
        x=steps,
        y=np.arange(len(rows)),
        z=added[:, rows].T.astype(np.float32),
        zmin=-highest,
        zmax=highest,
        colorscale=ADDED_SCALE,
        colorbar={"title": {"text": "adds to c"}, "thickness": 12, "outlinewidth": 0},
        customdata=np.tile(np.array([plain(names[row]) for row in rows])[:, None], (1, len(steps))),
        hovertemplate="step %{x}<br>%{customdata}<br>adds %{z:+.3f}<extra></extra>",
        row=2,
        col=1,
    )
    figure.add_vline(x=step, line={"color": UNLABELLED, "dash": "dash", "width": 1.5})
    figure.update_layout(showlegend=False)
    figure.update_xaxes(zeroline=False, showgrid=False)
    figure.update_xaxes(title="step", row=2, col=1)
    figure.update_yaxes(title="c", range=[0, 1.05], zeroline=False, row=1, col=1)
    figure.update_yaxes(
        tickvals=np.arange(len(rows)), ticktext=[plain(names[row]) for row in rows], autorange="reversed",
        showgrid=False, row=2, col=1,
    )  # fmt: skip
    return themed(figure, FRAME + 120 + ROW * len(rows))


def at_step(added: np.ndarray, values: np.ndarray, names: Sequence[str], start: float) -> go.Figure:
    """How the cost of one step comes about: from that of the mean step, input by input, those of most weight first.

    Args:
        added: [O + A] by integrated gradients.
        values: [O + A] the numbers of the step.
        names: of the inputs.
        start: c of the mean step.
    """
    order = most(added[None])
    rest = float(added.sum() - added[order].sum())
    parts = [("the mean step", start, ""), *((plain(names[i]), float(added[i]), f"{values[i]:.3g}") for i in order)]
    if len(order) < len(added):
        parts.append((f"{len(added) - len(order)} others", rest, ""))
    labels = [f"{name} = {value}" if value else name for name, _, value in parts]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            x=[*(amount for _, amount, _ in parts), None],
            y=np.arange(len(parts) + 1),
            measure=["absolute", *["relative"] * (len(parts) - 1), "total"],
            customdata=[*labels, "this step"],
            increasing={"marker": {"color": RAISES}},
            decreasing={"marker": {"color": LOWERS}},
            totals={"marker": {"color": LEARNED_COST}},
            connector={"line": {"color": UNLABELLED, "width": 1}},
            hovertemplate="%{customdata}<br>%{delta:+.3f}, to %{x:.3f}<extra></extra>",
        )
    )
    reached = np.cumsum([amount for _, amount, _ in parts])
    margin = 0.03 * max(1.0, float(np.ptp(reached)))
    ends = [min(0.0, float(reached.min())) - margin, max(1.0, float(reached.max())) + margin]
    figure.update_xaxes(title="c", range=ends, zeroline=False)
    figure.update_yaxes(
        tickvals=np.arange(len(parts) + 1), ticktext=[*labels, "this step"], autorange="reversed", showgrid=False
    )
    return themed(figure, FRAME + ROW * (len(parts) + 1))


def most(added: np.ndarray) -> np.ndarray:
    """[at most N_INPUTS] which inputs of [T, O + A] add most, to either side, the most first."""
    order: np.ndarray = np.argsort(-np.abs(added).mean(axis=0), kind="stable")[:N_INPUTS]
    return order
