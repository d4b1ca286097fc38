"""One of a few, all of them in sight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from streamlit.delta_generator import DeltaGenerator

T = TypeVar("T", bound=str)


def choice(words: str, key: str, options: Mapping[T, str], place: DeltaGenerator) -> T:
    """Choose one; at first the first, and later what was chosen in this session.

    Args:
        words: over it.
        key: of the widget.
        options: the words of each.
        place: where it stands.
    """
    chosen: T = place.segmented_control(
        words,
        list(options),
        default=next(iter(options)),
        format_func=options.__getitem__,
        required=True,
        key=key,
        persist_state="session",
    )
    return chosen
