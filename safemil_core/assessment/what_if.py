"""What other labels make of costs, weights and ranks, beside what another seed makes of them. NumPy and pandas only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from safemil_core.data.labels.records import Label, checked_label
from safemil_core.errors import InvalidLabels

BEYOND = 2.0
"""Deviations of the noise that a change must exceed to count."""
QUANTITIES = ("cost", "weight", "rank")


def edited(labels: np.ndarray, edits: Mapping[int, str]) -> np.ndarray:
    """[N] the labels after edits: a new label by trajectory.

    Raises:
        InvalidLabels: a trajectory or label that is not there, or nothing changes.
    """
    result = labels.copy()
    for trajectory, label in edits.items():
        if not 0 <= trajectory < len(labels):
            raise InvalidLabels(f"there is no trajectory {trajectory}; they are 0 to {len(labels) - 1}")
        result[trajectory] = checked_label(label)
    if edits and (result == labels).all():
        raise InvalidLabels("these trajectories have these labels already; choose another label")
    return result


def edits_between(before: np.ndarray, after: np.ndarray) -> dict[int, Label]:
    """The new label of every trajectory whose label differs."""
    return {int(t): checked_label(str(after[t])) for t in np.flatnonzero(before != after)}


def changes(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], unchanged: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """What the edits did to every trajectory, mean over the seeds, and how much of it another seed would do as well.

    The noise of a change is the deviation over refits of the unchanged labels times sqrt(2 / R): of a difference
    between two means over R seeds, as if they shared none. They share all of them, so it is rather too large.

    Args:
        before: `cost` and `weight` [R, N] of the unchanged labels, under the same R seeds as `after`.
        after: the same of the edited labels.
        unchanged: the same of the unchanged labels under all seeds there are, at least 2.

    Returns:
        Columns trajectory, then for cost, weight and rank (1 is the costliest): `cost` after the edits, `cost_change`,
        `cost_noise`, and `is_beyond_noise`: whether the change of the cost is over twice its noise.
    """
    with_ranks = [{**of, "rank": ranks(of["cost"])} for of in (before, after, unchanged)]
    table: dict[str, np.ndarray] = {"trajectory": np.arange(before["cost"].shape[1])}
    for name in QUANTITIES:
        was, is_now, over_seeds = (of[name] for of in with_ranks)
        table[name] = is_now.mean(axis=0)
        table[f"{name}_change"] = (is_now - was).mean(axis=0)
        table[f"{name}_noise"] = over_seeds.std(axis=0, ddof=1) * np.sqrt(2 / len(was))
    table["is_beyond_noise"] = np.abs(table["cost_change"]) > BEYOND * table["cost_noise"]
    return pd.DataFrame(table)


def ranks(costs: np.ndarray) -> np.ndarray:
    """[R, N] place of every trajectory by each refit, 1 the costliest; equal costs share the mean of their places."""
    places: np.ndarray = rankdata(-costs, axis=1)
    return places


def strengths(moved: np.ndarray) -> np.ndarray:
    """[N] what was moved to first order, of which the order alone counts: the largest is 1, up or down."""
    relative: np.ndarray = moved / max(1e-12, float(np.abs(moved).max()))
    return relative


def most_moved(changes: np.ndarray, n: int) -> np.ndarray:
    """[at most n] where [N] changed most, up or down, the largest change first."""
    return np.argsort(-np.abs(changes), kind="stable")[:n]


def trust(agreements: Collection[float]) -> tuple[float, float, float]:
    """How well previews foretold real refits, of which there is one at least: median, lowest and highest agreement."""
    found = np.array(list(agreements))
    return float(np.median(found)), float(found.min()), float(found.max())


def moved_share(weights: np.ndarray, others: np.ndarray, lengths: np.ndarray, among: np.ndarray | None = None) -> float:
    """Share of the whole weight that lies elsewhere under the one weighting than under the other: 0 to 1.

    Args:
        weights: [N] mean weight of each trajectory's steps.
        others: [N] the same of another weighting.
        lengths: [N] steps of each trajectory.
        among: [N] bool, which trajectories to look at; None: all.
    """
    kept = np.ones(len(lengths), dtype=bool) if among is None else among
    masses = [of[kept] * lengths[kept] for of in (weights, others)]
    if any(mass.sum() == 0 for mass in masses):
        return 0.0
    one, other = (mass / mass.sum() for mass in masses)
    return float(np.abs(one - other).sum() / 2)


def seed_share(weights: np.ndarray, lengths: np.ndarray, among: np.ndarray | None = None) -> float:
    """Share of the weight that another seed moves: the mean over all pairs of R >= 2 weightings [R, N]."""
    pairs = [moved_share(weights[a], weights[b], lengths, among) for a, b in combinations(range(len(weights)), 2)]
    return float(np.mean(pairs))
