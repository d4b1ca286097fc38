"""The cost in NumPy: torch's to 1e-5 for every network, aggregator and ensemble, its gradient, and captum's answers."""

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from safemil_core.config import CostConfig
from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig, NotReady
from safemil_core.learning.choices import spread_choices
from safemil_core.learning.cost_function import read_cost_function
from safemil_core.learning.model_files import save_cost
from safemil_core.learning.networks import CostNetwork, Sizes

NUMBERS = (Part(shape=(2,)),)
CHOICES = (Part("gear", dtype="int64", n_choices=3), Part("horn", dtype="int64", n_choices=2))


def saved(path, n_inputs=5, images=(), **settings):
    """A network with large weights, which learned from inputs far from 0, and the cost function that its file gives."""
    torch.manual_seed(1)
    config = CostConfig(**{"network": "mlp", "inputs": "all", "hidden_sizes": (16, 8)} | settings)
    sizes = Sizes(3, n_inputs - 3, images=images)
    network = CostNetwork(config, sizes)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3).add_(torch.randn(parameter.shape) * 0.05)
    block = torch.randn(50, n_inputs) * 4 + 2
    network.fit(lambda: [(block[:, :3], block[:, 3:])])
    save_cost(path / "cost.safetensors", network, config, sizes)
    return network.eval()


def steps(n=40, seed=0):
    return (np.random.default_rng(seed).normal(size=(n, 5)) * 4 + 2).astype(np.float32)


def of_torch(network, inputs):
    numbers = torch.from_numpy(inputs)
    return network.each(numbers[:, :3], numbers[:, 3:])


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("kind", ["mlp", "additive", "pairwise"])
@pytest.mark.parametrize("aggregator", ["sum", "log_sum_exp", "attention", "deep_sets"])
def test_costs_and_gradients_are_torchs(tmp_path, aggregator, kind, members):
    network = saved(tmp_path, aggregator=aggregator, network=kind, members=members)
    function = read_cost_function(tmp_path / "cost.safetensors", NUMBERS)
    inputs = function.inputs(steps())
    exact = of_torch(network, inputs).detach().numpy()
    assert exact.std() > 0.05
    np.testing.assert_allclose(function.each(inputs), exact, atol=1e-5)
    np.testing.assert_allclose(function.costs(inputs), exact.mean(axis=0), atol=1e-5)
    leaf = torch.from_numpy(inputs).requires_grad_()
    network.each(leaf[:, :3], leaf[:, 3:]).mean(dim=0).sum().backward()
    np.testing.assert_allclose(function.gradient(inputs), leaf.grad.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["mlp", "additive", "pairwise"])
def test_a_network_that_sees_no_actions_gives_them_no_slope(tmp_path, kind):
    network = saved(tmp_path, network=kind, inputs="observations")
    function = read_cost_function(tmp_path / "cost.safetensors", NUMBERS)
    inputs = function.inputs(steps())
    np.testing.assert_allclose(function.each(inputs), of_torch(network, inputs).detach().numpy(), atol=1e-5)
    gradient = function.gradient(inputs)
    assert gradient.shape == (40, 5)
    assert np.abs(gradient[:, :3]).max() > 0.01
    assert (gradient[:, 3:] == 0).all()


def test_beyond_the_data_and_for_values_that_never_vary_curves_are_level(tmp_path):
    config, sizes = CostConfig(network="additive", inputs="all"), Sizes(1, 1)
    network = CostNetwork(config, sizes)
    block = torch.stack([torch.linspace(0, 1, 100), torch.full((100,), 7.0)], dim=1)
    network.fit(lambda: [(block[:, :1], block[:, 1:])])
    with torch.no_grad():
        network.body.weights.normal_(std=0.1)
    save_cost(tmp_path / "cost.safetensors", network, config, sizes)
    function = read_cost_function(tmp_path / "cost.safetensors", (Part(),))
    inputs = np.array([[-9, 7], [0, 7], [1, 7], [30, 7], [1, -1e6], [1, 1e6]], dtype=np.float32)
    costs = function.costs(inputs)
    of_torch = network(*torch.from_numpy(inputs).split(1, dim=1)).detach().numpy()
    np.testing.assert_allclose(costs, of_torch, atol=1e-6)
    assert costs[0] == costs[1]
    assert (costs[2:] == costs[2]).all()
    assert (function.gradient(inputs)[[0, 3]] == 0).all()
    assert (function.gradient(inputs)[:, 1] == 0).all()


def test_many_steps_are_costed_in_blocks_as_if_at_once(tmp_path, monkeypatch):
    saved(tmp_path, members=2)
    function = read_cost_function(tmp_path / "cost.safetensors", NUMBERS)
    inputs = function.inputs(steps(101))
    at_once, sloped = function.each(inputs), function.gradient(inputs)
    monkeypatch.setattr("safemil_core.learning.cost_function.BLOCK_VALUES", 300)
    np.testing.assert_allclose(function.each(inputs), at_once, atol=1e-6)
    np.testing.assert_allclose(function.gradient(inputs), sloped, atol=1e-6)


def test_integrated_gradients_are_captums_and_add_up_to_the_cost(tmp_path):
    network = saved(tmp_path, members=2)
    function = read_cost_function(tmp_path / "cost.safetensors", NUMBERS)
    inputs = function.inputs(steps())
    baseline = inputs.mean(axis=0)
    attribution = IntegratedGradients(lambda x: network(x[:, :3], x[:, 3:]))
    of_captum = attribution.attribute(torch.from_numpy(inputs), torch.from_numpy(baseline)[None], n_steps=24)
    ours = function.integrated_gradients(inputs, baseline, n_nodes=24)
    np.testing.assert_allclose(ours, of_captum.numpy(), atol=1e-5)
    rise = function.costs(inputs) - function.costs(baseline[None])
    exact = function.integrated_gradients(inputs, baseline, n_nodes=200)
    np.testing.assert_allclose(exact.sum(axis=1), rise, atol=2e-4)


@pytest.mark.parametrize("kind", ["additive", "pairwise"])
def test_of_a_sum_of_curves_what_inputs_add_is_what_fine_steps_find_and_adds_up_exactly(tmp_path, kind):
    saved(tmp_path, network=kind, members=2)
    function = read_cost_function(tmp_path / "cost.safetensors", NUMBERS)
    inputs = function.inputs(steps(2))
    baseline = inputs.mean(axis=0)
    found = function.integrated_gradients(inputs, baseline, n_nodes=4_000)
    rise = function.costs(inputs) - function.costs(baseline[None])
    np.testing.assert_allclose(found.sum(axis=1), rise, atol=1e-5)
    np.testing.assert_allclose(function.integrated_gradients(inputs, baseline).sum(axis=1), rise, atol=1e-5)
    nodes = (np.arange(40_000)[:, None, None] + 0.5) / 40_000  # the midpoint rule, so fine that bends do not matter
    on_the_way = (baseline + (inputs - baseline) * nodes).astype(np.float32)
    slopes = function.gradient(on_the_way.reshape(-1, 5)).reshape(on_the_way.shape).mean(axis=0)
    np.testing.assert_allclose(found, slopes * (inputs - baseline), atol=0.01)


def test_of_a_cost_that_is_nearly_linear_what_inputs_add_is_slope_times_way(tmp_path):
    network = saved(tmp_path)
    with torch.no_grad():
        for parameter in network.body.parameters():
            parameter.mul_(0.01)
    config = CostConfig(network="mlp", inputs="all", hidden_sizes=(16, 8))
    save_cost(tmp_path / "cost.safetensors", network, config, Sizes(3, 2))
    function = read_cost_function(tmp_path / "cost.safetensors", NUMBERS)
    inputs, baseline = function.inputs(steps()), np.zeros(5, dtype=np.float32)
    slope = function.gradient(baseline[None])
    np.testing.assert_allclose(function.integrated_gradients(inputs, baseline), inputs * slope, atol=1e-6)


def test_discrete_actions_are_spread_as_in_training_and_added_up_again(tmp_path):
    network = saved(tmp_path, n_inputs=8)
    function = read_cost_function(tmp_path / "cost.safetensors", CHOICES)
    numbers = np.concatenate([steps()[:, :3], np.tile([[2, 0], [0, 1]], (20, 1))], axis=1).astype(np.float32)
    inputs = function.inputs(numbers)
    np.testing.assert_array_equal(inputs[:, 3:], spread_choices(numbers[:, 3:], CHOICES))
    np.testing.assert_allclose(function.each(inputs), of_torch(network, inputs).detach().numpy(), atol=1e-5)
    assert function.number_of_input.tolist() == [0, 1, 2, 3, 3, 3, 4, 4]
    np.testing.assert_array_equal(function.by_number(np.arange(8.0)[None]), [[0, 1, 2, 3 + 4 + 5, 6 + 7]])


def test_a_network_that_sees_images_is_refused_in_a_sentence(tmp_path):
    saved(tmp_path, images=((8, 8, 3),))
    with pytest.raises(InvalidConfig, match="a probe needs numbers"):
        read_cost_function(tmp_path / "cost.safetensors", NUMBERS)


def test_what_is_no_cost_network_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "cost.safetensors").write_bytes(b"not tensors")
    with pytest.raises(NotReady, match=r"cost.safetensors cannot be read as a cost network"):
        read_cost_function(tmp_path / "cost.safetensors", NUMBERS)
