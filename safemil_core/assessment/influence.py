"""What other labels would change, at once and without training: a first-order preview from influence features.

The features are made by `learning.influence`. NumPy only, so that pages can use it live.
"""

from __future__ import annotations

import numpy as np

from safemil_core.config import CostConfig


def pull(labels: np.ndarray, cost: CostConfig) -> np.ndarray:
    """[N] how much each trajectory pushes the costs up in an update of training under these labels; sums to 0.

    The loss raises the mean over the non-preferred and lowers that over the others; where trajectories are marked
    preferred, it does both beside them with the weight that these have, as `learning.cost_model.bag_loss` does.
    """
    non_preferred, preferred = labels == "non_preferred", labels == "preferred"
    unlabelled = ~non_preferred & ~preferred
    w = cost.weight_of_preferred(int(preferred.sum()))
    if not (w > 0 and unlabelled.any()):
        against: np.ndarray = _mean(non_preferred) - _mean(~non_preferred)
        return against
    of_three: np.ndarray = (1 + w) * _mean(non_preferred) + (w - 1) * _mean(unlabelled) - 2 * w * _mean(preferred)
    return of_three / (1 + 2 * w)


def preview(
    features: np.ndarray, before: np.ndarray, after: np.ndarray, scales: np.ndarray, cost: CostConfig
) -> np.ndarray:
    """[N] predicted changes of the trajectory costs, in a unit of their own: their order counts.

    Args:
        features: [N, F], see `learning.influence.influence_features`.
        before: [N] labels that were learned from.
        after: [N] labels to learn from instead.
        scales: [N] what a trajectory's cost C would be if all its steps cost 1.
        cost: settings of the run.
    """
    change = pull(after, cost) - pull(before, cost)
    rows = np.flatnonzero(change)
    moved: np.ndarray = scales * (features @ (change[rows].astype(np.float32) @ features[rows]))
    return moved.astype(np.float64)


def _mean(members: np.ndarray) -> np.ndarray:
    shares: np.ndarray = members / max(1, members.sum())
    return shares
