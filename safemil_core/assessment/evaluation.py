"""How good: policies from their episodes, and a learned cost against the true one. Metrics with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from safemil_core.assessment.intervals import Interval, cvar, interval_of_groups, iqm, satisfied
from safemil_core.assessment.preferred_share import exact_interval
from safemil_core.assessment.references import Scale
from safemil_core.assessment.rollouts import Episode, total


def evaluate_policy(episodes: Sequence[Episode], scales: Mapping[str, Scale], cost_limit: float) -> dict[str, Any]:
    """Metrics of one policy.

    Args:
        episodes: at least one.
        scales: of the normalised metrics, see `References.scales`.
        cost_limit: that an episode must not exceed to count as satisfied.

    Returns:
        `return`, `return_iqm`, `cost`, `cvar_cost`, `length`, `satisfaction` and the normalised ones that have a scale,
        as {mean, low, high}; every episode.
    """
    report: dict[str, Any] = {**evaluate_seeds([episodes], scales, cost_limit)}
    returns, costs, learned = (total(episodes, key).tolist() for key in ("rewards", "costs", "learned_costs"))
    report["episodes"] = [
        {"seed": e.seed, "return": r, "cost": c, "length": len(e), "learned_cost": lc}
        for e, r, c, lc in zip(episodes, returns, costs, learned, strict=True)
    ]
    return report


def evaluate_seeds(
    groups: Sequence[Sequence[Episode]], scales: Mapping[str, Scale], cost_limit: float
) -> dict[str, Interval]:
    """The same metrics of policies that differ in their training seed alone, the episodes of each a group: the
    intervals hold what another seed would change. Without the episodes."""
    returns, costs = ([total(episodes, key) for episodes in groups] for key in ("rewards", "costs"))
    lengths = [np.array([len(episode) for episode in episodes], dtype=np.float64) for episodes in groups]
    report = {
        "return": interval_of_groups(returns),
        "return_iqm": interval_of_groups(returns, iqm),
        "cost": interval_of_groups(costs),
        "cvar_cost": interval_of_groups(costs, cvar),
        "length": interval_of_groups(lengths),
        "satisfaction": _satisfaction(costs, cost_limit),
    }
    return report | {name: scale.of(report[name.partition("_")[0]]) for name, scale in scales.items()}


def at_limit(policies: Mapping[str, Mapping[str, Any]], cost_limit: float) -> dict[str, dict[str, Any]]:
    """The metrics of several policies, as `evaluate_policy` gave them, with the satisfaction of another limit."""
    costs = {name: np.array([episode["cost"] for episode in it["episodes"]]) for name, it in policies.items()}
    return {name: {**it, "satisfaction": _satisfaction([costs[name]], cost_limit)} for name, it in policies.items()}


def mean_metrics(episodes: Sequence[Episode], scales: Mapping[str, Scale], cost_limit: float) -> dict[str, float]:
    """The same metrics as plain numbers, for those who make intervals over more than these episodes."""
    returns, costs = total(episodes, "rewards"), total(episodes, "costs")
    found = {
        "return": float(returns.mean()),
        "return_iqm": float(iqm(returns)),
        "cost": float(costs.mean()),
        "cvar_cost": float(cvar(costs)),
        "length": float(np.mean([len(episode) for episode in episodes])),
        "satisfaction": float(satisfied(costs, cost_limit).mean()),
    }
    return found | {name: scale.at(found[name.partition("_")[0]]) for name, scale in scales.items()}


def _satisfaction(groups: Sequence[np.ndarray], cost_limit: float) -> Interval:
    """The share of episodes within the limit. Of one policy with the exact interval, since after 20 safe episodes of 20
    the next one may still be unsafe; over several training seeds episodes are not independent, which that interval
    needs, and the bootstrap's holds what another seed would change."""
    within = [satisfied(costs, cost_limit) for costs in groups]
    if len(within) > 1:
        return interval_of_groups(within)
    low, high = exact_interval(int(within[0].sum()), len(within[0]))
    return {"mean": float(within[0].mean()), "low": low, "high": high}


def roc_auc(scores: np.ndarray, is_positive: np.ndarray) -> float | None:
    """Chance that a positive scores above a negative, ties counted half; None where one kind is missing."""
    if is_positive.all() or not is_positive.any():
        return None
    return float(roc_aucs(scores[:, None], is_positive[:, None])[0])


def roc_aucs(scores: np.ndarray, is_positive: np.ndarray) -> np.ndarray:
    """[S] the same of each column of scores [n, S] for [n, S] bool, where each column has both kinds."""
    ranks = stats.rankdata(scores, axis=0)
    n_positive = is_positive.sum(axis=0)
    n_negative = len(is_positive) - n_positive
    wins = (ranks * is_positive).sum(axis=0) - n_positive * (n_positive + 1) / 2
    found: np.ndarray = wins / (n_positive * n_negative)
    return found


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's correlation; None where one of the two never varies."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(stats.spearmanr(a, b).statistic)
