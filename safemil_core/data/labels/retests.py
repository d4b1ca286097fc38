"""Blind re-tests: what an author says of a trajectory for the second time, without seeing what she said before."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from safemil_core.clock import now
from safemil_core.data.labels.records import Label


@dataclass(frozen=True)
class Retest:
    """Two judgements of one trajectory by one author."""

    trajectory: int
    author: str
    at: str
    """UTC, ISO 8601, of the second one."""
    before: Label
    again: Label


def add(connection: Connection, dataset: str, trajectory: int, author: str, before: str, again: str) -> None:
    """Keep a second judgement."""
    query = """
        INSERT INTO label_retests (dataset, trajectory, author, at, before, again)
        VALUES (:dataset, :trajectory, :author, :at, :before, :again)
        """
    values = {"dataset": dataset, "trajectory": trajectory, "author": author, "at": now("milliseconds")}
    connection.execute(text(query), {**values, "before": before, "again": again})


def kept(connection: Connection, dataset: str) -> list[Retest]:
    """Every second judgement of trajectories of a dataset, oldest first."""
    query = "SELECT trajectory, author, at, before, again FROM label_retests WHERE dataset = :dataset ORDER BY id"
    return [Retest(**row) for row in connection.execute(text(query), {"dataset": dataset}).mappings()]
