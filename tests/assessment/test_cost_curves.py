"""A cost read as curves and surfaces: they add up to it exactly, and each is what its inputs add."""

import numpy as np
import pytest
import torch

from safemil_core.assessment.cost_curves import read_cost
from safemil_core.config import CostConfig
from safemil_core.data.recording import Part
from safemil_core.learning.cost_function import read_cost_function
from safemil_core.learning.model_files import save_cost
from safemil_core.learning.networks import CostNetwork, Sizes


def made(path, **settings):
    """A cost of two numbers of an observation and an action of three choices, of random heights; steps [S, D]."""
    torch.manual_seed(0)
    config, sizes = CostConfig(hidden_sizes=(4,), **settings), Sizes(2, 3)
    network = CostNetwork(config, sizes)
    observations = torch.randn(500, 2) * 3 + torch.tensor([1.0, -4.0])
    actions = torch.eye(3)[torch.randint(3, (500,))]
    network.fit(lambda: [(observations, actions)])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.05)
    save_cost(path / "cost.safetensors", network, config, sizes)
    function = read_cost_function(path / "cost.safetensors", [Part("gear", dtype="int64", n_choices=3)])
    return function, torch.cat([observations, actions], dim=1).numpy()


def bilinear(surface, x, y):
    across = np.stack([np.interp(y, surface.y, row) for row in surface.heights])
    return np.array([np.interp(at, surface.x, column) for at, column in zip(x, across.T, strict=True)])


@pytest.mark.parametrize("inputs", ["all", "observations"])
@pytest.mark.parametrize("kind", ["additive", "pairwise"])
def test_curves_and_surfaces_add_up_to_the_logit(tmp_path, kind, inputs):
    function, steps = made(tmp_path, network=kind, inputs=inputs)
    cost = read_cost(function, steps)
    logits = np.full(len(steps), cost.start)
    for curve in cost.curves:
        added = curve.at(steps[:, curve.input])
        assert added.mean() == pytest.approx(0, abs=1e-5)
        assert added.std() == pytest.approx(curve.deviation, abs=1e-5)
        logits += added
    for surface in cost.surfaces:
        logits += bilinear(surface, *(steps[:, d] for d in surface.inputs))
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), function.costs(steps), atol=1e-4)
    n = 5 if inputs == "all" else 2
    assert (len(cost.curves), len(cost.surfaces)) == (n, n * (n - 1) // 2 if kind == "pairwise" else 0)
    deviations = [curve.deviation for curve in cost.curves]
    assert deviations == sorted(deviations, reverse=True)


def test_a_surface_adds_nothing_to_either_of_its_inputs_alone(tmp_path):
    function, steps = made(tmp_path, network="pairwise", inputs="observations")
    (surface,) = read_cost(function, steps).surfaces
    (layer,) = function.layers
    np.testing.assert_allclose(surface.heights @ layer.mass[1], 0, atol=1e-5)
    np.testing.assert_allclose(layer.mass[0] @ surface.heights, 0, atol=1e-5)
    assert surface.deviation > 0.1


def test_of_an_ensemble_each_network_has_its_curve(tmp_path):
    function, steps = made(tmp_path, network="additive", members=3)
    (curve, *_) = read_cost(function, steps).curves
    assert curve.heights.shape == (3, len(curve.x))
    at_steps = [np.interp(steps[:, curve.input], curve.x, of) for of in curve.heights]
    np.testing.assert_allclose(np.mean(at_steps, axis=1), 0, atol=1e-5)


def test_what_is_a_sum_and_what_is_not(tmp_path):
    assert not made(tmp_path, network="mlp")[0].is_sum
    assert not made(tmp_path, network="additive", aggregator="deep_sets")[0].is_sum
    assert made(tmp_path, network="additive", aggregator="attention")[0].is_sum
