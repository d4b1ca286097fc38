"""A sweep as one figure: a panel for each dataset and metric, medians with their intervals. Imports no Streamlit."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts_theme import dashed, plain, run_style, themed, whiskers
from safemil_core.running.sweeps.spec import Range, SweepSpec
from safemil_core.running.sweeps.summary import ALL_DATASETS, METRIC_WORDS, group_keys
from safemil_core.running.sweeps.trials import tried

ROW_HEIGHT = 230
WITHOUT_ORDER = ("variant", "dataset", "method", "cost.aggregator", "cost.network", "cost.inputs", "weights.scheme")
"""Axes whose values have no order: their points are not joined."""


def sweep_figure(table: pd.DataFrame, spec: SweepSpec) -> go.Figure:
    """Datasets one below the other, metrics side by side; what varies beside the axis has a colour.

    Args:
        table: from `summary`, of at least one line.
        spec: of the sweep.
    """
    over_datasets = spec.axis == "dataset"
    rows = [ALL_DATASETS] if over_datasets else [name for name in table["dataset"].unique() if name != ALL_DATASETS]
    figure = make_subplots(
        rows=len(rows),
        cols=len(spec.shown),
        column_titles=[METRIC_WORDS[metric] for metric in spec.shown],
        row_titles=[plain(name) for name in rows],
        shared_xaxes=True,
        vertical_spacing=0.16 / len(rows) if len(rows) > 1 else 0,
        horizontal_spacing=0.06,
    )
    figure.update_annotations(font_size=13)
    series = [key for key in group_keys(spec) if key != spec.axis and not (spec.random and key != "variant")]
    for row, name in enumerate(rows, start=1):
        part = table[table["dataset"] != ALL_DATASETS] if over_datasets else table[table["dataset"] == name]
        for number, (label, lines) in enumerate(_series(part, series)):
            for column, metric in enumerate(spec.shown, start=1):
                trace = _trace(lines, spec, metric, label, number)
                trace.update(showlegend=bool(label) and row == column == 1)
                figure.add_trace(trace, row=row, col=column)
    figure.update_xaxes(**_axis(spec))
    for column in range(1, len(spec.shown) + 1):
        figure.update_xaxes(title_text=plain(spec.axis), row=len(rows), col=column)
    figure = themed(figure, height=70 + ROW_HEIGHT * len(rows))
    return figure.update_layout(margin={"t": 70}, legend={"y": 1 + 40 / (ROW_HEIGHT * len(rows))})


def _series(part: pd.DataFrame, keys: list[str]) -> list[tuple[str, pd.DataFrame]]:
    """The lines of each combination of what varies beside the axis, by its name."""
    if not keys:
        return [("", part)]
    found = []
    for values, lines in part.groupby(keys, sort=False, dropna=False):
        pairs = zip(keys, values, strict=True)
        found.append((", ".join(str(v) if key == "variant" else f"{key} {v}" for key, v in pairs), lines))
    return found


def _trace(lines: pd.DataFrame, spec: SweepSpec, metric: str, label: str, number: int) -> go.Scatter:
    style, middle = run_style(number), lines[metric]
    is_joined = spec.axis not in WITHOUT_ORDER and spec.random is None
    return go.Scatter(
        x=lines[spec.axis] if spec.random else [_text(spec.axis, value) for value in lines[spec.axis]],
        y=middle,
        error_y=whiskers(lines[f"{metric} low"], middle, lines[f"{metric} high"], thickness=1.2),
        mode="lines+markers" if is_joined else "markers",
        marker={"size": 7},
        line={"color": style.colour, "dash": dashed(style.dash)},
        name=plain(label or metric),
        legendgroup=label,
    )


def _axis(spec: SweepSpec) -> dict[str, Any]:
    """Values side by side in the order in which they were tried; numbers that were drawn at random along a scale."""
    if spec.random is None or spec.axis not in spec.random.settings:
        return {"type": "category", "dtick": 1, "categoryorder": "array", "categoryarray": _values(spec)}
    of = spec.random.settings[spec.axis]
    return {"type": of.scale if isinstance(of, Range) else "category", "exponentformat": "none"}


def _values(spec: SweepSpec) -> list[str]:
    """Along the axis, in the order of the specification."""
    if spec.axis == "updates":
        return list(map(str, spec.updates))
    if spec.axis == "dataset":
        return list(map(plain, spec.datasets))
    return list(dict.fromkeys(_text(spec.axis, settings[spec.axis]) for settings in tried(spec)))


def _text(axis: str, value: Any) -> str:
    return "full" if axis == "cost.window" and value == 0 else plain(str(value))
