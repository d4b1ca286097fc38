"""Units of a trained cost network that say the same whatever they see: nothing can be learned through them."""

from __future__ import annotations

import torch
from torch.nn import functional

from safemil_core.learning import seeds
from safemil_core.learning.encoders import beside
from safemil_core.learning.mlp import split
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

N_STEPS = 1_024
"""Of a dataset that are shown to the units."""
LEAST = 1e-4
"""Deviation over these steps below which a unit says the same of all."""


@torch.no_grad()
def dead_units(network: CostNetwork, data: TrainingData) -> tuple[float, ...]:
    """The share of dead units in each hidden layer, over all members; empty where there is no hidden layer."""
    draw = seeds.generator(0, "probe")
    observations, actions = data.take(torch.randint(data.n_steps, (1, min(N_STEPS, data.n_steps)), generator=draw))
    numbers, features = network.encoder(observations)
    values = beside(network.normaliser(torch.cat([numbers, actions], dim=-1)), features)
    shares = []
    for weight, bias in split(network.body.weights, network.body.sizes)[:-1]:
        values = functional.elu(values @ weight + bias.unsqueeze(-2))
        shares.append(float((values.std(dim=1, correction=0) < LEAST).float().mean()))
    return tuple(shares)
