"""LabelStore: who said what of which trajectory, when. Append-only; not how labels are used (`learning.bags`)."""

from __future__ import annotations

import csv
import getpass
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

import numpy as np
from sqlalchemy import Connection, text

from safemil_core.data.database import Database
from safemil_core.errors import InvalidLabels

Label = Literal["non_preferred", "preferred", "none"]
LABELS: tuple[Label, ...] = get_args(Label)
Origin = Literal["hand", "file", "example", "undo", "restore"]


@dataclass(frozen=True)
class LabelAction:
    """One thing that a person did to labels."""

    id: int
    at: str
    """UTC, ISO 8601."""
    author: str
    origin: Origin
    note: str
    undoes: int | None
    """The action that this one took back."""
    n_trajectories: int


def default_author() -> str:
    """SAFEMIL_AUTHOR, else the name of the account."""
    try:
        return os.environ.get("SAFEMIL_AUTHOR") or getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return "someone"


class LabelStore:
    """The labels of one dataset."""

    def __init__(self, database: Database, dataset_id: str, n_trajectories: int) -> None:
        self._database = database
        self._dataset = dataset_id
        self._n_trajectories = n_trajectories

    def mark(
        self,
        trajectories: Iterable[int],
        label: Label,
        *,
        author: str,
        note: str = "",
        origin: Origin = "hand",
    ) -> int:
        """Give one label to trajectories as one action. It is on disk when this returns.

        Raises:
            InvalidLabels: an unknown label, a trajectory that is not there, or none at all.
        """
        return self.mark_each(dict.fromkeys(trajectories, label), author=author, note=note, origin=origin)

    def mark_each(self, labels: dict[int, Label], *, author: str, note: str = "", origin: Origin = "hand") -> int:
        """Give each trajectory its own label, as one action; returns the action's id."""
        if not labels:
            raise InvalidLabels("no trajectory was given; name at least one")
        for trajectory, label in labels.items():
            if label not in LABELS:
                raise InvalidLabels(f"unknown label {label!r}; the labels are {', '.join(LABELS)}")
            if not 0 <= trajectory < self._n_trajectories:
                raise InvalidLabels(f"there is no trajectory {trajectory}; they are 0 to {self._n_trajectories - 1}")
        with self._database.write() as connection:
            return self._append(connection, labels, author=author, note=note, origin=origin)

    def undo(self, *, author: str) -> LabelAction | None:
        """Take back the author's last action that still stands; None where there is none.

        A trajectory that somebody has labelled again since keeps that newer label.
        """
        with self._database.write() as connection:
            taken_back = self._taken_back(connection)
            for action in self._history(connection):
                if action.author == author and action.undoes is None and action.id not in taken_back:
                    self._revert(connection, action, taken_back)
                    return action
        return None

    def restore(self, action_id: int, *, author: str) -> int | None:
        """Bring back the labels as they were after an action (0: before all); None where nothing differs."""
        if action_id and action_id not in {action.id for action in self.history()}:
            raise InvalidLabels(f"there is no label action {action_id} in this dataset")
        with self._database.write() as connection:
            then, now = self._state(connection, action_id), self._state(connection)
            changes = {t: then.get(t, "none") for t in {*then, *now} if then.get(t, "none") != now.get(t, "none")}
            if not changes:
                return None
            note = f"as after action {action_id}"
            return self._append(connection, changes, author=author, note=note, origin="restore")

    def current(self, until: int | None = None) -> np.ndarray:
        """[N] str, the label of every trajectory, now or after an earlier action."""
        labels = np.full(self._n_trajectories, "none", dtype="U13")
        with self._database.read() as connection:
            for trajectory, label in self._state(connection, until).items():
                labels[trajectory] = label
        return labels

    def latest(self) -> int:
        """Id of the newest action, which names the present state (a snapshot); 0 before the first."""
        with self._database.read() as connection:
            query = text("SELECT coalesce(max(id), 0) FROM label_actions WHERE dataset = :dataset")
            return int(connection.execute(query, {"dataset": self._dataset}).scalar_one())

    def history(self) -> list[LabelAction]:
        """Every action, newest first."""
        with self._database.read() as connection:
            return self._history(connection)

    def _history(self, connection: Connection) -> list[LabelAction]:
        query = text(
            """
            SELECT a.id, a.at, a.author, a.origin, a.note, a.undoes, count(e.trajectory) AS n_trajectories
            FROM label_actions a LEFT JOIN label_events e ON e.action = a.id
            WHERE a.dataset = :dataset GROUP BY a.id ORDER BY a.id DESC
            """
        )
        return [LabelAction(**row) for row in connection.execute(query, {"dataset": self._dataset}).mappings()]

    def _append(
        self,
        connection: Connection,
        labels: dict[int, Label],
        *,
        author: str,
        note: str,
        origin: Origin,
        undoes: int | None = None,
    ) -> int:
        action = connection.execute(
            text(
                """
                INSERT INTO label_actions (dataset, at, author, origin, note, undoes)
                VALUES (:dataset, :at, :author, :origin, :note, :undoes) RETURNING id
                """
            ),
            {
                "dataset": self._dataset,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "author": author,
                "origin": origin,
                "note": note,
                "undoes": undoes,
            },
        ).scalar_one()
        if labels:
            connection.execute(
                text("INSERT INTO label_events (action, trajectory, label) VALUES (:action, :trajectory, :label)"),
                [{"action": action, "trajectory": int(t), "label": label} for t, label in labels.items()],
            )
        return int(action)

    def _state(self, connection: Connection, until: int | None = None) -> dict[int, Label]:
        """The last label of every trajectory that has any, after action `until`."""
        query = text(
            """
            SELECT e.trajectory, e.label, max(e.action)
            FROM label_events e JOIN label_actions a ON a.id = e.action
            WHERE a.dataset = :dataset AND a.id <= :until GROUP BY e.trajectory
            """
        )
        rows = connection.execute(query, {"dataset": self._dataset, "until": 2**62 if until is None else until})
        return {row.trajectory: row.label for row in rows}

    def _taken_back(self, connection: Connection) -> set[int]:
        query = text("SELECT undoes FROM label_actions WHERE dataset = :dataset AND undoes IS NOT NULL")
        return set(connection.execute(query, {"dataset": self._dataset}).scalars())

    def _revert(self, connection: Connection, action: LabelAction, taken_back: set[int]) -> None:
        """Give the action's trajectories the labels that they have by all actions that still stand without it."""
        query = text(
            """
            SELECT e.action, e.trajectory, e.label FROM label_events e JOIN label_actions a ON a.id = e.action
            WHERE a.dataset = :dataset AND a.undoes IS NULL
            AND e.trajectory IN (SELECT trajectory FROM label_events WHERE action = :action)
            ORDER BY e.action
            """
        )
        without: dict[int, Label] = {}
        for row in connection.execute(query, {"dataset": self._dataset, "action": action.id}):
            if row.action == action.id or row.action in taken_back:
                without.setdefault(row.trajectory, "none")
            else:
                without[row.trajectory] = row.label
        now = self._state(connection)
        self._append(
            connection,
            {trajectory: label for trajectory, label in without.items() if label != now[trajectory]},
            author=action.author,
            note=f"takes back action {action.id}",
            origin="undo",
            undoes=action.id,
        )


def parse_numbers(spec: str) -> list[int]:
    """Trajectory numbers as people write them: `3,17,40-60`.

    Raises:
        InvalidLabels: a part is not a number or a range.
    """
    numbers: list[int] = []
    for part in filter(None, (piece.strip() for piece in spec.split(","))):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 20:
            raise InvalidLabels(f"{part!r} is not a trajectory number or range; write them like 3,17,40-60")
        low, high = int(first), int(last or first)
        if high < low or high - low >= 10_000_000:
            raise InvalidLabels(f"the range {part!r} runs backwards or too far; write the smaller number first")
        numbers.extend(range(low, high + 1))
    return list(dict.fromkeys(numbers))


def parse_table(trajectories: Sequence[object], labels: Sequence[object]) -> dict[int, Label]:
    """Labels from the two columns of a table, as `--from labels.csv` gives them.

    Raises:
        InvalidLabels: names the row (counted from 1, without the header) that makes no sense.
    """
    parsed: dict[int, Label] = {}
    for row, (trajectory, label) in enumerate(zip(trajectories, labels, strict=True), start=1):
        number, word = str(trajectory).strip(), str(label).strip()
        if not number.isdecimal() or len(number) > 18:
            raise InvalidLabels(f"row {row}: {number!r} is not a trajectory number")
        if word not in LABELS:
            raise InvalidLabels(f"row {row}: unknown label {word!r}; the labels are {', '.join(LABELS)}")
        parsed[int(number)] = word
    return parsed


def parse_csv(content: bytes) -> dict[int, Label]:
    """Labels from a CSV file with the columns trajectory and label, in any order and beside any others.

    Raises:
        InvalidLabels: it is not text, a column is missing, or a row makes no sense.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InvalidLabels(f"this is not a CSV file in UTF-8 ({problem}); save it as one") from None
    if not rows or not {"trajectory", "label"} <= rows[0].keys():
        raise InvalidLabels("expected the columns trajectory,label and at least one row under them")
    return parse_table([row["trajectory"] for row in rows], [row["label"] for row in rows])
