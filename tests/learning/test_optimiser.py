"""One optimiser for all networks: it clips, steps and lets the step size fall."""

import pytest
import torch

from safemil_core.config import OptimiserConfig
from safemil_core.learning.optimiser import Optimiser


def one_weight(value=0.0):
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, value)
    return layer


def moves(layer, optimiser, n, slope=1.0):
    """How far the weight moves in each of n steps down a constant slope."""
    found = []
    for _ in range(n):
        before = layer.weight.item()
        optimiser.step(slope * layer.weight.sum())
        found.append(before - layer.weight.item())
    return found


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_a_step_has_the_size_of_the_learning_rate(kind):
    layer = one_weight()
    optimiser = Optimiser(layer, OptimiserConfig(kind=kind, weight_decay=0), learning_rate=0.1)
    assert moves(layer, optimiser, 20) == pytest.approx([0.1] * 20, rel=1e-4)


def test_the_step_size_falls_by_half_a_cosine_to_nothing():
    layer = one_weight()
    optimiser = Optimiser(layer, OptimiserConfig(weight_decay=0), learning_rate=0.1, decay_over=100)
    sizes = moves(layer, optimiser, 100)
    assert sizes[0] == pytest.approx(0.1, rel=1e-3)
    assert sizes[50] == pytest.approx(0.05, rel=1e-2)
    assert sizes[99] < 1e-4
    assert sizes == sorted(sizes, reverse=True)


def test_long_gradients_are_clipped():
    layer = one_weight()
    optimiser = Optimiser(layer, OptimiserConfig(gradient_clip=2.0), learning_rate=0.1)
    optimiser.step(1e6 * layer.weight.sum())
    assert layer.weight.grad.norm().item() == pytest.approx(2.0, rel=1e-5)
    optimiser.step(0.5 * layer.weight.sum())
    assert layer.weight.grad.norm().item() == pytest.approx(0.5)


def test_weight_decay_pulls_to_zero_without_any_gradient():
    layer = one_weight(1.0)
    optimiser = Optimiser(layer, OptimiserConfig(kind="adamw", weight_decay=0.5), learning_rate=0.1)
    optimiser.step(0 * layer.weight.sum())
    assert layer.weight.item() == pytest.approx(0.95)  # 1 - 0.1 * 0.5
