"""The database of a workspace: schema in numbered steps, transactions, and a refusal where it cannot be opened."""

import subprocess
import sys

import pytest
from factories import fill

from safemil_core.data import database
from safemil_core.data.database import Database
from safemil_core.data.labels.store import LabelStore
from safemil_core.errors import InvalidConfig, NotReady, OutOfRoom, SafeMILError


def version_of(opened):
    with opened.read() as connection:
        return connection.exec_driver_sql("PRAGMA user_version").scalar_one()


def test_a_new_database_has_every_migration_and_opening_it_again_none(tmp_path):
    assert version_of(Database(tmp_path / "safemil.db")) == len(database.MIGRATIONS)
    assert version_of(Database(tmp_path / "safemil.db")) == len(database.MIGRATIONS)


def test_an_older_database_gets_what_is_new_and_keeps_what_it_holds(tmp_path, monkeypatch):
    old = Database(tmp_path / "safemil.db")
    with old.write() as connection:
        connection.exec_driver_sql("INSERT INTO dataset_names VALUES ('walks', 'abc', NULL, 'today')")
    more = [*database.MIGRATIONS, lambda connection: connection.exec_driver_sql("CREATE TABLE more (x)")]
    monkeypatch.setattr(database, "MIGRATIONS", more)
    new = Database(tmp_path / "safemil.db")
    assert version_of(new) == len(more)
    with new.read() as connection:
        assert connection.exec_driver_sql("SELECT name FROM dataset_names").scalar_one() == "walks"
        assert connection.exec_driver_sql("SELECT count(*) FROM more").scalar_one() == 0


def test_a_transaction_that_fails_leaves_nothing(tmp_path):
    opened = Database(tmp_path / "safemil.db")
    with pytest.raises(RuntimeError, match="midway"), opened.write() as connection:
        connection.exec_driver_sql("INSERT INTO dataset_names VALUES ('walks', 'abc', NULL, 'today')")
        raise RuntimeError("midway")
    with opened.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM dataset_names").scalar_one() == 0


OPENS = """
import sys
from pathlib import Path
from safemil_core.data.database import Database
for folder in sys.argv[1:]:
    input()
    Database(Path(folder) / "safemil.db")
    print(flush=True)
"""


def test_several_processes_may_open_a_new_database_at_once(tmp_path):
    folders = [tmp_path / str(number) for number in range(40)]
    for folder in folders:
        folder.mkdir()
    command = [sys.executable, "-c", OPENS, *map(str, folders)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    openers = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for _ in folders:  # all wait for their line, so that they begin together
        for opener in openers:
            opener.stdin.write("\n")
            opener.stdin.flush()
        for opener in openers:
            assert opener.stdout.readline(), opener.stderr.read()
    for opener in openers:
        opener.communicate()


def test_a_full_disk_is_said_and_a_transaction_can_be_tried_again(small_disk):
    opened = Database(small_disk / "safemil.db")
    fill(small_disk / "filler")
    insert = "INSERT INTO dataset_names VALUES ('walks', 'abc', NULL, 'today')"
    with pytest.raises(OutOfRoom, match=r"^the disk is full; free some space$"), opened.write() as connection:
        connection.exec_driver_sql(insert)
    (small_disk / "other").mkdir()
    with pytest.raises(OutOfRoom, match=r"^the disk is full; free some space$"):
        Database(small_disk / "other" / "safemil.db")
    (small_disk / "filler").unlink()
    with opened.write() as connection:
        connection.exec_driver_sql(insert)
    assert version_of(Database(small_disk / "other" / "safemil.db")) == len(database.MIGRATIONS)


def test_what_is_no_database_is_refused_in_words(tmp_path):
    (tmp_path / "text.db").write_text("this is a diary, not a database" * 50)
    (tmp_path / "folder.db").mkdir()
    for name in ("text.db", "folder.db", "nowhere/safemil.db"):
        with pytest.raises(SafeMILError, match=f"{tmp_path / name} cannot be used as the database"):
            Database(tmp_path / name)


def test_labels_of_the_first_version_come_through_every_upgrade(tmp_path, monkeypatch):
    with monkeypatch.context() as only_the_first:
        only_the_first.setattr(database, "MIGRATIONS", database.MIGRATIONS[:1])
        old = Database(tmp_path / "safemil.db")
    with old.write() as connection:
        # ann marks 0 and 1, bob 1 and 2; ann takes hers back, then marks 3; runs are another dataset's.
        for action in (
            "(1, 'walks', 'then', 'ann', 'hand', 'fell', NULL)",
            "(2, 'walks', 'then', 'bob', 'file', '', NULL)",
            "(3, 'runs', 'then', 'bob', 'hand', '', NULL)",
            "(4, 'walks', 'then', 'ann', 'undo', 'takes back action 1', 1)",
            "(5, 'walks', 'then', 'ann', 'hand', '', NULL)",
        ):
            connection.exec_driver_sql(
                f"INSERT INTO label_actions (id, dataset, at, author, origin, note, undoes) VALUES {action}"
            )
        for event in (
            "(1, 0, 'non_preferred')", "(1, 1, 'non_preferred')", "(2, 1, 'preferred')", "(2, 2, 'none')",
            "(3, 0, 'preferred')", "(4, 0, 'none')", "(5, 3, 'non_preferred')",
        ):  # fmt: skip
            connection.exec_driver_sql(f"INSERT INTO label_events (action, trajectory, label) VALUES {event}")
    old.close()
    labels = LabelStore(Database(tmp_path / "safemil.db"), "walks", 4)
    n, p, none = "non_preferred", "preferred", "none"
    states = {0: [none] * 4, 1: [n, n, none, none], 2: [n, p, none, none], 4: [none, p, none, none]}
    for action, state in {**states, 5: [none, p, none, n], None: [none, p, none, n]}.items():
        assert labels.current(action).tolist() == state
    assert [(a.id, a.n_trajectories, a.undoes) for a in labels.history()] == [
        (5, 1, None), (4, 2, 1), (2, 2, None), (1, 2, None),
    ]  # fmt: skip
    labels.undo(author="ann")
    labels.undo(author="bob")
    assert labels.current().tolist() == [none] * 4
    assert LabelStore(Database(tmp_path / "safemil.db"), "runs", 4).current().tolist() == [p, none, none, none]


def test_what_another_program_holds_and_what_may_not_be_written_is_said(tmp_path, monkeypatch):
    held = Database(tmp_path / "safemil.db")
    monkeypatch.setattr(database, "_PATIENCE_S", 0.1)
    waiting = Database(tmp_path / "safemil.db")
    with held.write(), pytest.raises(NotReady, match=r"has held .*safemil\.db for 0 s; close that"), waiting.write():
        pass
    with pytest.raises(InvalidConfig, match=r"safemil\.db may not be written"), held.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("DELETE FROM dataset_names")
