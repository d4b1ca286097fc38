"""What a weighting of the demonstrations amounts to, and how it differs from another. NumPy and pandas only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from safemil_core.config import WeightConfig
from safemil_core.data.labels.records import LABELS
from safemil_core.learning.weights import cloning_weights, effective_sample_size


@dataclass(frozen=True)
class WeightReport:
    """The weights of `N` trajectories under one setting."""

    costs: np.ndarray
    """[N] float64, learned trajectory costs C."""

    labels: np.ndarray
    """[N] `non_preferred`, `preferred` or `none`."""

    weights: np.ndarray
    """[N] float64, mean weight of a trajectory's steps; 0 for the non-preferred."""

    effective_trajectories: float
    """How many equally weighted trajectories would say as much (Kish)."""

    immobile_share: float
    """Share of the whole weight that lies on trajectories that hardly move."""

    costly_share: float | None
    """Share of the whole weight that lies on trajectories with any true cost; None where true costs are unknown."""

    mean_true_cost: float | None
    """True cost of a trajectory drawn in proportion to its weight; None where unknown."""

    @property
    def median_cost(self) -> float:
        """The trajectory cost C that half of all have at most."""
        return float(np.median(self.costs))


def report(
    step_costs: np.ndarray,
    offsets: np.ndarray,
    labels: np.ndarray,
    true_costs: np.ndarray | None,
    config: WeightConfig,
    gamma: float,
    is_immobile: np.ndarray,
) -> WeightReport:
    """Weigh all trajectories anew from learned step costs; nothing is trained.

    Args:
        step_costs: [sum T] learned costs.
        offsets: [N + 1] where trajectories begin.
        labels: [N] labels, as `learning.weights` wants them.
        true_costs: [N] sums of true costs, where known. They are compared with, never weighed by.
        is_immobile: [N] bool, which trajectories hardly move, see `immobility`.
    """
    found = cloning_weights(step_costs, offsets, labels, config, gamma)
    weights = found.trajectories
    mass = weights * np.diff(offsets)
    mass = mass / mass.sum()
    return WeightReport(
        costs=found.costs,
        labels=labels,
        weights=weights,
        effective_trajectories=effective_sample_size(weights),
        immobile_share=float(mass[is_immobile].sum()),
        costly_share=None if true_costs is None else float(mass[true_costs > 0].sum()),
        mean_true_cost=None if true_costs is None else float(mass @ true_costs),
    )


def by_label(labels: np.ndarray, costs: np.ndarray, weights: np.ndarray, lengths: np.ndarray) -> pd.DataFrame:
    """What the trajectories of each label come to.

    Args:
        labels: [N] labels.
        costs: [N] learned trajectory costs C.
        weights: [N] mean weight of each trajectory's steps.
        lengths: [N] steps of each trajectory.

    Returns:
        One row a label that occurs, in the order of LABELS: label, trajectories (how many), mean_cost, mean_weight,
        share (of the whole weight of all steps).
    """
    mass = weights * lengths
    of = {label: labels == label for label in LABELS if (labels == label).any()}
    return pd.DataFrame(
        {
            "label": list(of),
            "trajectories": [int(some.sum()) for some in of.values()],
            "mean_cost": [costs[some].mean() for some in of.values()],
            "mean_weight": [weights[some].mean() for some in of.values()],
            "share": [mass[some].sum() / mass.sum() for some in of.values()],
        }
    )


def changes(weights: np.ndarray, before: np.ndarray, n_each: int) -> pd.DataFrame:
    """Who gains most, and below them who loses most, at most `n_each` of both.

    Returns:
        Columns trajectory, before, now, change; from the largest gain to the largest loss.
    """
    change = weights - before
    order = np.argsort(-change, kind="stable")
    gains, losses = order[change[order] > 0][:n_each], order[change[order] < 0][-n_each:]
    rows = np.concatenate([gains, losses])
    return pd.DataFrame({"trajectory": rows, "before": before[rows], "now": weights[rows], "change": change[rows]})
