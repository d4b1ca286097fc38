"""HiddenTruth: whether the rewards and true costs of a dataset are hidden from those who label it. Append-only.

What hides them is the dashboard; here is who hid or revealed them and when, so that it is known of every label whether
its author could have seen them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text

from safemil_core.clock import now
from safemil_core.data.database import Database
from safemil_core.data.dataset_info import DatasetInfo, Parent
from safemil_core.data.labels.records import LabelAction, LabelState


@dataclass(frozen=True)
class TruthEvent:
    """Somebody hid the truth of a dataset or revealed it."""

    hides: bool
    author: str
    at: str
    """UTC, ISO 8601."""


class HiddenTruth:
    """Whether the truth of one dataset is hidden: not at first, and a version of others as soon as one of these is.

    A version of a version too: each hides with its parents until something is said of it alone.
    """

    def __init__(self, database: Database, dataset_id: str, parents: Iterable[Parent] = ()) -> None:
        self._database = database
        self._dataset = dataset_id
        self._parents = [HiddenTruth(database, parent.id, parent.parents) for parent in parents]

    @classmethod
    def of(cls, database: Database, info: DatasetInfo) -> HiddenTruth:
        """Of the content that a dataset has; every name of it shares it, as they share its labels."""
        return cls(database, info.id, info.parents)

    @property
    def is_hidden(self) -> bool:
        """At this moment."""
        own = self._own()
        return own[-1].hides if own else any(parent.is_hidden for parent in self._parents)

    def hide(self, author: str) -> None:
        """Hide it from now on; does nothing where it is hidden."""
        self._say(True, author)

    def reveal(self, author: str) -> None:
        """Show it from now on; does nothing where it is shown."""
        self._say(False, author)

    def history(self) -> list[TruthEvent]:
        """All that was ever said of this dataset and of those that it is made of, at any remove, oldest first."""
        # Once each, by however many ways it is inherited.
        inherited = dict.fromkeys(event for parent in self._parents for event in parent.history())
        return sorted([*inherited, *self._own()], key=lambda event: event.at)

    def _own(self) -> list[TruthEvent]:
        query = text("SELECT hides, author, at FROM truth_events WHERE dataset = :dataset ORDER BY id")
        with self._database.read() as connection:
            rows = connection.execute(query, {"dataset": self._dataset})
            return [TruthEvent(bool(hides), author, at) for hides, author, at in rows]

    def _say(self, hides: bool, author: str) -> None:
        if self.is_hidden == hides:
            return
        values = {
            "dataset": self._dataset,
            "hides": hides,
            "author": author,
            "at": now("milliseconds"),
        }
        query = "INSERT INTO truth_events (dataset, hides, author, at) VALUES (:dataset, :hides, :author, :at)"
        with self._database.write() as connection:
            connection.execute(text(query), values)


def was_hidden(events: Sequence[TruthEvent], at: str) -> bool:
    """Whether the truth was hidden at a moment (UTC, ISO 8601), and had never been shown since it was first hidden.

    Truth that was seen once is not forgotten: what is said after a reveal counts as said with it, hidden again or not.
    """
    before = [event for event in events if event.at <= at]
    return bool(before) and all(event.hides for event in before)


def given_blind(events: Sequence[TruthEvent], said: LabelState, actions: Iterable[LabelAction]) -> tuple[int, int]:
    """How many labels were given while the truth was hidden (`was_hidden`), and how many there are.

    Args:
        events: all that hid or revealed it.
        said: the labels; those that say `none` do not count.
        actions: all that gave them.
    """
    given = said.marked_at[said.labels != "none"]
    blind = [action.id for action in actions if was_hidden(events, action.at)]
    return int(np.isin(given, blind).sum()), len(given)
