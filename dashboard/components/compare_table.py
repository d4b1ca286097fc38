"""All runs of a dataset with their results as one table: the ticked ones are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from dashboard import run_resources, state
from dashboard.charts_theme import PREFERRED, run_style
from dashboard.columns import RESULTS, TRUTH_METRICS
from dashboard.components.doctor_banner import brief
from dashboard.telling import callback
from dashboard.words import plural
from safemil_core.clock import duration
from safemil_core.running.comparison import Compared, best, results
from safemil_core.running.health import health_of

N_AT_FIRST = 10
"""The newest so many are compared until somebody chooses."""
FORMATS: dict[str, Callable[[Any], str]] = {
    "step_auc": "{:.3f}".format,
    "trajectory_spearman": "{:.3f}".format,
    "cost_loss": "{:.4f}".format,
    "gap": "{:.3f}".format,
    "cost_spread": "{:.3f}".format,
    "policy_loss": "{:.4g}".format,
    "safe_return": "{:.1f}".format,
    "safe_cost": "{:.2f}".format,
    "seconds": duration,
    "updates": "{:,.0f}".format,
    "rate": "{:,.0f}".format,
}


def numbered(compared: Sequence[Compared]) -> dict[str, int]:
    """The place of each run among those of its dataset, oldest first, which gives it its colour."""
    return {it.run.id: len(compared) - 1 - i for i, it in enumerate(compared)}


def chosen_of(compared: Sequence[Compared]) -> list[Compared]:
    """The runs that the URL names, or the newest ones where it names none."""
    named = state.compared.get()
    if named is None:
        return list(compared[:N_AT_FIRST])
    return [it for it in compared if it.run.id in named.split(",")]


def compare_table(compared: Sequence[Compared], *, shows_truth: bool) -> list[Compared]:
    """Show every run, newest first, and give the ticked ones. Bold with a star: the best of these in its column.

    Args:
        compared: the runs.
        shows_truth: whether how well they agree with the true costs is shown.
    """
    chosen = chosen_of(compared)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen)}** of {plural(len(compared), 'run')} ticked", width="stretch")
        is_short = st.toggle("Ticked ones only", key="compare.short", persist_state="session")
    listed = chosen if is_short and chosen else compared
    ids = [it.run.id for it in listed]
    # A selection is by row number: with other runs in the table it would mean other runs, so these are in the key.
    key = f"compare.table.{len(ids)}.{ids[0]}.{ids[-1]}"
    rows = [ids.index(it.run.id) for it in chosen]
    state.set_widget_value(key, {"selection": {"rows": rows, "columns": [], "cells": []}})
    st.dataframe(
        _styled(listed, chosen, numbered(compared), shows_truth=shows_truth),
        key=key,
        height=min(35 * (len(ids) + 1) + 3, 528),
        hide_index=True,
        placeholder="–",
        on_select=lambda: _choose(key, ids),
        selection_mode="multi-row",
        column_config={
            "line": st.column_config.TextColumn("", width=44, pinned=True),
            "created": st.column_config.DatetimeColumn("when", format="D MMM, HH:mm:ss"),
            **{
                name: st.column_config.Column(words, help=about, width=_width(name, words))
                for name, (words, about) in RESULTS.items()
                if name != "created"
            },
        },
    )
    return chosen


def _width(name: str, words: str) -> int | None:
    """As all numbers have it, or as its heading needs."""
    return max(92, 8 * len(words)) if name in FORMATS else None


def line_cells(numbers: Iterable[int]) -> tuple[list[str], list[str]]:
    """How the curves of runs are drawn: a stroke of text each, and the CSS that colours it."""
    styles = [run_style(number) for number in numbers]
    return [style.stroke for style in styles], [f"color: {style.colour}; font-weight: bold" for style in styles]


def _styled(
    listed: Sequence[Compared], chosen: Sequence[Compared], numbers: Mapping[str, int], *, shows_truth: bool
) -> Styler:
    table = results(listed)
    table["doctor"] = [_doctor(it, shows_truth=shows_truth) for it in listed]
    hidden = () if shows_truth else tuple(TRUTH_METRICS)
    formats = {column: words for column, words in FORMATS.items() if column not in hidden}
    strokes, colours = line_cells(numbers[it.run.id] for it in listed)
    shown = table[[column for column in RESULTS if column not in hidden]].astype(dict.fromkeys(formats, float))
    shown.insert(0, "line", strokes)
    styled = shown.style.apply(lambda _: colours, subset=["line"])
    winners = best(table.loc[[it.run.id for it in chosen]]) if len(chosen) > 1 else {}
    for column, words in formats.items():
        styled = styled.format(words, subset=[column], na_rep="–")
        cells = pd.IndexSlice[winners.get(column, []), [column]]
        styled = styled.format(partial(_starred, words), subset=cells)
        styled = styled.map(lambda _: f"background-color: {PREFERRED}30; font-weight: bold", subset=cells)
    return styled


def _doctor(it: Compared, *, shows_truth: bool) -> str | None:
    is_live = not it.job.is_finished
    metrics = run_resources.metrics(it.run) if is_live else pd.DataFrame()
    return brief(health_of(it.run, metrics, is_live=is_live, shows_truth=shows_truth))


def _starred(words: Callable[[Any], str], value: float) -> str:
    return f"★ {words(value)}"


@callback
def _choose(key: str, ids: Sequence[str]) -> None:
    heard = state.heard(key)
    if heard is not None:
        state.compared.set(",".join(ids[row] for row in heard["selection"]["rows"] if row < len(ids)))
