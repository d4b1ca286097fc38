"""How well a learned cost agrees with the true one, of steps and of trajectories, once the truth is revealed.

Whatever is ranked is an item here: a step, which violates where its true cost is above 0, or a trajectory. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safemil_core.data.trajectories import sum_by_trajectory

N_POINTS = 600
"""Of a curve, at most about so many: more than a screen shows."""
N_BINS = 20


@dataclass(frozen=True)
class Judged:
    """What a learned cost is compared with the truth over: `N` trajectories."""

    sums: np.ndarray
    """[N] C, the learned cost of each trajectory."""
    costs: np.ndarray
    """[sum T] c, the learned cost of each step."""
    true_costs: np.ndarray
    """[sum T]."""
    offsets: np.ndarray
    """[N + 1] where trajectories begin."""

    @property
    def true_sums(self) -> np.ndarray:
        """[N] true cost of each trajectory."""
        return sum_by_trajectory(self.true_costs, self.offsets)

    def only(self, is_kept: np.ndarray) -> Judged:
        """Some of the trajectories: [N] bool."""
        lengths = np.diff(self.offsets)
        steps = np.repeat(is_kept, lengths)
        offsets = np.concatenate([[0], np.cumsum(lengths[is_kept])])
        return Judged(self.sums[is_kept], self.costs[steps], self.true_costs[steps], offsets)


@dataclass(frozen=True)
class Ranking:
    """Items by their scores, highest first, and how many of them violate. Equal scores are looked at together.

    The curves are exact at their `P` points, which lie evenly by items looked at and by violating ones found; the areas
    are exact.
    """

    n: int
    n_violating: int
    looked: np.ndarray
    """[P] int64, items of at least a score each, which falls."""
    found: np.ndarray
    """[P] int64, violating ones among them."""
    auc: float | None
    """Chance that a violating item scores above another one, ties counted half; None where all are of one kind."""
    average_precision: float | None
    """Mean precision over the violating items, as scikit-learn defines it; None where none violates."""

    @property
    def precision(self) -> np.ndarray:
        """[P] of those looked at, the share that violates."""
        shares: np.ndarray = self.found / self.looked
        return shares

    @property
    def recall(self) -> np.ndarray:
        """[P] of those that violate, the share that is found: also the true positive rate. At least one violates."""
        shares: np.ndarray = self.found / self.n_violating
        return shares

    @property
    def false_positive_rate(self) -> np.ndarray:
        """[P] of those that do not violate, the share looked at. At least one does not."""
        shares: np.ndarray = (self.looked - self.found) / (self.n - self.n_violating)
        return shares


@dataclass(frozen=True)
class Cut:
    """What a threshold makes of the items: those of at least that score are called violating."""

    n: int
    looked: int
    """Items of at least that score."""
    found: int
    """Violating ones among them."""
    n_violating: int

    @property
    def precision(self) -> float | None:
        return self.found / self.looked if self.looked else None

    @property
    def recall(self) -> float | None:
        return self.found / self.n_violating if self.n_violating else None

    @property
    def false_positive_rate(self) -> float | None:
        others = self.n - self.n_violating
        return (self.looked - self.found) / others if others else None


@dataclass(frozen=True)
class Calibration:
    """Items in `B` bins of about equally many, by rising score."""

    score: np.ndarray
    """[B] mean score."""
    share: np.ndarray
    """[B] mean of what the score should be, for steps the share that violates."""
    counts: np.ndarray
    """[B] int64, items."""

    @property
    def error(self) -> float:
        """How far the two are apart, the mean over the items."""
        return float((np.abs(self.score - self.share) * self.counts).sum() / self.counts.sum())


@dataclass(frozen=True)
class TruthReport:
    """A learned cost against the true one, at one level."""

    ranking: Ranking
    calibration: Calibration


def step_report(costs: np.ndarray, true_costs: np.ndarray) -> TruthReport:
    """Of steps, by their learned costs c.

    Args:
        costs: [n] c of each step.
        true_costs: [n]; a step violates where it is above 0.
    """
    scores, violates = _sorted(costs, true_costs > 0)
    return TruthReport(_ranking(scores[::-1], violates[::-1]), _calibration(scores, violates))


def trajectory_report(
    sums: np.ndarray, costs: np.ndarray, true_costs: np.ndarray, offsets: np.ndarray, limit: float = 0.0
) -> TruthReport:
    """Of trajectories: ranked by their learned costs C; calibrated by mean c against the share of violating steps.

    Args:
        sums: [N] C of each trajectory.
        costs: [sum T] c of each step.
        true_costs: [sum T].
        offsets: [N + 1] where trajectories begin.
        limit: a trajectory violates where its true cost, summed over its steps, is above it.
    """
    order = np.argsort(-sums, kind="stable")
    violates = sum_by_trajectory(true_costs, offsets) > limit
    lengths = np.diff(offsets)
    mean = sum_by_trajectory(costs, offsets) / lengths
    share = sum_by_trajectory(true_costs > 0, offsets) / lengths
    by_mean = np.argsort(mean, kind="stable")
    return TruthReport(_ranking(sums[order], violates[order]), _calibration(mean[by_mean], share[by_mean]))


def cut(scores: np.ndarray, violates: np.ndarray, threshold: float) -> Cut:
    """What a threshold makes of items with these scores [n], where it is known which violate [n] bool."""
    is_looked_at = scores >= threshold
    return Cut(
        n=len(scores),
        looked=int(np.count_nonzero(is_looked_at)),
        found=int(np.count_nonzero(violates & is_looked_at)),
        n_violating=int(np.count_nonzero(violates)),
    )


def _sorted(costs: np.ndarray, violates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Costs [n] in [0, 1] as float32 rising, and whether each step violates.

    Floating-point numbers from 0 up to 2 are ordered as their bits are, which leave room for one more: sorting whole
    numbers takes a fraction of the time of finding an order.
    """
    keys = np.sort((costs.astype(np.float32).view(np.uint32) << 1) | violates)
    return (keys >> 1).view(np.float32), (keys & 1).astype(bool)


def _ranking(scores: np.ndarray, violates: np.ndarray) -> Ranking:
    """Of scores [n] that fall, and whether each item violates [n] bool."""
    n, n_violating = len(scores), int(np.count_nonzero(violates))
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), n - 1)
    looked, found = last + 1, np.cumsum(violates)[last]
    gains = np.diff(found, prepend=0)
    auc = average_precision = None
    if 0 < n_violating < n:
        passed = np.diff(looked, prepend=0) - gains
        # Every harmless item at a threshold lies below the violating ones found before, and beside half of its equals.
        auc = float((passed * (found - gains / 2)).sum() / (n_violating * (n - n_violating)))
    if n_violating:
        average_precision = float((found / looked * gains).sum() / n_violating)
    shown = _few(looked, found)
    return Ranking(n, n_violating, looked[shown], found[shown], auc, average_precision)


def _few(looked: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Places of the points to keep: evenly by items looked at, by the logarithm of these, and by those found."""
    n = N_POINTS // 3
    by_log = np.geomspace(1, looked[-1], n)
    wanted = [np.searchsorted(looked, np.linspace(0, looked[-1], n)), np.searchsorted(looked, by_log)]
    wanted.append(np.searchsorted(found, np.linspace(0, found[-1], n)))
    return np.unique(np.minimum(np.concatenate(wanted), len(looked) - 1))


def _calibration(scores: np.ndarray, values: np.ndarray) -> Calibration:
    """Of scores [n] that rise, and what each should be [n]; items of one score are in one bin."""
    cuts = np.linspace(0, len(scores), min(N_BINS, len(scores)) + 1).round().astype(np.int64)[1:]
    ends = np.unique(np.searchsorted(scores, scores[cuts - 1], side="right"))
    starts = np.concatenate([[0], ends[:-1]])
    counts = ends - starts
    score = np.add.reduceat(scores, starts, dtype=np.float64) / counts
    share = np.add.reduceat(values, starts, dtype=np.float64) / counts
    return Calibration(score, share, counts)
