"""Weights of behaviour cloning that teach something else than safety: a handful of trajectories, or short episodes."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.config import RunConfig
from safemil_core.learning.weights import effective_sample_size

FEW = 5.0
"""Equally weighted trajectories: so few say little of how to act."""
VARIES = 0.1
"""Deviation of the lengths by their mean from which on they vary."""
REWARDS_SHORT = -0.5
"""Rank correlation of weight and length."""
_SHOWN = 30


def few_effective(case: Case) -> list[Finding]:
    """Nearly all weight on a handful."""
    weights = case.weights
    if weights is None or case.config.weights.scheme == "step":
        return []
    effective = effective_sample_size(weights)
    return [few_trajectories(effective, case.config, _largest(weights))] if effective < FEW else []


def few_trajectories(effective: float, config: RunConfig, figure: Evidence | None = None) -> Finding:
    """The finding that weights are worth so few equally weighted trajectories."""
    weights = config.weights
    setting = {
        "trajectory": f"weights.beta={weights.beta * 4:g}",
        "threshold": f"weights.threshold={weights.threshold * 2:g}",
    }.get(weights.scheme, "weights.scheme=step")
    return Finding(
        cause="few_effective",
        symptom="weights",
        title="The policy copies a handful of trajectories",
        evidence=f"the weights are worth {effective:.1f} equally weighted trajectories (effective sample size)",
        why="the weights fall too fast with the trajectory cost",
        cure=f"Try {setting}. The Weights page shows the effect at once.",
        harm=0.65,
        settings=(setting,),
        figure=figure,
    )


def short_episodes(case: Case) -> list[Finding]:
    """A sum over steps is smallest for what ends early, so that Eq. 12 takes falling at once for safe."""
    config, lengths = case.config.weights, case.lengths[case.others].astype(np.float64)
    if case.weights is None or config.scheme == "step" or config.per_length or lengths.std() < VARIES * lengths.mean():
        return []
    weights = case.weights[case.others]
    if np.ptp(weights) == 0:
        return []
    correlation = float(spearmanr(weights, lengths).statistic)
    if correlation > REWARDS_SHORT:
        return []
    return [
        Finding(
            cause="short_episodes",
            symptom="shortcut",
            title="The weights reward short episodes",
            evidence=f"rank correlation of weight and length {correlation:.2f}; a trajectory drawn by weight has "
            f"{weights @ lengths / weights.sum():.0f} steps, one drawn evenly {lengths.mean():.0f}",
            why="C sums over steps (Eq. 12), so that an episode that ends early costs least, whatever it does",
            cure="Train again with weights.per_length=true.",
            harm=0.7,
            settings=("weights.per_length=true",),
            figure=Evidence(
                "points",
                "steps",
                "weight",
                (Series("trajectories", tuple(lengths.tolist()), tuple(weights.tolist()), "none"),),
            ),
        )
    ]


def _largest(weights: np.ndarray) -> Evidence:
    order = np.argsort(-weights, kind="stable")[:_SHOWN]
    shares = weights[order] / weights.sum()
    series = Series("share of the weight", tuple(str(t) for t in order.tolist()), tuple(shares.tolist()), "none")
    return Evidence("bars", "trajectory", "share of the weight", (series,))
