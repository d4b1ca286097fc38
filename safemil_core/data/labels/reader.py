"""LabelReader: what was said of the trajectories of one dataset, read back. Saying it is in `store`."""

from __future__ import annotations

import numpy as np

from safemil_core.data.database import Database
from safemil_core.data.labels import reasons as label_reasons
from safemil_core.data.labels import retests as label_retests
from safemil_core.data.labels import snapshots as label_snapshots
from safemil_core.data.labels.ledger import LabelLedger
from safemil_core.data.labels.records import Event, Judgement, Label, LabelAction, LabelChange, LabelState, absent
from safemil_core.data.labels.retests import Retest
from safemil_core.data.labels.snapshots import Snapshot


class LabelReader:
    """The state of labels, segments and tags at any time, and the history that led there."""

    def __init__(self, database: Database, dataset_id: str, n_trajectories: int) -> None:
        self.dataset_id = dataset_id
        self._database = database
        self._n_trajectories = n_trajectories
        self._ledger = LabelLedger(dataset_id)

    def current(self, until: int | None = None) -> np.ndarray:
        """[N] str, the label of every trajectory, now or after an earlier action."""
        return self.state(until).labels

    def state(self, until: int | None = None) -> LabelState:
        """All that is said of every trajectory, now or after an earlier action."""
        with self._database.read() as connection:
            return LabelState.of(self._ledger.state(connection, until), self._n_trajectories)

    def diff(self, earlier: int, later: int | None = None) -> list[LabelChange]:
        """What differs after action `later` (now) from how it was after action `earlier`, by trajectory."""
        with self._database.read() as connection:
            later = self._ledger.latest(connection) if later is None else later
            before, after = (
                {(event.trajectory, event.aspect): event for event in self._ledger.state(connection, until)}
                for until in (earlier, later)
            )
            between = min(earlier, later), max(earlier, later)
            touched = self._ledger.touched(connection, *between)
            signatures = self._ledger.signatures(connection, *between)
        changes = []
        for key in sorted(touched):
            was, is_now = (state[key].value if key in state else absent(key[1]) for state in (before, after))
            if was != is_now:
                # Who set what stands now; where an undo brought that back, who undid.
                action = after[key].action if key in after and after[key].action in signatures else touched[key]
                changes.append(LabelChange(*key, was, is_now, *signatures[action]))
        return changes

    def latest(self) -> int:
        """Id of the newest action, which names the present state; 0 before the first."""
        with self._database.read() as connection:
            return self._ledger.latest(connection)

    def history(self, limit: int | None = None) -> list[LabelAction]:
        """Actions, newest first: all, or the newest `limit`."""
        with self._database.read() as connection:
            return self._ledger.actions(connection, limit=limit)

    def ledger(self) -> tuple[list[LabelAction], list[tuple[int, Event]]]:
        """Every action and every event with its action's id, oldest first: all there is to keep (`files`)."""
        with self._database.read() as connection:
            actions = self._ledger.actions(connection)[::-1]
            return actions, self._ledger.events(connection, until=actions[-1].id if actions else 0)

    def judgements(self, until: int | None = None) -> list[Judgement]:
        """Each author's own last standing label of each trajectory, oldest first, whatever others said since.

        An author who settled a conflict keeps her judgement from before it, too. A label taken back with `none` is
        among them; what is undone, and what files, examples and restores set, is not.
        """
        with self._database.read() as connection:
            rows = self._ledger.judgements(connection, until)
        return [Judgement(**{**row, "is_settlement": bool(row["is_settlement"])}) for row in rows]

    def by_author(self) -> dict[str, dict[int, Label]]:
        """Each author's own last standing label of each trajectory, settlements included."""
        said: dict[str, dict[int, Label]] = {}
        for judgement in self.judgements():
            said.setdefault(judgement.author, {})[judgement.trajectory] = judgement.label
        standing: dict[str, dict[int, Label]] = {}
        for author in sorted(said):
            if labels := {t: said[author][t] for t in sorted(said[author]) if said[author][t] != "none"}:
                standing[author] = labels
        return standing

    def snapshots(self) -> list[Snapshot]:
        """Every named state, newest first."""
        with self._database.read() as connection:
            return label_snapshots.saved(connection, self.dataset_id)

    def snapshot(self, name: str) -> Snapshot:
        """A named state.

        Raises:
            NotFound: no state has that name.
        """
        return label_snapshots.named(self.snapshots(), name)

    def reasons(self) -> list[str]:
        """The vocabulary, in the order in which it grew."""
        with self._database.read() as connection:
            return label_reasons.known(connection)

    def retests(self) -> list[Retest]:
        """Every second judgement, oldest first."""
        with self._database.read() as connection:
            return label_retests.kept(connection, self.dataset_id)
