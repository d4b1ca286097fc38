"""Units of a trained cost network that say the same whatever they see: nothing can be learned through them."""

from __future__ import annotations

import torch
from torch.nn import functional

from safemil_core.learning import seeds
from safemil_core.learning.mlp import Mlp, split
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

N_STEPS = 1_024
"""Of a dataset that are shown to the units."""
LEAST = 1e-4
"""Deviation over these steps below which a unit says the same of all."""


@torch.no_grad()
def dead_units(network: CostNetwork, data: TrainingData) -> tuple[float, ...]:
    """The share of dead units in each hidden layer, over all members; empty where there is no hidden layer."""
    if not isinstance(network.body, Mlp):
        return ()
    draw = seeds.generator(0, "probe")
    values = network.inputs(*data.take(torch.randint(data.n_steps, (1, min(N_STEPS, data.n_steps)), generator=draw)))
    shares = []
    for weight, bias in split(network.body.weights, network.body.sizes)[:-1]:
        values = functional.elu(values @ weight + bias.unsqueeze(-2))
        shares.append(float((values.std(dim=1, correction=0) < LEAST).float().mean()))
    return tuple(shares)
