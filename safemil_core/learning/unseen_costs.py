"""What networks say of behaviour that they have not seen, and how far that can be relied on. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import mannwhitneyu


@dataclass(frozen=True)
class UnseenCosts:
    """The cost of steps by networks each of which went without one cluster of behaviour, of `N` trajectories."""

    unseen: np.ndarray
    """[sum T] float32, by the one that has not seen behaviour like it; NaN where there is none, or none was asked."""
    seen: np.ndarray
    """[sum T] float32, by the mean of those that have; NaN likewise."""
    labels: np.ndarray
    """[N] that they learned from."""
    offsets: np.ndarray
    """[N + 1] where trajectories begin."""

    @property
    def agreement(self) -> float:
        """Pearson's correlation of the two over the steps: 1 where what was not seen makes no difference."""
        is_known = ~np.isnan(self.unseen)
        if np.ptp(self.unseen[is_known]) == 0 or np.ptp(self.seen[is_known]) == 0:
            return 0.0  # what is the same everywhere agrees with nothing
        return float(np.corrcoef(self.unseen[is_known], self.seen[is_known])[0, 1])

    @cached_property
    def means(self) -> np.ndarray:
        """[N] mean unseen cost of a trajectory's steps; NaN where none is known."""
        n = np.add.reduceat(~np.isnan(self.unseen), self.offsets[:-1])
        sums = np.add.reduceat(np.nan_to_num(self.unseen), self.offsets[:-1], dtype=np.float64)
        means: np.ndarray = np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0)
        return means

    @property
    def label_auc(self) -> float | None:
        """ROC AUC of telling the marked from the others by these means; None where one of the two is unknown."""
        is_known, is_marked = ~np.isnan(self.means), self.labels == "non_preferred"
        marked, others = self.means[is_known & is_marked], self.means[is_known & ~is_marked]
        if not len(marked) or not len(others):
            return None
        return float(mannwhitneyu(marked, others).statistic) / (len(marked) * len(others))
