"""Which trajectories the Label page is about: a list in some order, those selected in it, and the one in focus.

The focus is in the URL. The selection holds the focus or it is out of date, and then the focus alone is selected.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard import resources, state
from dashboard.components import pickers
from safemil_core.assessment.summaries import neighbours
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import NotReady

ORDERS = {
    "trajectory": "number",
    "true_cost": "true cost, highest first",
    "learned_cost": "learned cost, highest first",
    "return": "return, highest first",
    "length": "length, longest first",
}
SHOW_KEY, ORDER_KEY = "label.show", "label.order"
_SELECTION = "label.selection"


@dataclass(frozen=True)
class Listing:
    """The trajectories of a dataset as the page lists them now."""

    table: pd.DataFrame
    """All N, by number: `summaries.trajectory_table` with `label` and, of a finished run, `learned_cost`."""

    order: np.ndarray
    """[N] numbers of all trajectories in the chosen order."""

    shown: np.ndarray
    """[N] bool by number: whether the filter lets it through."""

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
    def label(self) -> str:
        """Of the trajectory in focus."""
        return str(self.table["label"].iloc[self.focus])


def listing(info: DatasetInfo) -> Listing:
    """The list as the widgets, the URL and the labels on disk have it at this moment."""
    table = _table(info)
    column = state.widget_value(ORDER_KEY) or "trajectory"
    keys = table[column].to_numpy() if column in table else table["trajectory"].to_numpy()
    order = np.argsort(keys if column == "trajectory" else -keys, kind="stable")
    show = state.widget_value(SHOW_KEY) or "all"
    shown = np.full(len(table), True) if show == "all" else (table["label"] == show).to_numpy()
    listed = order[shown[order]]
    focus = state.trajectory.among(range(len(table)), int(listed[0] if len(listed) else order[0]))
    assert focus is not None
    dataset_id, selected = state.recall(_SELECTION, ("", ()))
    if dataset_id != info.id or focus not in selected:
        selected = (focus,)
    return Listing(table=table, order=order, shown=shown, selected=selected, focus=focus)


def focus_on(trajectory: int) -> None:
    """Show one trajectory, and select it alone."""
    state.trajectory.set(trajectory)
    state.forget(_SELECTION)


def select(info: DatasetInfo, trajectories: Sequence[int]) -> None:
    """Select trajectories; the focus stays if it is among them, else goes to the first new one."""
    before = listing(info)
    new = [t for t in trajectories if t not in before.selected]
    if before.focus not in trajectories or new:
        state.trajectory.set((new or list(trajectories))[0])
    state.remember(_SELECTION, (info.id, tuple(trajectories)))


def orders(table: pd.DataFrame) -> list[str]:
    """The columns that this table can be ordered by."""
    return [column for column in ORDERS if column in table]


def _table(info: DatasetInfo) -> pd.DataFrame:
    table = resources.summary(info).assign(label=resources.labels(info).current())
    run = pickers.chosen_run(info)
    if run is not None:
        with suppress(NotReady):  # it still trains
            table["learned_cost"] = resources.run_cost_sums(run).to_numpy()
    return table
