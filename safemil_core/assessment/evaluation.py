"""How good: policies from their episodes, and a learned cost against the true one. Metrics with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from safemil_core.assessment.rollouts import Episode, total

N_RESAMPLES = 9_999
CVAR_SHARE = 0.2


@dataclass(frozen=True)
class Scale:
    """A linear scale on which a return or cost is stated: 0 at `zero`, 1 at `one`."""

    zero: float
    one: float

    def of(self, interval: dict[str, float]) -> dict[str, float]:
        return {key: (value - self.zero) / (self.one - self.zero) for key, value in interval.items()}


def cvar(costs: np.ndarray, share: float = CVAR_SHARE, axis: int = -1) -> Any:
    """Mean cost of the worst `share` of episodes (at least one), the paper's CVaR@20 %."""
    n_worst = max(1, int(np.ceil(share * costs.shape[axis] - 1e-9)))
    return np.sort(costs, axis=axis).take(range(-n_worst, 0), axis=axis).mean(axis=axis)


def interval(values: np.ndarray, statistic: Any = np.mean, seed: int = 0) -> dict[str, float]:
    """A statistic of values [n] with its 95 % bootstrap interval (percentile method, seeded)."""
    point = float(statistic(values))
    if len(values) < 2 or np.ptp(values) == 0:
        return {"mean": point, "low": point, "high": point}
    result = stats.bootstrap(
        (values,),
        statistic,
        n_resamples=N_RESAMPLES,
        method="percentile",
        vectorized=True,
        batch=1_000,
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return {"mean": point, "low": float(low), "high": float(high)}


def evaluate_policy(
    episodes: list[Episode], scales: dict[Literal["paper", "dsrl"], tuple[Scale, Scale] | None]
) -> dict[str, Any]:
    """Metrics of one policy.

    Args:
        episodes: at least one.
        scales: for each normalisation the scales of return and cost; None where it is not known.

    Returns:
        `return`, `cost`, `cvar_cost`, `length` as {mean, low, high}; the same normalised, or None; every episode.
    """
    returns, costs, learned = (total(episodes, key) for key in ("rewards", "costs", "learned_costs"))
    report: dict[str, Any] = {
        "return": interval(returns),
        "cost": interval(costs),
        "cvar_cost": interval(costs, cvar),
        "length": interval(np.array([len(episode) for episode in episodes], dtype=np.float64)),
    }
    for name, suffix in (("paper", "normalised"), ("dsrl", "dsrl")):
        pair = scales[name]  # type: ignore[index]  # the keys are the literals above
        report[f"return_{suffix}"] = pair[0].of(report["return"]) if pair else None
        report[f"cost_{suffix}"] = pair[1].of(report["cost"]) if pair else None
    report["episodes"] = [
        {"seed": e.seed, "return": r, "cost": c, "length": len(e), "learned_cost": lc}
        for e, r, c, lc in zip(episodes, returns.tolist(), costs.tolist(), learned.tolist(), strict=True)
    ]
    return report


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
