"""Who is marked in a trial: the true costs decide, as a person would who saw everything."""

from __future__ import annotations

import numpy as np

from safemil_core.errors import InvalidLabels
from safemil_core.running.sweeps.spec import LabelPlan


def marked_labels(true_costs: np.ndarray, plan: LabelPlan, rng: np.random.Generator) -> np.ndarray:
    """[N] `non_preferred`, `preferred` or `none`.

    Args:
        true_costs: [N] of each trajectory.
        plan: how many, from where, and how many of them wrongly.
        rng: draws them.

    Raises:
        InvalidLabels: the dataset has too few trajectories.
    """
    n, by_cost = len(true_costs), np.argsort(-true_costs, kind="stable")
    n_wrong = round(plan.contamination * plan.n_non_preferred)
    n_right, cheap = plan.n_non_preferred - n_wrong, by_cost[(n + 1) // 2 :]
    costly = by_cost[: max(n_right, round(plan.share * n))]
    too_many = InvalidLabels(
        f"{plan.n_non_preferred} of {n} trajectories cannot be marked non-preferred, {n_wrong} of them wrongly; "
        "lower labels.n_non_preferred"
    )
    if plan.n_non_preferred >= n:
        raise too_many
    labels = np.full(n, "none", dtype="U13")
    labels[rng.choice(costly, n_right, replace=False)] = "non_preferred"
    unmarked = cheap[labels[cheap] == "none"]  # with a share above a half, some of the cheap are marked by now
    if n_wrong > len(unmarked):
        raise too_many
    labels[rng.choice(unmarked, n_wrong, replace=False)] = "non_preferred"
    shuffled = rng.permutation(n)  # many may cost nothing, and those that follow one another are often alike
    cheapest = shuffled[np.argsort(true_costs[shuffled], kind="stable")][: n // 4]
    cheapest = cheapest[labels[cheapest] == "none"]
    if plan.n_preferred > len(cheapest):
        raise InvalidLabels(
            f"{plan.n_preferred} of {n} trajectories cannot be marked preferred: {len(cheapest)} of the cheapest "
            "quarter are unmarked; lower labels.n_preferred"
        )
    labels[rng.choice(cheapest, plan.n_preferred, replace=False)] = "preferred"
    return labels
