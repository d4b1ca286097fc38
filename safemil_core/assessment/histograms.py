"""How many trajectories have which value, by label. NumPy only."""

from __future__ import annotations

import numpy as np

from safemil_core.data.labels.store import LABELS, Label


def histogram_by_label(
    values: np.ndarray, labels: np.ndarray, n_bins: int
) -> tuple[np.ndarray, dict[Label, np.ndarray]]:
    """Edges `[n_bins + 1]` of equal bins over all values, and for every label that occurs how many trajectories fall
    into each."""
    low, high = float(values.min()), float(values.max())
    if low >= high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, n_bins + 1)
    return edges, {
        label: np.histogram(values[labels == label], edges)[0] for label in LABELS if (labels == label).any()
    }


def middles(edges: np.ndarray) -> np.ndarray:
    """[n] of bins between edges [n + 1]."""
    found: np.ndarray = (edges[:-1] + edges[1:]) / 2
    return found
