"""Texts in CSV files that a spreadsheet would compute instead of showing, and how to keep it from that."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How they begin (OWASP, "CSV Injection")."""


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would compute it."""
    return f"'{text}" if _is_formula(text) else text


def as_said(text: str) -> str:
    """What `harmless` was given."""
    return text.removeprefix("'") if _is_formula(text) else text


def _is_formula(text: str) -> bool:
    return text.lstrip("'").startswith(_FORMULA)
