"""Which points of a long curve to draw: no more than the screen can show, and every peak among them."""

from __future__ import annotations

import numpy as np


def decimated(values: np.ndarray, n_points: int) -> np.ndarray:
    """[at most n_points] the places to draw of values `[T]`: of each stretch the lowest and the highest, in order."""
    if len(values) <= n_points:
        return np.arange(len(values))
    size = -(-len(values) // (n_points // 2))
    n_whole = len(values) // size
    starts = np.arange(n_whole) * size
    stretches = values[: n_whole * size].reshape(n_whole, size)
    found = [starts + stretches.argmin(axis=1), starts + stretches.argmax(axis=1)]
    if n_whole * size < len(values):
        rest = values[n_whole * size :]
        found.append(n_whole * size + np.array([rest.argmin(), rest.argmax()]))
    return np.unique(np.concatenate(found))
