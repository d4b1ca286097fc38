"""What a chart shows, as a table in a CSV file. Figures and tables in, text out; imports no Streamlit."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from safemil_core.data.spreadsheets import harmless


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV; texts that a spreadsheet would take for formulas begin with an apostrophe, headings too."""
    plain = table.rename(columns=lambda name: harmless(str(name)))
    texts = [column for column, kind in plain.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    plain = plain.assign(**{str(column): plain[column].map(_cell) for column in texts})
    return str(plain.to_csv(index=False))


def _cell(cell: Any) -> Any:
    return harmless(cell) if isinstance(cell, str) else cell


def chart_table(chart: go.Figure) -> pd.DataFrame:
    """The numbers that a figure holds, one row a point or a cell: its series, where it lies, and its value.

    Columns are called by the titles of the axes, or x and y where series have axes of their own. What is not seen,
    points that only take clicks for example, is left out.
    """
    shown = [trace for trace in chart.data if _is_seen(trace)]
    x, y, value = _headings(chart, shown)
    parts = [_cells(trace, x, y, value) if trace.type == "heatmap" else _points(trace, x, y) for trace in shown]
    if not parts:
        return pd.DataFrame(columns=[x, y])
    table = pd.concat(parts, ignore_index=True)
    return table if table["series"].nunique() > 1 else table.drop(columns="series")


def _points(trace: Any, x: str, y: str) -> pd.DataFrame:
    across, up = _values(trace.x), _values(trace.y)
    n = max(len(across), len(up))
    columns: dict[str, Any] = {"series": np.full(n, _text(trace.name) or trace.type, dtype=object)}
    for name, values in ((x, across), (y, up)):
        if len(values):
            columns[name] = values
    for name, error in (("x", trace.error_x), ("y", trace.error_y)):
        if error is not None and error.array is not None:
            high = _values(error.array)
            columns[f"{name} error below"] = high if error.arrayminus is None else _values(error.arrayminus)
            columns[f"{name} error above"] = high
    return pd.DataFrame(columns)


def _cells(trace: Any, x: str, y: str, value: str) -> pd.DataFrame:
    z = np.asarray(trace.z)
    across = _values(trace.x) if trace.x is not None else np.arange(z.shape[1])
    up = _values(trace.y) if trace.y is not None else np.arange(z.shape[0])
    series = np.full(z.size, _text(trace.name) or "cells", dtype=object)
    return pd.DataFrame(
        {"series": series, x: np.tile(across, len(up)), y: np.repeat(up, len(across)), value: z.ravel()}
    )


def _headings(chart: go.Figure, shown: list[Any]) -> tuple[str, str, str]:
    axes = {(getattr(trace, "xaxis", None) or "x", getattr(trace, "yaxis", None) or "y") for trace in shown}
    bars = [_text(trace.colorbar.title.text) for trace in shown if trace.type == "heatmap"]
    value = next(filter(None, bars), "value")
    if axes - {("x", "y")}:
        return "x", "y", value
    x, y = (_text(axis.title.text) for axis in (chart.layout.xaxis, chart.layout.yaxis))
    return (x or "x", y or "y", value) if len({x, y, value}) == 3 else ("x", "y", "value")


def _is_seen(trace: Any) -> bool:
    only_takes_clicks = trace.type.startswith("scatter") and trace.mode == "markers" and trace.marker.opacity == 0
    return trace.visible is not False and not only_takes_clicks


def _values(values: Any) -> np.ndarray:
    return np.asarray([] if values is None else values)


def _text(words: str | None) -> str:
    """A title or a name as it is read, without the escapes that Plotly asks for."""
    return html.unescape(words or "")
