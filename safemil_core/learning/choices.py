"""Discrete actions as cost networks see them. NumPy only, so that pages can do the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig, InvalidDataset

MOST_CHOICES = 4_096
"""Of a discrete action: each becomes an input of its own."""


def spread_choices(actions: np.ndarray, parts: Sequence[Part]) -> np.ndarray:
    """Discrete actions as one input for each choice, 1 for the one taken and 0 for the others; numbers as they are.

    Choices have no order: as a number, choice 1 would lie between 0 and 2.

    Args:
        actions: [n, A] float32, a discrete part as the number of its choice.
        parts: of the A numbers, in order.

    Returns:
        [n, A'] float32.
    """
    columns, at = [], 0
    for part in parts:
        values = actions[:, at : at + part.size]
        at += part.size
        if part.n_choices is None:
            columns.append(values)
            continue
        if part.n_choices * part.size > MOST_CHOICES:
            raise InvalidConfig(
                f"the action {part.name!r} has {part.n_choices * part.size} choices; training takes {MOST_CHOICES}"
            )
        choices = np.arange(part.n_choices, dtype=np.float32)
        taken = values[:, :, None] == choices
        if not taken.any(axis=2).all():
            raise InvalidDataset(f"the action {part.name!r} is not always one of its {part.n_choices} choices")
        columns.append(taken.reshape(len(actions), -1).astype(np.float32))
    return np.concatenate(columns, axis=1)


def inputs_per_number(parts: Sequence[Part]) -> list[int]:
    """Of each of the A numbers, how many inputs `spread_choices` makes of it."""
    return [part.n_choices or 1 for part in parts for _ in range(part.size)]
