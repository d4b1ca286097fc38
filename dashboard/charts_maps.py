"""Maps of cells: their axes, and which numbers have which colours. Imports no Streamlit; `cell_map` draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.charts_theme import DIFFERENCE_SCALES, LEARNED_COST_SCALE, STEPS_SCALE, TRUE_COST_SCALE
from safemil_core.assessment.state_maps import StateMap

Scale = tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""Colours from the lowest to the highest value; those for the light and the dark theme where they differ."""
MapKind = Literal["learned", "true", "steps", "difference", "share"]


@dataclass(frozen=True)
class Grid:
    """The cells that all panels of a map share."""

    id: str
    """Equal for maps whose cells are the same: a selection of them then stays."""
    x_name: str
    y_name: str

    x_edges: np.ndarray
    """[X + 1] where columns begin and the last one ends."""
    y_edges: np.ndarray
    """[Y + 1]."""

    counts: np.ndarray
    """[Y, X] steps in each cell; one without any cannot be selected."""

    def __post_init__(self) -> None:
        assert self.counts.shape == (len(self.y_edges) - 1, len(self.x_edges) - 1)


@dataclass(frozen=True)
class MapPanel:
    """One value a cell, as colours."""

    title: str

    values: np.ndarray
    """[Y, X], NaN where there is nothing to say."""

    scale: Scale
    low: float
    """The value of the first colour, and all below it."""
    high: float
    is_log: bool = False
    unit: str = ""


def panel(found: StateMap, title: str, kind: MapKind) -> MapPanel:
    """A map with the scale of its kind: costs from 0, steps by their logarithm, differences to either side of 0."""
    known = found.values[np.isfinite(found.values)]
    highest = float(np.abs(known).max()) if len(known) else 0.0
    highest = highest or 1.0
    if kind == "steps":
        return MapPanel(title, found.values, STEPS_SCALE, 1.0, max(2.0, highest), is_log=True)
    if kind == "difference":
        return MapPanel(title, found.values, DIFFERENCE_SCALES, -highest, highest)
    if kind == "share":
        return MapPanel(title, 100 * found.values, DIFFERENCE_SCALES, -100 * highest, 100 * highest, unit=" %")
    scale = LEARNED_COST_SCALE if kind == "learned" else TRUE_COST_SCALE
    return MapPanel(title, found.values, scale, 0.0, highest)
