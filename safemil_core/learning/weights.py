"""Step costs -> trajectory costs -> weights of behaviour cloning. NumPy only, so that pages can use it live."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from safemil_core.config import WeightConfig
from safemil_core.data.trajectories import sum_by_trajectory

CLEARLY = 0.8
"""Share of the variance of costs between two groups from which these stand clearly apart."""
SMALLEST_GROUP = 0.3
"""Share of all trajectories that the least costly group has to hold."""


@dataclass(frozen=True)
class CloningWeights:
    """How much behaviour cloning trusts each trajectory and step. Mean 1 over the cloned steps."""

    trajectories: np.ndarray
    """[N] float64, mean weight of each trajectory's steps; 0 for the non-preferred."""

    steps: np.ndarray
    """[sum T] float64."""

    costs: np.ndarray
    """[N] float64, the trajectory costs C; 0 where none were asked for."""


def trajectory_costs(step_costs: np.ndarray, offsets: np.ndarray, gamma: float, per_length: bool = False) -> np.ndarray:
    """C(tau) = sum over t of gamma^t c(s_t, a_t), section 4 of the paper.

    Args:
        step_costs: [sum T] cost of each step.
        offsets: [N + 1] where trajectories begin.
        gamma: discount per step.
        per_length: divide by the discounted length and multiply by the longest, so that ending early is no merit.

    Returns:
        [N] float64.
    """
    lengths = np.diff(offsets)
    if gamma == 1:
        costs = sum_by_trajectory(step_costs, offsets)
    else:  # a product for each trajectory, not millions of powers: pages ask for it while a slider moves
        powers = gamma ** np.arange(lengths.max(), dtype=np.float64)
        costs = np.array([step_costs[begin:end] @ powers[: end - begin] for begin, end in pairwise(offsets)])
        lengths = powers.cumsum()[lengths - 1]
    if per_length:
        costs = costs / lengths * lengths.max()
    return costs


def cloning_weights(
    step_costs: np.ndarray, offsets: np.ndarray, labels: np.ndarray, config: WeightConfig, gamma: float
) -> CloningWeights:
    """Weights for weighted behaviour cloning on everything that is not marked non-preferred (Eq. 12 and 14).

    A trajectory marked preferred gets the largest weight of any trajectory: it is trusted, whatever its learned cost.

    Args:
        step_costs: [sum T] learned costs in (0, 1).
        offsets: [N + 1] where trajectories begin.
        labels: [N] `non_preferred`, `preferred` or `none`.

    Raises:
        ValueError: every trajectory is marked non-preferred, or a cost is not finite.
    """
    if not np.isfinite(step_costs).all():
        raise ValueError("step costs must be finite")
    cloned = labels != "non_preferred"
    if not cloned.any():
        raise ValueError("every trajectory is marked non-preferred: nothing is left to clone")
    lengths = np.diff(offsets)
    costs = trajectory_costs(step_costs, offsets, gamma, config.per_length)
    if config.scheme == "step":
        steps = np.where(np.repeat(labels == "preferred", lengths), 1.0, 1.0 - step_costs.astype(np.float64))
        steps = steps * np.repeat(cloned, lengths)
        if steps.sum() > 0:
            steps = steps / steps.sum() * lengths[cloned].sum()
            return CloningWeights(sum_by_trajectory(steps, offsets) / lengths, steps, costs)
        weights = np.zeros(len(lengths))
    else:
        # A split needs no scale, so it goes by what all steps cost, however late.
        weighed = sum_by_trajectory(step_costs, offsets) / lengths if config.scheme == "split" else costs
        weights = _by_cost(weighed, cloned, labels == "preferred", config) * cloned
    if weights.sum() == 0:  # a threshold below every cost, or all cost 1: keep the least costly, not nothing
        weights = ((costs == costs[cloned].min()) & cloned).astype(np.float64)
    weights = weights / (weights @ lengths) * lengths[cloned].sum()
    return CloningWeights(weights, np.repeat(weights, lengths), costs)


def uniform_weights(offsets: np.ndarray, labels: np.ndarray) -> CloningWeights:
    """Plain behaviour cloning: 1 for every step that is not marked non-preferred."""
    kept = (labels != "non_preferred").astype(np.float64)
    return CloningWeights(kept, np.repeat(kept, np.diff(offsets)), np.zeros(len(kept)))


def effective_sample_size(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2: how many equally weighted trajectories would say as much (Kish, 1965). 0 for no weight."""
    total = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / total if total > 0 else 0.0


def least_costly_group(costs: np.ndarray) -> float:
    """The largest of costs [N] in the least costly group that stands clearly apart from the rest.

    Where costs fall into two groups, of the largest variance between them (Otsu, 1979), the less costly one is split
    again and again, as long as it holds a `SMALLEST_GROUP` of all. What counts is the last split at which most of the
    variance, `CLEARLY`, lay between the groups; of an even spread it is 3/4. If there is none, it is the first split.
    """
    group, ends = np.sort(costs), list[float]()
    while len(group) >= max(2, SMALLEST_GROUP * len(costs)) and group[0] < group[-1]:
        n_less, share = _halves(group)
        if not ends or (share >= CLEARLY and n_less >= SMALLEST_GROUP * len(costs)):
            ends.append(float(group[n_less - 1]))
        group = group[:n_less]
    return ends[-1] if ends else float("inf")


def _halves(ordered: np.ndarray) -> tuple[int, float]:
    """How many of ordered values, not all alike, the lower of two groups holds, and the share of variance between."""
    n, sums = len(ordered), np.cumsum(ordered)
    n_lower = np.flatnonzero(np.diff(ordered) > 0) + 1
    lower = sums[n_lower - 1]
    gaps = (sums[-1] - lower) / (n - n_lower) - lower / n_lower
    between = n_lower * (n - n_lower) * gaps**2 / n**2
    best = np.argmax(between)
    return int(n_lower[best]), float(between[best] / ordered.var())


def _by_cost(costs: np.ndarray, cloned: np.ndarray, preferred: np.ndarray, config: WeightConfig) -> np.ndarray:
    least = costs[cloned].min()
    if config.scheme == "split":
        weights = (costs <= least_costly_group(costs[cloned & ~preferred])).astype(np.float64)
    elif config.scheme == "threshold":
        weights = (costs <= config.threshold).astype(np.float64)
    else:
        # Shifting by the least cost cancels in the normalisation and keeps exp() from underflowing to all zeros.
        weights = np.exp(-np.maximum(costs - least, 0.0) / config.beta)
    return np.where(preferred, 1.0, weights)
