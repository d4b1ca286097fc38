"""Trajectories that are as good as the same: copies, and repetitions with a little noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safemil_core.assessment.descriptors import nearest
from safemil_core.assessment.doctor.findings import Evidence, Series
from safemil_core.assessment.histograms import middles
from safemil_core.assessment.label_audit import TWIN

_BINS = 20


@dataclass(frozen=True)
class Twins:
    """Of each of `n` trajectories the nearest of some others."""

    of: np.ndarray
    """[n] their numbers."""
    which: np.ndarray
    """[n] the nearest; -1 where there is none."""
    distances: np.ndarray
    """[n] in units of how far the nearest trajectory usually is; infinite where there is none."""

    @property
    def is_twin(self) -> np.ndarray:
        """[n] bool, whether the nearest is as good as the same."""
        near: np.ndarray = self.distances <= TWIN
        return near


def twins(descriptors: np.ndarray, of: np.ndarray, among: np.ndarray) -> Twins:
    """For each of the trajectories `of` the nearest of those `among` others."""
    everyone = nearest(descriptors, np.arange(len(descriptors))).distances
    apart = everyone[everyone > 0]
    usual = float(np.median(apart)) if len(apart) else 1.0
    found = nearest(descriptors, among)
    return Twins(of, found.which[of], found.distances[of] / usual)


def distance_histogram(found: Twins, others: str) -> Evidence:
    """How far the nearest of the others is from each."""
    values = np.minimum(found.distances, 3.0)
    edges = np.linspace(0, 3, _BINS + 1)
    counts = np.histogram(values, edges)[0]
    series = Series("marked", tuple(middles(edges).tolist()), tuple(counts.astype(float).tolist()), "non_preferred")
    return Evidence(
        "bars", f"distance to the nearest {others} (1: as usual; 3: or more)", "marked trajectories", (series,)
    )
