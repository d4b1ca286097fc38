"""The database of a workspace: schema in numbered steps, transactions, and a refusal where it cannot be opened."""

import pytest

from safemil_core.data import database
from safemil_core.data.database import Database
from safemil_core.errors import SafeMILError


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


def test_what_is_no_database_is_refused_in_words(tmp_path):
    (tmp_path / "text.db").write_text("this is a diary, not a database" * 50)
    (tmp_path / "folder.db").mkdir()
    for name in ("text.db", "folder.db", "nowhere/safemil.db"):
        with pytest.raises(SafeMILError, match=f"{tmp_path / name} cannot be used as the database"):
            Database(tmp_path / name)
