"""RunNotes: what people call a run and say of it, in the workspace's database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, text

from safemil_core.clock import now
from safemil_core.data.database import Database
from safemil_core.data.labels.records import checked_name, checked_note

_COLUMNS = "name, text, author, at"


@dataclass(frozen=True)
class RunNote:
    """A name and a note. Both come from people and may hold anything: show them as text, never as Markdown."""

    name: str = ""
    """One line; empty where the run has none."""
    text: str = ""
    author: str = ""
    """Of the latest change."""
    at: str = ""
    """UTC, ISO 8601; empty where nobody has said anything."""

    def __post_init__(self) -> None:
        if self.name:
            checked_name(self.name, "the name of a run")
        checked_note(self.text)


class RunNotes:
    """The names and notes of a workspace's runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, run_id: str) -> RunNote:
        """The name and note of a run; empty ones where nobody has said anything."""
        with self._database.read() as connection:
            return _of(connection, run_id)

    def all(self) -> dict[str, RunNote]:
        """The names and notes of all runs that have any, by the run's id."""
        with self._database.read() as connection:
            rows = connection.execute(text(f"SELECT run, {_COLUMNS} FROM run_notes")).mappings()  # noqa: S608  # ours
            return {row["run"]: RunNote(**{key: row[key] for key in row if key != "run"}) for row in rows}

    def write(self, run_id: str, *, author: str, name: str | None = None, note: str | None = None) -> RunNote:
        """Change the name, the note or both; what is None stays.

        Raises:
            InvalidLabels: one is too long, or has characters that cannot be seen.
        """
        with self._database.write() as connection:
            before = _of(connection, run_id)
            after = replace(
                before,
                name=before.name if name is None else " ".join(name.split()),
                text=before.text if note is None else note.strip(),
                author=author,
                at=now(),
            )
            if (after.name, after.text) == (before.name, before.text):
                return before
            query = f"INSERT OR REPLACE INTO run_notes (run, {_COLUMNS}) VALUES (:run, :name, :text, :author, :at)"  # noqa: S608
            connection.execute(text(query), {"run": run_id, **vars(after)})
        return after

    def forget(self, run_id: str) -> None:
        """Remove what was said of a run that is deleted."""
        with self._database.write() as connection:
            connection.execute(text("DELETE FROM run_notes WHERE run = :run"), {"run": run_id})


def _of(connection: Connection, run_id: str) -> RunNote:
    query = text(f"SELECT {_COLUMNS} FROM run_notes WHERE run = :run")  # noqa: S608  # as above
    row = connection.execute(query, {"run": run_id}).mappings().one_or_none()
    return RunNote(**row) if row else RunNote()
