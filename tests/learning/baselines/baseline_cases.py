"""Small problems whose answers are known, and briefly trained methods on them."""

from __future__ import annotations

import numpy as np
import torch
from factories import TINY

from safemil_core.config import RunConfig
from safemil_core.learning.training import Networks, train
from safemil_core.learning.training_data import TrainingData

T = 10


def steps_of_two_kinds(share_of_marked: float, share_of_unlabelled: float, n: int = 20) -> TrainingData:
    """`n` marked and `n` unlabelled trajectories, whose steps differ in the action alone: 1 in so many, else -1."""
    actions = [
        np.where(np.arange(n * T) < round(share * n * T), 1.0, -1.0) for share in (share_of_marked, share_of_unlabelled)
    ]
    labels = np.array(["non_preferred"] * n + ["none"] * n)
    return TrainingData(
        observations=torch.zeros(2 * n * T, 2),
        actions=torch.from_numpy(np.concatenate(actions)).float().unsqueeze(1),
        offsets=np.arange(0, 2 * n * T + 1, T),
        labels=labels,
    )


def short_ones_of_one_kind(n: int = 20) -> TrainingData:
    """A tenth of the unlabelled steps, but half of the unlabelled trajectories, have action 1; half of the marked."""
    lengths = np.array([T] * n + [2] * n + [18] * n)
    of_marked = np.where(np.arange(n * T) % 2, 1.0, -1.0)
    return TrainingData(
        observations=torch.zeros(lengths.sum(), 2),
        actions=torch.from_numpy(np.r_[of_marked, np.ones(2 * n), -np.ones(18 * n)]).float().unsqueeze(1),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels=np.array(["non_preferred"] * n + ["none"] * 2 * n),
    )


def config(method: str, *settings: str) -> RunConfig:
    """Of a method, with networks that learn a small problem in a second or two."""
    brief = ("cost.hidden_sizes=[16]", "baseline.learning_rate=0.01", "baseline.updates=300", "policy.updates=1")
    return TINY.with_values([f"method={method}", *brief, *settings])


class Taught:
    """What a training told when its costs were final, and the networks that came of it."""

    def __init__(self, data: TrainingData, of: RunConfig) -> None:
        def note(_, costs, weights):
            self.costs, self.weights = costs.mean, weights

        self.networks: Networks = train(data, of, on_costs=note)
