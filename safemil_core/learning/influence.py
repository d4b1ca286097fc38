"""What each trajectory would teach a cost network, as features: from them follows, to first order, what other labels
would change. How labels are turned into changes is in `assessment.influence`; nothing is trained here.

Training takes steps down a gradient that is a sum over the trajectories in the bags. With g_i the gradient of the mean
step cost of trajectory i, giving it more weight in a bag moves the mean step cost of j by about g_i . A g_j, where A
are the optimiser's step sizes, summed over the updates (TracIn: Pruthi, Liu, Kale and Sundararajan, 2020, with Adam's
scale for each parameter). The sum is taken over a few states that training came through.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.data.trajectories import evenly_spaced
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import State, seen_after, step_scales
from safemil_core.learning.training_data import TrainingData

N_FEATURES = 512
"""Of each state: gradients are sketched to so many numbers, which keep their products (Charikar et al., 2002)."""
STEPS = 64
"""Of each trajectory that its gradient is taken over, evenly spaced: enough for a mean, whatever its length."""


def influence_features(
    network: CostNetwork, data: TrainingData, states: Sequence[State], config: RunConfig
) -> np.ndarray:
    """[N, states * N_FEATURES] float32, such that the products of two rows say how one trajectory moves another.

    Args:
        network: takes on the states one after the other; its first weights do not matter.
        data: that training saw.
        states: of training, as `refit_cost` gives them, evenly spaced.
        config: of that training.
    """
    return np.concatenate([_features(network, data, state, config) for state in states], axis=1)


def _features(network: CostNetwork, data: TrainingData, state: State, config: RunConfig) -> np.ndarray:
    network.load_state_dict({name.removeprefix("cost/"): of for name, of in state.items() if name.startswith("cost/")})
    parameters = list(network.parameters())
    seen = seen_after(float(state["trainer/updates"]))
    squares = [state[f"trainer/{place}.exp_avg_sq"].cpu().flatten() for place in range(len(parameters))]
    scales = step_scales(torch.cat(squares), seen)
    draw = torch.Generator().manual_seed(config.seed)
    bucket = torch.randint(N_FEATURES, (len(scales),), generator=draw)
    sign = (2.0 * torch.randint(2, (len(scales),), generator=draw) - 1) * scales.sqrt()
    features = np.empty((len(data.labels), N_FEATURES), dtype=np.float32)
    for trajectory in range(len(data.labels)):
        gradient = _gradient(network, data, trajectory, parameters).cpu()
        features[trajectory] = torch.zeros(N_FEATURES).index_add_(0, bucket, gradient * sign).numpy()
    return features


def _gradient(network: CostNetwork, data: TrainingData, trajectory: int, parameters: Sequence[Tensor]) -> Tensor:
    """[P] of the mean cost of a trajectory's steps, or of some of them."""
    begin, end = data.offsets[trajectory : trajectory + 2]
    (steps,) = evenly_spaced(data.offsets, np.array([trajectory]), min(STEPS, int(end - begin)))
    mean = network(*data.take(torch.from_numpy(steps))).mean()
    found = torch.autograd.grad(mean, parameters, allow_unused=True)  # what only weighs steps in a bag is unused
    return torch.cat(
        [(torch.zeros_like(of) if g is None else g).flatten() for of, g in zip(parameters, found, strict=True)]
    )
