"""Statistics of episodes with their 95 % bootstrap intervals. NumPy and SciPy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats

N_RESAMPLES = 9_999
CVAR_SHARE = 0.2
_AT_ONCE = 500
"""Resamples."""
_BOUNDS = (2.5, 97.5)
"""Per cent, between which 95 % of the resamples lie."""

Statistic = Callable[..., Any]
"""Of values along `axis`, like `np.mean`."""
Interval = dict[str, float]
"""`mean`, which is the statistic itself, whichever it is, between `low` and `high`."""


def cvar(costs: np.ndarray, share: float = CVAR_SHARE, axis: int = -1) -> Any:
    """Mean cost of the worst `share` of episodes (at least one), the paper's CVaR@20 %: where that is no whole number,
    the last one counts in part."""
    n = costs.shape[axis]
    weights = np.clip(max(1.0, share * n) - np.arange(n), 0, 1)[::-1]
    return np.average(np.sort(costs, axis=axis), axis=axis, weights=weights)


def iqm(values: np.ndarray, axis: int = -1) -> Any:
    """Mean of the middle half: the quarter of the least and that of the largest, rounded down, are left out.

    As rliable's `aggregate_iqm` (Agarwal et al., NeurIPS 2021), which does not import beside pandas 3.
    """
    return stats.trim_mean(values, 0.25, axis=axis)


def satisfied(costs: np.ndarray, limit: float) -> np.ndarray:
    """[n] 1 for each episode whose cost is at most the limit, else 0; its mean is the satisfaction."""
    return (costs <= limit).astype(np.float64)


def interval(values: np.ndarray, statistic: Statistic = np.mean) -> Interval:
    """A statistic of values [n] with its 95 % bootstrap interval (percentile method, seeded)."""
    return interval_of_groups([values], statistic)


def interval_of_groups(groups: Sequence[np.ndarray], statistic: Statistic = np.mean) -> Interval:
    """The same over several groups, such as the episodes [n] of one training seed each: groups are drawn with
    replacement, so that the interval holds what another training would change, and places within all of them alike:
    the values at one place come from one start, and five seeds from 20 starts are not 100 starts (Owen, 2007, the
    pigeonhole bootstrap).

    Args:
        groups: at least one, each of at least one value; those of different sizes have no starts in common.
        statistic: of all values together.
    """
    pooled = np.concatenate(groups)
    point = float(statistic(pooled))
    if len(pooled) < 2 or np.ptp(pooled) == 0:
        return {"mean": point, "low": point, "high": point}
    low, high = np.percentile(_resampled(groups, statistic, np.random.default_rng(0)), _BOUNDS)
    return {"mean": point, "low": float(low), "high": float(high)}


def _resampled(groups: Sequence[np.ndarray], statistic: Statistic, rng: np.random.Generator) -> np.ndarray:
    """[N_RESAMPLES] the statistic of what is drawn."""
    if len({len(group) for group in groups}) > 1:
        return np.array([statistic(_drawn(groups, rng)) for _ in range(N_RESAMPLES)])
    table = np.stack(groups)
    g, n = table.shape
    parts = []
    for first in range(0, N_RESAMPLES, _AT_ONCE):  # as one array, thousands of episodes would take gigabytes
        size = min(_AT_ONCE, N_RESAMPLES - first)
        chosen = rng.integers(g, size=(size, g, 1)), rng.integers(n, size=(size, 1, n))
        parts.append(statistic(table[chosen].reshape(size, -1), axis=-1))
    return np.concatenate(parts)


def _drawn(groups: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """One resample of groups of different sizes."""
    chosen = [groups[g] for g in rng.integers(len(groups), size=len(groups))]
    return np.concatenate([rng.choice(group, len(group)) for group in chosen])
