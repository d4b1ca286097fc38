"""Reason codes: a workspace's own words for why a trajectory is labelled as it is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from safemil_core.data.labels.records import checked_name, checked_note


@dataclass(frozen=True)
class Reason:
    """A short code and what it means."""

    code: str
    meaning: str
    n_uses: int
    """Labels of the dataset that carry it now."""


def add(connection: Connection, code: str, meaning: str = "") -> None:
    """Add a code; where it is there already, a meaning that is not empty replaces the old one.

    Raises:
        InvalidLabels: the code or its meaning is too long, or has characters that cannot be seen.
    """
    query = """
        INSERT INTO label_reasons (code, meaning) VALUES (:code, :meaning)
        ON CONFLICT (code) DO UPDATE SET meaning = excluded.meaning WHERE excluded.meaning != ''
        """
    values = {"code": checked_name(code, "the reason"), "meaning": checked_note(meaning)}
    connection.execute(text(query), values)


def known(connection: Connection, dataset: str) -> list[Reason]:
    """Every code of the workspace in the order in which they came, with its uses in a dataset."""
    query = """
        SELECT r.code, r.meaning, count(s.trajectory) AS n_uses FROM label_reasons r
        LEFT JOIN label_state s ON s.dataset = :dataset AND s.aspect = 'label' AND s.reason = r.code
        GROUP BY r.id ORDER BY r.id
        """
    return [Reason(**row) for row in connection.execute(text(query), {"dataset": dataset}).mappings()]
