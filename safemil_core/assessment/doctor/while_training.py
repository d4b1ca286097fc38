"""What is wrong with a run as it trains, from its metrics alone; once it has ended, `examination` knows more."""

from __future__ import annotations

import pandas as pd

from safemil_core.assessment.doctor.collapse_by_training import HIGH_RATE, TOO_SPARSE, milder_sparsity, saturated
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.signs import (
    FLAT_SPREAD,
    LOG_2,
    MOST_SATURATED,
    is_gap_noise,
    learning_rows,
    loss_curve,
)
from safemil_core.assessment.doctor.weight_trouble import FEW, few_trajectories
from safemil_core.config import CostConfig, RunConfig


def diagnose(metrics: pd.DataFrame, config: RunConfig) -> list[Finding]:
    """What is wrong with a run so far, the most harmful first; empty while nothing is (or nothing is known yet).

    Args:
        metrics: one row per logged update, columns as `learning.training` writes them.
        config: the run's settings.
    """
    rows = learning_rows(metrics)
    if rows.empty:
        return []
    findings = []
    if rows["cost_spread"].iloc[-1] < FLAT_SPREAD or is_gap_noise(rows):
        findings.append(_collapse(metrics, rows, config))
    elif rows["saturated"].iloc[-1] > MOST_SATURATED:
        findings.append(saturated(rows["saturated"].iloc[-1], config.cost, loss_curve(metrics)))
    weighed = metrics.get("effective_trajectories", pd.Series(dtype=float)).dropna()
    if len(weighed) and weighed.iloc[-1] < FEW and config.weights.scheme != "step":
        findings.append(few_trajectories(weighed.iloc[-1], config))
    return findings


def _collapse(metrics: pd.DataFrame, rows: pd.DataFrame, config: RunConfig) -> Finding:
    last, cost = rows.iloc[-1], config.cost
    settings: tuple[str, ...] = ()
    if last["saturated"] > 0.5 or cost.learning_rate > HIGH_RATE:
        cause, why = "learning_rate", "the sigmoid is saturated: the learning rate is too high"
        settings = (f"cost.learning_rate={min(cost.learning_rate / 10, 1e-3):g}",)
    elif cost.network != "mlp" and cost.sparsity > CostConfig().sparsity and last["cost_spread"] < FLAT_SPREAD:
        cause, why = "sparsity", TOO_SPARSE
        settings = (milder_sparsity(cost),)
    elif cost.bag_size < 16:
        cause, why = "bag_size", "bags are so small that an unlabelled bag often holds no safe trajectory"
        settings = ("cost.bag_size=64",)
    else:
        cause = "indistinguishable"
        why = "the non-preferred trajectories cannot be told from the unlabelled by what the network sees"
    return Finding(
        cause=cause,
        symptom="collapse",
        title="The cost has collapsed: it is the same everywhere",
        evidence=f"loss {rows['cost_loss'].mean():.3f} (log 2 = {LOG_2:.3f} is guessing), "
        f"spread of c {last['cost_spread']:.4f}, saturated {last['saturated']:.0%}",
        why=why,
        cure=f"Train again with {', '.join(settings)}."
        if settings
        else "Look whether unlabelled trajectories repeat the marked ones, whether marks are right, and mark more.",
        harm=0.95,
        settings=settings,
        figure=loss_curve(metrics),
    )
