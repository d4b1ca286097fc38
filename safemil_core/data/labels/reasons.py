"""Reason codes: a workspace's own words for why a trajectory is labelled as it is."""

from __future__ import annotations

from sqlalchemy import Connection, text

from safemil_core.data.labels.records import checked_name


def add(connection: Connection, code: str) -> None:
    """Add a code, where it is not there yet.

    Raises:
        InvalidLabels: it is empty, too long, or has characters that cannot be seen.
    """
    query = "INSERT INTO label_reasons (code, meaning) VALUES (:code, '') ON CONFLICT (code) DO NOTHING"
    connection.execute(text(query), {"code": checked_name(code, "the reason")})


def known(connection: Connection) -> list[str]:
    """Every code of the workspace in the order in which they came."""
    return list(connection.execute(text("SELECT code FROM label_reasons ORDER BY id")).scalars())
