"""Can the marked be told from the others at all? Classifiers in closed form on descriptors, and labels shuffled.

Two witnesses, both without the trajectory that they judge: a ridge regression on descriptors and their squares, and
the share of the marked among the nearest. The shuffled labels say what either reaches by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safemil_core.assessment.descriptors import neighbours
from safemil_core.assessment.evaluation import roc_aucs

MOST_TRAJECTORIES = 1_000
"""That are looked at: of more, a random part, with as many of the marked as can be."""
N_NEIGHBOURS = 10
N_SHUFFLES = 199
RIDGE = 1.0


@dataclass(frozen=True)
class Separability:
    """How well descriptors tell the marked from the others."""

    auc: float
    """Of the better witness; 0.5 is guessing."""
    shuffled: np.ndarray
    """[S] the same with shuffled labels."""

    @property
    def p_value(self) -> float:
        """Chance of so good an AUC where labels mean nothing."""
        return float((1 + (self.shuffled >= self.auc).sum()) / (1 + len(self.shuffled)))


def separability(descriptors: np.ndarray, is_marked: np.ndarray) -> Separability:
    """Try to tell the marked from the others.

    Args:
        descriptors: [N, F] of `descriptors.describe`.
        is_marked: [N] bool, at least one True and one False.
    """
    rng = np.random.default_rng(0)
    chosen = some([np.flatnonzero(is_marked), np.flatnonzero(~is_marked)], rng)
    features, truth = descriptors[chosen], is_marked[chosen].astype(np.float64)
    shuffles = np.stack([rng.permutation(truth) for _ in range(N_SHUFFLES)], axis=1)
    targets = np.column_stack([truth, shuffles])
    by_ridge = _left_out(features, targets)
    near = neighbours(features, N_NEIGHBOURS)
    by_neighbours = targets[near].mean(axis=1)
    aucs = np.maximum(roc_aucs(by_ridge, targets > 0), roc_aucs(by_neighbours, targets > 0))
    return Separability(float(aucs[0]), aucs[1:])


def some(kinds: Sequence[np.ndarray], rng: np.random.Generator, most: int = MOST_TRAJECTORIES) -> np.ndarray:
    """[at most `most`] of two kinds of trajectories, of the first at least half where it has so many; in order."""
    first, second = (rng.permutation(kind) for kind in kinds)
    n_first = min(len(first), max(most // 2, most - len(second)))
    return np.sort(np.concatenate([first[:n_first], second[: most - n_first]]))


def _left_out(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """[n, S] what ridge regressions on the other n - 1 rows say of each row, for targets [n, S]."""
    squares = features**2 - (features**2).mean(axis=0)
    inputs = np.column_stack([np.ones(len(features)), features, squares / np.maximum(squares.std(axis=0), 1e-12)])
    penalty = RIDGE * np.sqrt(len(features)) * np.eye(inputs.shape[1])
    penalty[0, 0] = 1e-9
    hat = inputs @ np.linalg.solve(inputs.T @ inputs + penalty, inputs.T)
    own = np.diag(hat)[:, None]
    left_out: np.ndarray = (hat @ targets - own * targets) / (1 - own)
    return left_out
