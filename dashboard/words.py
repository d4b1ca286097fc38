"""Words as pages say them: text of users and files made harmless for Markdown, numbers, dates."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

_SPECIAL = re.compile(r"([\\*\[\]$<~`#]|(?<!\w)_|_(?!\w)|:(?=\w))")
"""What Markdown, or Streamlit's own (`:red[...]`, `$...$`), may take for more than itself."""


def code_span(text: object) -> str:
    """The text as Markdown code: shown as it is, whatever it holds."""
    plain = " ".join(str(text).replace("`", "'").split())
    return f"`{plain}`" if plain else "—"


def harmless(words: str) -> str:
    """The words for Markdown, shown as they are but for what stands between backticks, which is code."""
    plain_and_code = re.split(r"(`[^`]*`)", words)
    return "".join(w if w.startswith("`") else _SPECIAL.sub(r"\\\1", w) for w in plain_and_code)


def number(value: float) -> str:
    """A count with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")


def fine_steps(low: float, high: float) -> dict[str, Any]:
    """`step` and `format` of a slider between numbers of whatever size: 200 steps, and digits that tell them apart."""
    step = (high - low) / 200
    return {"step": step, "format": f"%.{max(0, math.ceil(-math.log10(step)))}f"}


def plural(n: int, word: str) -> str:
    """`1 trajectory`, `12 trajectories`."""
    if n == 1:
        return f"1 {word}"
    return f"{number(n)} {word[:-1]}ies" if word.endswith("y") else f"{number(n)} {word}s"


def moment(at: str) -> str:
    """`2026-01-31 12:00 UTC`, of a time as it is kept."""
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M} UTC"


def sentence(words: str) -> str:
    """The words with a capital letter and a full stop; decimals and names in them stay."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")
