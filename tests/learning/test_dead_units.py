"""Units that say the same of every step, counted in networks whose weights are known."""

import pytest
import torch
from learning_cases import crossing

from safemil_core.config import CostConfig
from safemil_core.learning.dead_units import dead_units
from safemil_core.learning.networks import CostNetwork


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CostNetwork(CostConfig(network="mlp", hidden_sizes=(8, 4)), crossing().sizes)


def test_a_network_that_has_just_begun_has_none(network):
    assert dead_units(network, crossing()) == (0.0, 0.0)


def test_units_without_weights_are_dead(network):
    weights = network.state_dict()
    weights["body.0.weight"][:, :, :2] = 0
    weights["body.1.weight"][:, :, :3] = 0
    network.load_state_dict(weights)
    assert dead_units(network, crossing()) == (0.25, 0.75)


def test_units_at_the_end_of_their_activation_are_dead(network):
    weights = network.state_dict()
    weights["body.0.bias"][:] = -100
    network.load_state_dict(weights)
    assert dead_units(network, crossing()) == (1.0, 1.0)


def test_a_network_without_hidden_layers_has_none_to_count():
    assert dead_units(CostNetwork(CostConfig(network="mlp", hidden_sizes=()), crossing().sizes), crossing()) == ()
