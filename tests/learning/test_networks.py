"""Cost networks, and inputs of any scale."""

import numpy as np
import pytest
import torch

from safemil_core.config import CostConfig
from safemil_core.learning.networks import CostNetwork, Normaliser, Sizes

AGGREGATORS = ("sum", "log_sum_exp", "attention", "deep_sets")


def test_normalised_inputs_have_mean_0_and_deviation_1_but_for_what_never_varies():
    torch.manual_seed(0)
    inputs = torch.randn(1_000, 3) * torch.tensor([1.0, 1e4, 1e-3]) + torch.tensor([5.0, -1e5, 0.0])
    inputs = torch.cat([inputs, torch.full((1_000, 1), 7.0)], dim=1)
    normaliser = Normaliser(4)
    assert torch.equal(normaliser(inputs), inputs)  # before it is fitted it changes nothing
    normaliser.fit([inputs])
    scaled = normaliser(inputs)
    np.testing.assert_allclose(scaled.mean(dim=0), 0, atol=1e-2)
    np.testing.assert_allclose(scaled.std(dim=0, correction=0), [1, 1, 1, 0], atol=1e-3)
    assert torch.equal(scaled[:, 3], torch.zeros(1_000))
    assert torch.isfinite(normaliser(torch.full((1, 4), 1e6))).all()


@pytest.mark.parametrize("constant", [9.81, 100.7, 250.3, 1000.1])
def test_what_never_varies_is_found_however_many_there_are_of_it(constant):
    # In float32 the mean of so many is another number.
    normaliser = Normaliser(1)
    normaliser.fit(torch.full((100_000, 1), constant).split(40_000))
    assert normaliser.scale.tolist() == [0]


@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("members", [1, 3])
def test_a_cost_lies_between_0_and_1_and_has_the_leading_shape_of_its_inputs(aggregator, members):
    torch.manual_seed(0)
    config = CostConfig(network="mlp", hidden_sizes=(16, 16), aggregator=aggregator, members=members)
    network, observations, actions = CostNetwork(config, Sizes(3, 2)), torch.randn(5, 4, 3), torch.randn(5, 4, 2)
    costs, each = network(observations, actions), network.each(observations, actions)
    assert (costs.shape, each.shape, network.n_members) == ((5, 4), (members, 5, 4), members)
    assert ((each > 0) & (each < 1)).all()
    torch.testing.assert_close(costs, each.mean(dim=0))
    torch.testing.assert_close(network(observations[2, 1], actions[2, 1]), costs[2, 1])
    assert len({member.detach().numpy().tobytes() for member in each}) == members


@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("images", [(), ((8, 8, 3),)])
def test_an_ensemble_says_the_same_in_inference_mode(aggregator, images):
    """Where cores share the work: the mode is a thread's own, and its tensors may be written in that mode alone."""
    torch.manual_seed(0)
    config = CostConfig(hidden_sizes=(16,), aggregator=aggregator, members=3)
    network = CostNetwork(config, Sizes(3, 2, images=images))
    inputs = torch.rand(20, 3 + 192 * len(images)), torch.randn(20, 2)
    with torch.inference_mode():
        found = network.each(*inputs)
    torch.testing.assert_close(found.clone(), network.each(*inputs).detach())


def test_a_network_without_hidden_layers_is_logistic_regression():
    torch.manual_seed(0)
    network = CostNetwork(CostConfig(network="mlp", inputs="all", hidden_sizes=()), Sizes(2, 1))
    state, inputs = network.state_dict(), torch.randn(9, 3)
    expected = torch.sigmoid(inputs @ state["body.0.weight"][0, :, 0] + state["body.0.bias"][0, 0])
    torch.testing.assert_close(network(inputs[:, :2], inputs[:, 2:]), expected)


def test_a_network_sees_normalised_inputs():
    torch.manual_seed(0)
    network = CostNetwork(CostConfig(network="mlp", inputs="all", hidden_sizes=(4,)), Sizes(2, 1))
    inputs = torch.randn(50, 3)
    scaled = inputs * torch.tensor([1e3, 1e-2, 7.0]) + torch.tensor([5.0, -1.0, 0.0])
    network.normaliser.fit([scaled])
    mean, deviation = inputs.mean(dim=0), inputs.std(dim=0, correction=0)
    standard = (inputs - mean) / deviation
    after = network(scaled[:, :2], scaled[:, 2:])
    network.normaliser.mean.zero_()
    network.normaliser.scale.fill_(1.0)
    torch.testing.assert_close(after, network(standard[:, :2], standard[:, 2:]), rtol=1e-4, atol=1e-5)
