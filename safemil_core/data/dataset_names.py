"""Names of datasets: which content each points to, and the environment that a user named for it. Not the content."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text

from safemil_core.clock import now
from safemil_core.data.database import Database
from safemil_core.errors import NotFound


class Named(NamedTuple):
    """What a name stands for."""

    dataset: str
    """Id of the content."""
    env_id: str | None
    """None where no user named one."""


class DatasetNames:
    """Those of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, str]:
        """The id behind each name, in the order in which they came."""
        with self._database.read() as connection:
            rows = connection.execute(text("SELECT name, dataset FROM dataset_names ORDER BY named_at, name"))
            return {row.name: row.dataset for row in rows}

    def find(self, name: str) -> Named | None:
        """What a name stands for, if anything."""
        with self._database.read() as connection:
            query = text("SELECT dataset, env_id FROM dataset_names WHERE name = :name")
            row = connection.execute(query, {"name": name}).one_or_none()
            return None if row is None else Named(*row)

    def get(self, name: str) -> Named:
        """The same. Raises NotFound where it stands for nothing."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"there is no dataset {name!r}; `safemil datasets` lists them")
        return found

    def has(self, dataset_id: str) -> bool:
        """Whether some name stands for this content."""
        return dataset_id in self.all().values()

    def point(self, name: str, dataset_id: str, env_id: str | None) -> None:
        """Let a name stand for this content, unless it stands for other content; None keeps the environment."""
        with self._database.write() as connection:
            connection.execute(
                text(
                    """
                    INSERT INTO dataset_names (name, dataset, env_id, named_at) VALUES (:name, :dataset, :env_id, :at)
                    ON CONFLICT (name) DO UPDATE SET env_id = coalesce(excluded.env_id, env_id)
                    WHERE dataset = excluded.dataset
                    """
                ),
                {"name": name, "dataset": dataset_id, "env_id": env_id, "at": now("milliseconds")},
            )

    def remove(self, name: str, dataset_id: str) -> None:
        """Take a name away from this content."""
        with self._database.write() as connection:
            query = text("DELETE FROM dataset_names WHERE name = :name AND dataset = :dataset")
            connection.execute(query, {"name": name, "dataset": dataset_id})
