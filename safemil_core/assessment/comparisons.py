"""Whether one policy is better than another, and how sure that is. NumPy and SciPy only.

Policies play the same starts, so they are compared start by start: what makes an episode easy or hard for all of them
drops out. The aggregates are rliable's (Agarwal et al., NeurIPS 2021), in a few lines of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from safemil_core.assessment.intervals import Interval, cvar, interval

HIGHER_IS_BETTER = {"return": True, "cost": False}
"""What policies are compared by."""


def paired_difference(values: np.ndarray, others: np.ndarray) -> Interval:
    """Mean of `values` less `others`, [n] both, start by start, with the interval of a bootstrap over starts."""
    if values.shape != others.shape:
        raise ValueError(f"expected as many episodes of both, from the same starts: {values.shape}, {others.shape}")
    return interval(values - others)


def paired_cvar_difference(costs: np.ndarray, others: np.ndarray) -> Interval:
    """The CVaR@20 % of costs [n] less that of others [n]; each resample draws the same starts for both."""
    pairs = np.stack([costs, others], axis=-1)
    positions = np.arange(len(pairs))

    def difference(drawn: np.ndarray, axis: int = -1) -> Any:
        return cvar(pairs[drawn, 0], axis=axis) - cvar(pairs[drawn, 1], axis=axis)

    return interval(positions, difference)


def probability_of_improvement(values: np.ndarray, others: np.ndarray) -> float:
    """Chance that one of `values` [n] is above one of `others` [m], ties counted half: Mann and Whitney's U by n m."""
    return float(stats.mannwhitneyu(values, others).statistic) / (len(values) * len(others))


def performance_profile(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """[L] the share of values [n] above each level [L]."""
    shares: np.ndarray = (values[:, None] > levels).mean(axis=0)
    return shares


def compare(played: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """One policy against another from the same starts, both as `evaluation.evaluate_policy` reports them.

    Returns:
        For `return` and `cost` the mean difference with its interval, and under `..._better` the chance that an
        episode of the first is better than one of the second; `cvar_cost`, the difference of the worst fifths.
    """
    own, their = ({key: _column(one, key) for key in HIGHER_IS_BETTER} for one in (played, others))
    found: dict[str, Any] = {"cvar_cost": paired_cvar_difference(own["cost"], their["cost"])}
    for key, is_higher_better in HIGHER_IS_BETTER.items():
        chance = probability_of_improvement(own[key], their[key])
        found[key] = paired_difference(own[key], their[key])
        found[f"{key}_better"] = chance if is_higher_better else 1 - chance
    return found


def compare_all(policies: dict[str, dict[str, Any]], first: str) -> list[dict[str, Any]]:
    """`compare` of one policy against each other one, with the other's name as `against`."""
    return [{"against": name, **compare(policies[first], other)} for name, other in policies.items() if name != first]


def relative(played: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float] | None:
    """What share of another policy's mean `cost` and `return` one has; None where the other has none of either."""
    means = {key: (played[key]["mean"], other[key]["mean"]) for key in HIGHER_IS_BETTER}
    if any(theirs <= 0 for _, theirs in means.values()):
        return None
    return {key: own / theirs for key, (own, theirs) in means.items()}


def sure_sign(difference: Mapping[str, float]) -> int:
    """1 where the interval of a difference lies above 0, -1 where it lies below, else 0: then it leaves a doubt."""
    return int(difference["low"] > 0) - int(difference["high"] < 0)


def _column(played: dict[str, Any], key: str) -> np.ndarray:
    episodes: Sequence[dict[str, float]] = played["episodes"]
    return np.array([episode[key] for episode in episodes], dtype=np.float64)
