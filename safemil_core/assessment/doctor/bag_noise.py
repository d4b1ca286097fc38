"""How surely a non-preferred bag outscores an unlabelled one, by bag size and window: what updates learn from.

A bag's score is a mean of K windows' sums. With the learned cost as it is, the gap between the kinds and the variance
of one window say how often K windows put the right bag above: Phi(gap sqrt(K) / sqrt(variance of both)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

from safemil_core.assessment.doctor.case import Case
from safemil_core.learning.failure_modes import costlier_less

N_WINDOWS = 2_000
MOST_STEPS = 200_000
"""Of all windows together that are drawn of a kind."""


@dataclass(frozen=True)
class WindowScores:
    """Scores of single windows of one length."""

    gap: float
    """Mean of the non-preferred less that of the unlabelled."""
    noise: float
    """Deviation of the difference of one window of either."""

    def certainty(self, bag_size: int) -> float:
        """How often a non-preferred bag outscores an unlabelled one."""
        if self.noise == 0:
            return float(np.sign(self.gap) + 1) / 2
        return (1 + erf(self.gap * sqrt(bag_size) / self.noise / sqrt(2))) / 2


def window_scores(case: Case, window: int) -> WindowScores:
    """Draw windows as training does and score them with the learned cost.

    Args:
        case: with costs, and at least one trajectory of both kinds.
        window: H; 0 takes whole trajectories.
    """
    rng = np.random.default_rng(0)
    marked = _scores(case, case.marked, None, window, rng, case.segments)
    others = _scores(case, *_unlabelled(case), window, rng, {})
    return WindowScores(float(marked.mean() - others.mean()), float(np.sqrt(marked.var() + others.var())))


def _unlabelled(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """[n] what unlabelled bags draw from, and [n] how likely each is."""
    assert case.mean_costs is not None
    cost, is_preferred = case.config.cost, case.labels[case.others] == "preferred"
    shares = np.ones(len(case.others))
    if not is_preferred.all():
        shares[is_preferred] = cost.preferred_weight == 0  # otherwise they have bags of their own
        shares[~is_preferred] = costlier_less(case.mean_costs[case.others][~is_preferred], cost.costly_rate)
    return case.others, shares / shares.sum()


def _scores(
    case: Case,
    members: np.ndarray,
    likely: np.ndarray | None,
    window: int,
    rng: np.random.Generator,
    segments: Mapping[int, tuple[tuple[int, int], ...]],
) -> np.ndarray:
    """[n] discounted sums of c over windows of trajectories, drawn uniformly or as likely as is said."""
    assert case.costs is not None
    longest = int(case.lengths[members].max())
    width = min(window, longest) or longest
    n = max(2, min(N_WINDOWS, MOST_STEPS // width))
    chosen = rng.choice(members, n, p=likely)
    first, beyond = case.offsets[chosen], case.offsets[chosen + 1]
    for row, trajectory in enumerate(chosen.tolist()):
        if segments.get(trajectory):  # one of its segments, the likelier the more windows fit into it
            spans = np.array(segments[trajectory])
            places = np.maximum(spans[:, 1] - spans[:, 0] + 1 - width + 1, 1)
            start, stop = spans[rng.choice(len(spans), p=places / places.sum())]
            first[row], beyond[row] = case.offsets[trajectory] + start, case.offsets[trajectory] + stop + 1
    starts = first + (rng.random(n) * np.maximum(beyond - first - width + 1, 1)).astype(np.int64)
    steps = starts[:, None] + np.arange(width)
    is_within = steps < beyond[:, None]
    costs = case.costs[np.minimum(steps, beyond[:, None] - 1)].astype(np.float64)
    sums: np.ndarray = (costs * is_within) @ case.config.cost.gamma ** np.arange(width, dtype=np.float64)
    return sums
