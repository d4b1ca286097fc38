"""Findings about a run, from its metrics alone, so that they can be made while it trains. NumPy and pandas only.

The failure signatures are those of the method: a cost that is constant over both kinds of bags leaves the
Bradley-Terry loss at log 2, the spread of c near 0 and the gap between bag scores within its own noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal

import pandas as pd

from safemil_core.config import RunConfig

Kind = Literal["collapse", "saturation", "few_trajectories"]

LOG_2 = log(2.0)
RECENT_ROWS = 8
"""Rows of metrics that a finding looks back on."""
FLAT_SPREAD = 0.02
"""A standard deviation of c over the data below this, of a range of 1, tells no step from another."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the evidence, its likely cause, and what to change."""

    kind: Kind
    title: str
    evidence: str
    cause: str
    cure: str
    settings: tuple[str, ...] = ()
    """The cure as settings of the next run, for example `cost.bag_size=64`; empty where it is not a setting."""


def diagnose(metrics: pd.DataFrame, config: RunConfig) -> list[Finding]:
    """What is wrong with a run so far, the most harmful first; empty while nothing is (or nothing is known yet).

    Args:
        metrics: one row per logged update, columns as `learning.training` writes them.
        config: the run's settings.
    """
    learning = metrics.dropna(subset=["cost_loss"]).tail(RECENT_ROWS) if "cost_loss" in metrics else metrics[:0]
    if len(learning) < RECENT_ROWS:
        return []
    findings = []
    if _is_collapsed(learning):
        findings.append(_collapse(learning, config))
    elif learning["saturated"].iloc[-1] > 0.95:
        findings.append(_saturation(learning, config))
    weighed = metrics.get("effective_trajectories", pd.Series(dtype=float)).dropna()
    if len(weighed) and weighed.iloc[-1] < 5 and config.weights.scheme != "step":
        findings.append(_few_trajectories(weighed.iloc[-1], config))
    return findings


def _is_collapsed(recent: pd.DataFrame) -> bool:
    """Flat c, or bags that score alike: a mean gap within two standard errors of 0 and a loss no better than chance."""
    gap = recent["score_non_preferred"] - recent["score_unlabelled"]
    within_noise = gap.mean() <= 2 * gap.std(ddof=1) / len(gap) ** 0.5
    return bool(
        recent["cost_spread"].iloc[-1] < FLAT_SPREAD or (within_noise and recent["cost_loss"].mean() > LOG_2 - 0.01)
    )


def _collapse(recent: pd.DataFrame, config: RunConfig) -> Finding:
    last = recent.iloc[-1]
    evidence = (
        f"loss {recent['cost_loss'].mean():.3f} (log 2 = {LOG_2:.3f} is guessing), "
        f"spread of c {last['cost_spread']:.4f}, saturated {last['saturated']:.0%}"
    )
    cost = config.cost
    if last["saturated"] > 0.5 or cost.learning_rate > 1e-2:
        cause = "the sigmoid is saturated: the learning rate is too high"
        settings: tuple[str, ...] = (f"cost.learning_rate={min(cost.learning_rate / 10, 1e-3):g}",)
    elif cost.bag_size < 16:
        cause = "bags are so small that an unlabelled bag often holds no safe trajectory"
        settings = ("cost.bag_size=64",)
    else:
        cause = "the non-preferred trajectories cannot be told from the unlabelled by what the network sees"
        return Finding(
            kind="collapse",
            title="The cost has collapsed: it is the same everywhere",
            evidence=evidence,
            cause=cause,
            cure="Look whether unlabelled trajectories repeat the marked ones, whether marks are right, and mark more.",
        )
    return Finding(
        kind="collapse",
        title="The cost has collapsed: it is the same everywhere",
        evidence=evidence,
        cause=cause,
        cure=f"Train again with {', '.join(settings)}.",
        settings=settings,
    )


def _saturation(recent: pd.DataFrame, config: RunConfig) -> Finding:
    settings = (f"cost.learning_rate={config.cost.learning_rate / 10:g}",)
    return Finding(
        kind="saturation",
        title="Nearly every step costs 0 or 1",
        evidence=f"{recent['saturated'].iloc[-1]:.0%} of the steps have c below 0.01 or above 0.99",
        cause="the sigmoid saturates, so that gradients vanish: the learning rate is too high or training too long",
        cure=f"Train again with {settings[0]}, or with fewer updates.",
        settings=settings,
    )


def _few_trajectories(ess: float, config: RunConfig) -> Finding:
    setting = (
        f"weights.beta={config.weights.beta * 4:g}"
        if config.weights.scheme == "trajectory"
        else f"weights.threshold={config.weights.threshold * 2:g}"
    )
    return Finding(
        kind="few_trajectories",
        title="The policy copies a handful of trajectories",
        evidence=f"the weights are worth {ess:.1f} equally weighted trajectories (effective sample size)",
        cause="the weights fall too fast with the trajectory cost",
        cure=f"Raise it: {setting}. The Weights page shows the effect at once.",
        settings=(setting,),
    )
