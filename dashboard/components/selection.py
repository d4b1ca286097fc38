"""Which trajectories the Label page is about: a list in some order, those selected in it, and the one in focus.

The focus is in the URL. The selection holds the focus or it is out of date, and then the focus alone is selected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard import resources, run_resources, state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.columns import TRAJECTORY
from dashboard.components import pickers
from dashboard.components.label_filters import filters
from dashboard.telling import callback, tell
from dashboard.words import number, plural
from safemil_core.assessment.summaries import neighbours
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.filters import Filters
from safemil_core.data.labels.store import LabelState
from safemil_core.errors import NotReady

ORDERS = ("trajectory", "true_cost", "learned_cost", "return", "length")
"""Columns to list by; all but the number from the highest on."""
ORDER_KEY = "label.order"
N_AHEAD = 2
"""Replays that are rendered before somebody asks for them."""
_SELECTION = "label.selection"


@dataclass(frozen=True)
class Listing:
    """The trajectories of a dataset as the page lists them now."""

    table: pd.DataFrame
    """All N, by number: `DatasetStore.table` with `label` and, of a finished run, `learned_cost`."""

    said: LabelState
    """All that people say of them."""

    filters: Filters

    order: np.ndarray
    """[N] numbers of all trajectories in the chosen order."""

    shown: np.ndarray
    """[N] bool by number: whether the filters let it through."""

    selected: tuple[int, ...]
    """At least one: those that a mark applies to."""

    focus: int
    """The one that is shown in full; it is selected."""

    @property
    def rows(self) -> np.ndarray:
        """Numbers of the shown trajectories, in order."""
        listed: np.ndarray = self.order[self.shown[self.order]]
        return listed

    @property
    def next(self) -> int | None:
        return neighbours(self.order, self.shown, self.focus)[1]

    @property
    def previous(self) -> int | None:
        return neighbours(self.order, self.shown, self.focus)[0]

    @property
    def ahead(self) -> list[int]:
        """Those that come next in the list."""
        rows: list[int] = self.rows.tolist()
        start = rows.index(self.focus) + 1 if self.focus in rows else 0
        return rows[start : start + N_AHEAD]

    @property
    def label(self) -> str:
        """Of the trajectory in focus."""
        return str(self.table["label"].iloc[self.focus])

    @property
    def preview(self) -> str:
        """What an action would apply to: `48 trajectories selected: 3 already non-preferred, 45 unlabelled`."""
        labels = self.said.labels[list(self.selected)]
        counts = {label: int((labels == label).sum()) for label in LABEL_WORDS}
        parts = [
            f"{number(n)} {'already ' if label != 'none' else ''}{LABEL_WORDS[label]}"
            for label, n in counts.items()
            if n
        ]
        return f"**{plural(len(self.selected), 'trajectory')} selected**: {', '.join(parts)}"


def listing(info: DatasetInfo) -> Listing:
    """The list as the widgets, the URL and the labels on disk have it at this moment."""
    said = resources.label_state(info)
    table = _table(info, said)
    column = state.widget_value(ORDER_KEY)
    if column not in table:  # none was chosen, or the truth is hidden since
        column = "trajectory"
    keys = table[column].to_numpy()
    order = np.argsort(keys if column == "trajectory" else -keys, kind="stable")
    chosen = filters(info, table)
    shown = chosen.passes(table, said)
    listed = order[shown[order]]
    focus = state.trajectory.among(range(len(table)), int(listed[0] if len(listed) else order[0]))
    assert focus is not None
    selected = selected_trajectories(info)
    if focus not in selected:
        selected = (focus,)
    return Listing(table=table, said=said, filters=chosen, order=order, shown=shown, selected=selected, focus=focus)


def selected_trajectories(info: DatasetInfo) -> tuple[int, ...]:
    """What was last selected of this dataset; it may be out of date."""
    dataset_id, selected = state.recall(_SELECTION, ("", ()))
    return tuple(selected) if dataset_id == info.id else ()


@callback
def focus_on(trajectory: int) -> None:
    """Show one trajectory, and select it alone."""
    state.trajectory.set(trajectory)
    state.forget(_SELECTION)


@callback
def focus_on_listed(info: DatasetInfo) -> None:
    """In the callback of a filter: go to the first in the list where the focus is not in it any more, lest keys act on
    what the list does not show."""
    listed = listing(info)
    if len(listed.rows) and not listed.shown[listed.focus]:
        focus_on(int(listed.rows[0]))


@callback
def select(info: DatasetInfo, trajectories: Sequence[int]) -> None:
    """Select trajectories; the focus stays if it is among them, else goes to the first new one."""
    before = listing(info)
    new = [t for t in trajectories if t not in before.selected]
    if before.focus not in trajectories or new:
        state.trajectory.set((new or list(trajectories))[0])
    state.remember(_SELECTION, (info.id, tuple(trajectories)))


@callback
def select_found(info: DatasetInfo, found: Iterable[int], how: str) -> None:
    """Select what a search found, of those that are listed; the focus stays where it can. Say so if it is nothing."""
    listed = listing(info)
    chosen = [t for t in found if listed.shown[t]]
    if not chosen:
        tell(f"No listed trajectory {how}.")
        return
    if listed.focus not in chosen:
        state.trajectory.set(chosen[0])
    state.remember(_SELECTION, (info.id, tuple(chosen)))


def order_words(column: str) -> str:
    """One of ORDERS in words."""
    return f"by {TRAJECTORY[column]}" + ("" if column == "trajectory" else ", highest first")


def orders(table: pd.DataFrame) -> list[str]:
    """The columns that this table can be ordered by."""
    return [column for column in ORDERS if column in table]


def _table(info: DatasetInfo, said: LabelState) -> pd.DataFrame:
    table = resources.summary(info).assign(label=said.labels)
    run = pickers.chosen_run()
    if run is not None:
        with suppress(NotReady):  # it still trains
            table["learned_cost"] = run_resources.run_cost_sums(run).to_numpy()
    return table
