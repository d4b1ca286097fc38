"""Curves of a run that still trains, as Vega charts: unlike Plotly's, the browser keeps them when the data change."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboard.charts_theme import LEARNED_COST, NON_PREFERRED, POLICY_COLOURS, POLICY_WORDS, UNLABELLED
from safemil_core.assessment.diagnosis import LOG_2

MAX_ROWS = 600
"""More points than this are finer than the screen."""
HEIGHT = 280


def cost_loss(metrics: pd.DataFrame) -> alt.Chart:
    """The cost network's loss, beside that of guessing (log 2)."""
    names = {"cost_loss": ("loss", LEARNED_COST), "guessing": ("guessing (log 2)", UNLABELLED)}
    return _curves(metrics.assign(guessing=LOG_2), names, "cost loss")


def bag_scores(metrics: pd.DataFrame) -> alt.Chart:
    """The scores of both kinds of bags: learning drives them apart."""
    names = {
        "score_non_preferred": ("non-preferred", NON_PREFERRED),
        "score_unlabelled": ("unlabelled", UNLABELLED),
    }
    return _curves(metrics, names, "bag score")


def cost_spread(metrics: pd.DataFrame) -> alt.Chart:
    """How much c differs from step to step, and its mean."""
    names = {"cost_spread": ("spread", LEARNED_COST), "cost_mean": ("mean", UNLABELLED)}
    return _curves(metrics, names, "learned cost c")


def policy_losses(metrics: pd.DataFrame) -> alt.Chart:
    """The losses of the safe policy and of plain cloning."""
    names = {
        "policy_loss": (POLICY_WORDS["safe"], POLICY_COLOURS["safe"]),
        "bc_loss": (POLICY_WORDS["bc"], POLICY_COLOURS["bc"]),
    }
    return _curves(metrics, names, "policy loss")


def thinned(metrics: pd.DataFrame, n_rows: int = MAX_ROWS) -> pd.DataFrame:
    """At most about `n_rows` rows, evenly spread, the latest among them."""
    return metrics.iloc[:: -max(1, -(-len(metrics) // n_rows))].iloc[::-1]


def _curves(metrics: pd.DataFrame, names: dict[str, tuple[str, str]], title: str) -> alt.Chart:
    """Lines over the updates; `names` maps a column to its name and colour."""
    shown = thinned(metrics)[["update", *names]].rename(columns={column: name for column, (name, _) in names.items()})
    long = shown.melt("update", var_name="curve", value_name="value")
    colours = alt.Scale(domain=[name for name, _ in names.values()], range=[colour for _, colour in names.values()])
    legend = alt.Legend(orient="top", title=None, offset=2) if len(names) > 1 else None
    chart: alt.Chart = (
        alt.Chart(long, height=HEIGHT)
        .mark_line(strokeWidth=1.8, clip=True)
        .encode(
            x=alt.X("update:Q", title="update", axis=alt.Axis(format="~s", tickCount=5)),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4)),
            color=alt.Color("curve:N", scale=colours, legend=legend),
            tooltip=["curve:N", alt.Tooltip("update:Q", format=","), alt.Tooltip("value:Q", format=".4g")],
        )
    )
    return chart
