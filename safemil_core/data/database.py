"""The SQLite database of a workspace: its schema in numbered steps, one reader and one writer context."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError

from safemil_core.errors import InvalidConfig, NotReady, OutOfRoom

_PATIENCE_S = 30.0
"""For who else writes."""
_INDEX_GROWS_BY = 2**15
"""Bytes. SQLite cannot say that it lacks these on the disk: to it that is an error of the device."""
MIGRATIONS: list[Callable[[Connection], None]] = []
"""Applied in order, each once; never edited after a release, only appended to."""


class Database:
    """Opens (and where needed creates or upgrades) the database at a path; safe for several processes at once.

    Raises:
        InvalidConfig: it is not a database, or may not be written.
        OutOfRoom: its disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # isolation_level None: the driver begins nothing by itself, `write` does.
        connect_args = {"isolation_level": None, "timeout": _PATIENCE_S}
        self._engine = create_engine(f"sqlite:///{path}", connect_args=connect_args)
        event.listen(self._engine, "connect", _on_connect)
        try:
            with self._in_one_sentence():
                self._upgrade()
        except DatabaseError as problem:
            raise InvalidConfig(
                f"{path} cannot be used as the database ({problem.orig}); choose another workspace or mend that file"
            ) from None

    def _upgrade(self) -> None:
        with self.read() as connection:  # nearly always nothing is to be done, and nobody has to wait for it
            if connection.exec_driver_sql("PRAGMA user_version").scalar_one() >= len(MIGRATIONS):
                return
        with self.write() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
                migration(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {number}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on which each statement sees the latest state."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start: what it reads cannot change before it commits.

        Raises:
            OutOfRoom: the disk is full; nothing of it is kept.
            NotReady, InvalidConfig: another program holds the database, or it cannot be written.
        """
        with self._in_one_sentence(), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _in_one_sentence(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as problem:
            code = _code(problem.orig)
            is_full = code == sqlite3.SQLITE_IOERR and shutil.disk_usage(self._path.parent).free < _INDEX_GROWS_BY
            if code == sqlite3.SQLITE_FULL or is_full:
                raise OutOfRoom("the disk is full; free some space") from problem
            if code == sqlite3.SQLITE_BUSY:
                raise NotReady(
                    f"another program has held {self._path} for {_PATIENCE_S:.0f} s; close that, and do it again"
                ) from problem
            if code == sqlite3.SQLITE_READONLY:
                raise InvalidConfig(f"{self._path} may not be written; change its permissions") from problem
            raise


def _code(problem: BaseException | None) -> int:
    """What kind of error SQLite says it is; 0 where it is none of SQLite's. Its extended codes add higher bits."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF


def _on_connect(connection, _record) -> None:  # type: ignore[no-untyped-def]  # the driver's own types
    _keep_a_log(connection)
    connection.execute("PRAGMA synchronous = FULL")  # a label is on disk when `write` returns
    connection.execute("PRAGMA foreign_keys = ON")


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Readers do not wait for a writer then. The one statement that does not wait by itself while others are busy."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            if _code(problem) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


@MIGRATIONS.append
def m001_names_and_labels(connection: Connection) -> None:
    """Names of datasets, and the append-only history of labels: an action of a person, and what it set."""
    for statement in (
        """
        CREATE TABLE dataset_names (
            name TEXT PRIMARY KEY,
            dataset TEXT NOT NULL,             -- id of the content, see data.datasets
            env_id TEXT,                       -- the user's word, over what the file says
            named_at TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE label_actions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            dataset TEXT NOT NULL,
            at TEXT NOT NULL,                  -- UTC, ISO 8601
            author TEXT NOT NULL,
            origin TEXT NOT NULL,              -- hand, file, example, undo, restore
            note TEXT NOT NULL,
            undoes INTEGER REFERENCES label_actions (id)
        )
        """,
        """
        CREATE TABLE label_events (
            action INTEGER NOT NULL REFERENCES label_actions (id),
            trajectory INTEGER NOT NULL,
            label TEXT NOT NULL CHECK (label IN ('non_preferred', 'preferred', 'none')),
            PRIMARY KEY (action, trajectory)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX label_actions_of_dataset ON label_actions (dataset, id)",
    ):
        connection.exec_driver_sql(statement)


@MIGRATIONS.append
def m002_everything_that_is_said(connection: Connection) -> None:
    """Segments, tags and reasons beside labels; snapshots with names; the words for reasons; blind re-tests."""
    for statement in (
        "ALTER TABLE label_events RENAME TO old_label_events",
        """
        CREATE TABLE label_events (
            action INTEGER NOT NULL REFERENCES label_actions (id),
            trajectory INTEGER NOT NULL,
            aspect TEXT NOT NULL,              -- label, `tag NAME` or `segment FIRST-LAST`
            value TEXT NOT NULL CHECK (
                value IN ('non_preferred', 'preferred', 'unsure', 'none') AND aspect = 'label'
                OR value IN ('on', 'off') AND aspect LIKE 'tag %'
                OR value IN ('non_preferred', 'none') AND aspect LIKE 'segment %'
            ),
            reason TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (action, trajectory, aspect)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX label_events_of_aspect ON label_events (trajectory, aspect, action)",
        # An undo has no events from now on: it says all by what it undoes.
        """
        INSERT INTO label_events (action, trajectory, aspect, value)
        SELECT e.action, e.trajectory, 'label', e.label
        FROM old_label_events e JOIN label_actions a ON a.id = e.action WHERE a.undoes IS NULL
        """,
        "DROP TABLE old_label_events",
        "CREATE INDEX label_actions_that_undo ON label_actions (dataset, id) WHERE undoes IS NOT NULL",
        # What the events amount to, kept up to date by each transaction that adds any: pages ask for it all the time.
        """
        CREATE TABLE label_state (
            dataset TEXT NOT NULL,
            trajectory INTEGER NOT NULL,
            aspect TEXT NOT NULL,
            value TEXT NOT NULL,
            reason TEXT NOT NULL,
            action INTEGER NOT NULL REFERENCES label_actions (id),
            PRIMARY KEY (dataset, trajectory, aspect)
        ) WITHOUT ROWID
        """,
        """
        INSERT INTO label_state (dataset, trajectory, aspect, value, reason, action)
        SELECT a.dataset, e.trajectory, e.aspect, e.value, e.reason, max(e.action)
        FROM label_events e JOIN label_actions a ON a.id = e.action
        WHERE a.id NOT IN (SELECT undoes FROM label_actions WHERE undoes IS NOT NULL)
        GROUP BY a.dataset, e.trajectory, e.aspect
        """,
        """
        CREATE TABLE label_snapshots (
            dataset TEXT NOT NULL,
            name TEXT NOT NULL,
            action INTEGER NOT NULL,           -- the newest one that belongs to it; 0: before all
            author TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (dataset, name)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE label_reasons (           -- of the whole workspace, in the order in which they came
            id INTEGER PRIMARY KEY,
            code TEXT NOT NULL UNIQUE,
            meaning TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE label_retests (
            id INTEGER PRIMARY KEY,
            dataset TEXT NOT NULL,
            trajectory INTEGER NOT NULL,
            author TEXT NOT NULL,
            at TEXT NOT NULL,
            before TEXT NOT NULL,              -- what the author had said
            again TEXT NOT NULL                -- and what she says without seeing it
        )
        """,
        "CREATE INDEX label_retests_of_dataset ON label_retests (dataset, id)",
    ):
        connection.exec_driver_sql(statement)


@MIGRATIONS.append
def m003_jobs(connection: Connection) -> None:
    """What is to be done in a process of its own, is being done, or was: one row for each subject of a kind."""
    connection.exec_driver_sql(
        """
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,             -- of a training, the run's id
            author TEXT NOT NULL,
            asked TEXT NOT NULL,               -- for a device as a user names it: auto, cpu, cuda, cuda:1
            device TEXT NOT NULL,              -- the one that it uses, and whose limit it counts towards
            state TEXT NOT NULL CHECK (
                state IN ('queued', 'running', 'stopping', 'done', 'stopped', 'failed', 'lost')
            ),
            attempt INTEGER NOT NULL,          -- 1, and one more each time that it is resumed
            queued_at REAL NOT NULL,           -- of this attempt, Unix time like the others; 0 where not yet
            started_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            ended_at REAL NOT NULL,
            pid INTEGER NOT NULL,              -- of the process that does it, 0 for none yet
            born TEXT NOT NULL,                -- and its birth, which tells it from a later one of that number
            done INTEGER NOT NULL,
            total INTEGER NOT NULL,
            rate REAL NOT NULL,                -- of `done` a second, lately
            message TEXT NOT NULL,             -- why it failed
            UNIQUE (kind, subject)
        )
        """
    )


@MIGRATIONS.append
def m004_run_notes(connection: Connection) -> None:
    """What people call a run and say of it, as it was said last."""
    connection.exec_driver_sql(
        """
        CREATE TABLE run_notes (
            run TEXT PRIMARY KEY,              -- its id
            name TEXT NOT NULL,                -- one line; empty where it has none
            text TEXT NOT NULL,
            author TEXT NOT NULL,              -- of the latest change
            at TEXT NOT NULL                   -- UTC, ISO 8601
        ) WITHOUT ROWID
        """
    )


@MIGRATIONS.append
def m005_hidden_truth(connection: Connection) -> None:
    """Who hid the rewards and true costs of a dataset from its labellers, or revealed them, and when."""
    for statement in (
        """
        CREATE TABLE truth_events (
            id INTEGER PRIMARY KEY,
            dataset TEXT NOT NULL,             -- id of the content
            hides INTEGER NOT NULL CHECK (hides IN (0, 1)),
            author TEXT NOT NULL,
            at TEXT NOT NULL                   -- UTC, ISO 8601
        )
        """,
        "CREATE INDEX truth_events_of_dataset ON truth_events (dataset, id)",
    ):
        connection.exec_driver_sql(statement)
