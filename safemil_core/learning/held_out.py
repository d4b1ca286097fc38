"""Cost networks that go without some behaviour, asked about it. What is made of what they say is not here.

A network that knows what is unsafe in a step says of a new behaviour what those say that have seen it; one that has
learned to tell behaviours apart does not. So cost networks can be compared where nobody knows a true cost.
"""

from __future__ import annotations

import numpy as np
import torch

from safemil_core.config import RunConfig
from safemil_core.learning.committee import kinds_of_labels, networks_without
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.unseen_costs import UnseenCosts

MOST_STEPS = 200_000
"""Of larger datasets so many steps are asked about, evenly spaced."""


def held_out_agreement(
    data: TrainingData,
    config: RunConfig,
    clusters: np.ndarray,
) -> UnseenCosts | None:
    """Train cost networks side by side, each without one cluster, and ask of every step what they say of it.

    Args:
        data: on the device that trains.
        config: of a run, for each of the networks, but for what `networks_without` leaves out: they draw bags
            uniformly, so that they may recognise behaviours where the run's own network does less.
        clusters: [N] the number of the behaviour that a trajectory belongs to, from 0.

    Returns:
        None where fewer than two clusters can be spared, or what the networks say is no number.
    """
    is_held_out = spared(clusters, data.labels)
    if len(is_held_out) < 2:
        return None
    network = networks_without(data, config, is_held_out)
    steps = np.arange(0, data.n_steps, max(1, data.n_steps // MOST_STEPS))
    with torch.no_grad():
        said = [network.each(*block) for block in data.blocks(torch.from_numpy(steps))]
    costs = torch.cat(said, dim=1).cpu().numpy()
    if not np.isfinite(costs).all():
        return None
    trajectories = np.searchsorted(data.offsets, steps, side="right") - 1
    is_unseen = is_held_out[:, trajectories]
    unseen, seen = np.full((2, data.n_steps), np.nan, dtype=np.float32)
    is_known = is_unseen.any(axis=0)
    unseen[steps[is_known]] = np.where(is_unseen, costs, 0).sum(axis=0)[is_known]
    seen[steps[is_known]] = np.where(is_unseen, 0, costs).sum(axis=0)[is_known] / (len(costs) - 1)
    return UnseenCosts(unseen, seen, data.labels, data.offsets)


def spared(clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[M, N] bool, the trajectories of each cluster without which all kinds of labels are still there to learn from."""
    of_each = np.unique(clusters)[:, None] == clusters
    leaves_some = ((~of_each)[:, None] & kinds_of_labels(labels)).any(axis=2).all(axis=1)
    some: np.ndarray = of_each[leaves_some]
    return some
