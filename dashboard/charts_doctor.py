"""The evidence of a finding as a figure: an `Evidence` in, a Plotly figure out."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.charts_theme import (
    FAINT,
    LABEL_COLOURS,
    LABEL_WORDS,
    LEARNED_COST,
    POLICY_COLOURS,
    POLICY_WORDS,
    TRUE_COST,
    plain,
    themed,
)
from safemil_core.assessment.doctor.findings import Evidence, Series

_MEANINGS = {
    **LABEL_COLOURS,
    **{words: LABEL_COLOURS[label] for label, words in LABEL_WORDS.items()},
    **POLICY_COLOURS,
    **{words: POLICY_COLOURS[policy] for policy, words in POLICY_WORDS.items()},
    "learned cost": LEARNED_COST,
    "true cost": TRUE_COST,
}
_OTHERS = ("#7B68C9", "#A3836A", "#5FA8A0", "#A0ABB8")
"""For what has no fixed meaning: colours that mean nothing anywhere else."""
_MANY = 60
"""Points; fewer are drawn larger, so that they do not drown in clouds."""


def evidence_figure(evidence: Evidence, height: int = 260) -> go.Figure:
    """Bars, lines or points in the colours of what they mean, and the threshold as a dashed line across.

    Series without a fixed meaning share the colours that mean nothing else.
    """
    figure = go.Figure()
    for place, series in enumerate(evidence.series):
        figure.add_trace(_trace(evidence, series, _MEANINGS.get(series.meaning, _OTHERS[place % len(_OTHERS)])))
    if evidence.threshold is not None:
        figure.add_hline(y=evidence.threshold, line={"dash": "dash", "width": 1.5, "color": FAINT})
    figure.update_layout(barmode="group", showlegend=len(evidence.series) > 1)
    figure.update_xaxes(title=plain(evidence.x_title))
    figure.update_yaxes(title=plain(evidence.y_title))
    return themed(figure, height)


def _trace(evidence: Evidence, series: Series, colour: str) -> go.Bar | go.Scatter:
    name = plain(series.name)
    x = [plain(value) if isinstance(value, str) else value for value in series.x]
    if evidence.kind == "bars":
        return go.Bar(name=name, x=x, y=series.y, marker={"color": colour})
    if evidence.kind == "lines":
        return go.Scatter(name=name, x=x, y=series.y, mode="lines", line={"color": colour, "width": 2})
    return go.Scatter(
        name=name,
        x=x,
        y=series.y,
        mode="markers",
        marker={"color": colour, "size": 6 if len(x) > _MANY else 10, "opacity": 0.7},
    )
