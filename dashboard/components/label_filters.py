"""Which trajectories the Label page lists: a row of filters that combine. Not the list itself (`selection`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import state
from dashboard.columns import axis_words
from dashboard.telling import callback
from dashboard.words import fine_steps, number, plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.filters import Filters
from safemil_core.data.labels.store import LabelState

SHOW = {
    "all": "All",
    "none": "Unlabelled",
    "non_preferred": "Non-preferred",
    "preferred": "Preferred",
    "unsure": "Unsure",
}
SHOW_KEY = "label.show"
RANGES = ("return", "true_cost", "learned_cost", "length")
_CHOICES = {"tag": "Any of these tags", "reason": "Any of these reasons", "author": "Labelled by any of"}


def filters(info: DatasetInfo, table: pd.DataFrame) -> Filters:
    """As the widgets have them at this moment, also in a callback."""
    ranges = []
    for column, (low, high) in _bounds(table).items():
        chosen = state.widget_value(_range_key(info, column, low, high)) or (low, high)
        if tuple(chosen) != (low, high):
            ranges.append((column, *chosen))
    tags, reasons, authors = (tuple(state.widget_value(_choice_key(info, kind)) or ()) for kind in _CHOICES)
    return Filters(state.widget_value(SHOW_KEY) or "all", tags, reasons, authors, tuple(ranges))


def filter_widgets(
    info: DatasetInfo, table: pd.DataFrame, said: LabelState, current: Filters, *, on_change: Callable[[], None]
) -> None:
    """The label as a segmented control, all else in a popover that says how much of it is used."""
    st.segmented_control(
        "Show",
        list(SHOW),
        default="all",
        format_func=SHOW.__getitem__,
        key=SHOW_KEY,
        on_change=on_change,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    label = f"Filters ({current.n_more})" if current.n_more else "Filters"
    with st.popover(label, icon=":material/filter_list:", key="label.filters"):
        there = {
            "tag": list(said.tags),
            "reason": sorted({*said.reasons.tolist()} - {""}),
            "author": sorted({*said.authors.tolist()} - {""}),
        }
        for kind, words in _CHOICES.items():
            key = _choice_key(info, kind)
            chosen = state.widget_value(key) or []
            options = sorted({*there[kind], *chosen})  # one that nobody uses any more can still be taken out
            st.multiselect(words, options, key=key, on_change=on_change, persist_state="session", disabled=not options)
        for column, (low, high) in _bounds(table).items():
            key = _range_key(info, column, low, high)
            if state.widget_value(key) is None:
                state.set_widget_value(key, (low, high))
            st.slider(
                axis_words(column).capitalize(),
                low,
                high,
                key=key,
                on_change=on_change,
                persist_state="session",
                **fine_steps(low, high),
            )
        st.button(
            "Clear all filters",
            on_click=_clear,
            args=(info, table),
            disabled=current == Filters(),
            key="label.unfilter",
        )


def filters_key(chosen: Filters) -> str:
    """Names these filters, to tell the widgets of one list from those of another."""
    return hashlib.sha256(repr(chosen).encode()).hexdigest()[:8]


def filter_count(n_shown: int, n: int) -> str:
    """How many a filter lets through, in words."""
    return f"{plural(n, 'trajectory')}" if n_shown == n else f"**{number(n_shown)}** of {plural(n, 'trajectory')}"


@callback
def _clear(info: DatasetInfo, table: pd.DataFrame) -> None:
    state.set_widget_value(SHOW_KEY, "all")
    for kind in _CHOICES:
        state.set_widget_value(_choice_key(info, kind), [])
    for column, bounds in _bounds(table).items():
        state.set_widget_value(_range_key(info, column, *bounds), bounds)


def _bounds(table: pd.DataFrame) -> Mapping[str, tuple[float, float]]:
    """Least and largest value of each column that varies, rounded outwards to what a slider can show."""
    bounds = {}
    for column in RANGES:
        if column not in table:
            continue
        low, high = float(table[column].min()), float(table[column].max())
        if low < high:
            unit = 10.0 ** np.floor(np.log10(high - low) - 2)
            # The product may lie on the inner side by its last digit.
            below, above = float(np.floor(low / unit) * unit), float(np.ceil(high / unit) * unit)
            bounds[column] = min(low, below), max(high, above)
    return bounds


def _choice_key(info: DatasetInfo, kind: str) -> str:
    return f"label.filter.{info.id}.{kind}"


def _range_key(info: DatasetInfo, column: str, low: float, high: float) -> str:
    """Other bounds, as those of another run's costs, make another widget."""
    return f"label.range.{info.id}.{column}.{low:g}.{high:g}"
