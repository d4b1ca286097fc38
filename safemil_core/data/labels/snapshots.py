"""Named snapshots of labels: a name for the state after an action, for people to find and runs to pin."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from safemil_core.clock import now
from safemil_core.errors import AlreadyExists, InvalidLabels, NotFound
from safemil_core.workspace import as_name, is_name


@dataclass(frozen=True)
class Snapshot:
    """A state of a dataset's labels that somebody gave a name."""

    name: str
    action: int
    """The newest one that belongs to it; 0: nothing was labelled yet."""
    author: str
    at: str
    """UTC, ISO 8601, when it was named."""


def save(connection: Connection, dataset: str, name: str, action: int, author: str) -> Snapshot:
    """Give the state after an action a name, for ever.

    Raises:
        InvalidLabels: it is no name.
        AlreadyExists: the name is taken.
    """
    if not is_name(name):
        raise InvalidLabels(
            f"{name[:80]!r} cannot name a snapshot; use lower-case letters, digits, - and _, like {as_name(name)!r}"
        )
    if any(snapshot.name == name for snapshot in saved(connection, dataset)):
        raise AlreadyExists(f"a snapshot named {name!r} is already here; choose another name")
    snapshot = Snapshot(name, action, author, now("milliseconds"))
    query = """
        INSERT INTO label_snapshots (dataset, name, action, author, at)
        VALUES (:dataset, :name, :action, :author, :at)
        """
    connection.execute(text(query), {"dataset": dataset, **vars(snapshot)})
    return snapshot


def saved(connection: Connection, dataset: str) -> list[Snapshot]:
    """Every named state of a dataset, newest first."""
    query = "SELECT name, action, author, at FROM label_snapshots WHERE dataset = :dataset ORDER BY at DESC, name"
    return [Snapshot(**row) for row in connection.execute(text(query), {"dataset": dataset}).mappings()]


def named(snapshots: list[Snapshot], name: str) -> Snapshot:
    """The one of that name.

    Raises:
        NotFound: there is none.
    """
    for snapshot in snapshots:
        if snapshot.name == name:
            return snapshot
    there = ", ".join(snapshot.name for snapshot in snapshots) or "none yet"
    raise NotFound(f"there is no snapshot {name!r} of these labels; there are: {there}")
