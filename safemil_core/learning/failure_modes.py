"""Kinds of failure among the non-preferred trajectories, so that bags can draw from all of them alike; and how often
they draw the unlabelled ones."""

from __future__ import annotations

import numpy as np

N_BINS = 10
"""Pieces of a trajectory over which its costs are compared."""
MOST_OFTEN = 5.0
"""A trajectory is drawn at most so many times as often as if there were no kinds: one outlier is not to fill a bag."""


def failure_modes(profiles: np.ndarray, n_modes: int, seed: int) -> np.ndarray:
    """[n] the number of the kind of each of `n` profiles [n, F]: k-means, begun by k-means++ from the seed."""
    from scipy.cluster.vq import kmeans2  # slow to import, and most runs have one kind

    deviations = profiles.std(axis=0)
    scaled = (profiles - profiles.mean(axis=0)) / np.where(deviations > 1e-9, deviations, 1.0)
    if n_modes >= len(np.unique(scaled, axis=0)):
        return np.unique(scaled, axis=0, return_inverse=True)[1].reshape(-1)
    _, modes = kmeans2(scaled, n_modes, minit="++", rng=np.random.default_rng(seed))
    return np.unique(modes, return_inverse=True)[1]  # a kind without members has no number


def cost_profiles(
    step_costs: np.ndarray, observations: np.ndarray, offsets: np.ndarray, members: np.ndarray
) -> np.ndarray:
    """[members, N_BINS + O] when and where the costs of trajectories lie.

    When: the share of its cost in each tenth of a trajectory. Where: the mean observation, each step by its cost.

    Args:
        step_costs: [sum T] learned costs in (0, 1).
        observations: [sum T, O].
        offsets: [N + 1] where trajectories begin.
        members: which trajectories.
    """
    profiles = np.empty((len(members), N_BINS + observations.shape[1]))
    for row, trajectory in enumerate(members):
        steps = slice(offsets[trajectory], offsets[trajectory + 1])
        shares = step_costs[steps].astype(np.float64)
        shares = shares / max(shares.sum(), 1e-12)
        bins = np.arange(len(shares)) * N_BINS // len(shares)
        profiles[row, :N_BINS] = np.bincount(bins, shares, minlength=N_BINS)
        profiles[row, N_BINS:] = shares @ observations[steps]
    return profiles


def balanced_shares(modes: np.ndarray) -> np.ndarray:
    """[n] how often to draw each so that every kind comes about equally often, given their kinds [n]; sum 1."""
    counts = np.bincount(modes)
    shares = np.minimum(1.0 / (counts[modes] * np.count_nonzero(counts)), MOST_OFTEN / len(modes))
    balanced: np.ndarray = shares / shares.sum()
    return balanced


def costlier_less(means: np.ndarray, rate: float) -> np.ndarray:
    """[n] how often to draw each unlabelled one: those above the median of mean costs [n] at a rate, others at 1."""
    return np.where(means > np.median(means), rate, 1.0)
