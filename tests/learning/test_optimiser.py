"""One optimiser for all networks: it clips each, steps, lets the step size fall, and goes on after a stop."""

import pytest
import torch
from learning_cases import generator

from safemil_core.config import OptimiserConfig
from safemil_core.learning.optimiser import Optimiser


def one_weight(value=0.0):
    return torch.nn.Parameter(torch.full((1, 1), value))


def moves(weight, optimiser, n, slope=1.0):
    """How far the weight moves in each of n steps down a constant slope."""
    found = []
    for _ in range(n):
        before = weight.item()
        (slope * weight.sum()).backward()
        optimiser.step()
        found.append(before - weight.item())
    return found


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_a_step_has_the_size_of_the_learning_rate(kind):
    weight = one_weight()
    optimiser = Optimiser([weight], OptimiserConfig(kind=kind, weight_decay=0), learning_rate=0.1)
    assert moves(weight, optimiser, 20) == pytest.approx([0.1] * 20, rel=1e-4)


def test_the_step_size_falls_by_half_a_cosine_to_nothing():
    weight = one_weight()
    optimiser = Optimiser([weight], OptimiserConfig(weight_decay=0), learning_rate=0.1, decay_over=100)
    sizes = moves(weight, optimiser, 100)
    assert sizes[0] == pytest.approx(0.1, rel=1e-3)
    assert sizes[50] == pytest.approx(0.05, rel=1e-2)
    assert sizes[99] < 1e-4
    assert sizes == sorted(sizes, reverse=True)
    assert moves(weight, optimiser, 3) == [0, 0, 0]


def test_after_a_step_the_gradients_are_gone():
    weight = one_weight()
    weight.sum().backward()
    Optimiser([weight], OptimiserConfig(), learning_rate=0.1).step()
    assert weight.grad is None


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_it_is_torchs_optimiser_with_torchs_clip(kind):
    """For a single network, over several parameters and steps."""
    ours, theirs = ([torch.nn.Parameter(torch.ones(1, 3, 2)), torch.nn.Parameter(torch.ones(1, 4))] for _ in range(2))
    optimiser = Optimiser(ours, OptimiserConfig(kind=kind, gradient_clip=2.0), learning_rate=0.05)
    torchs = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind](theirs, lr=0.05, weight_decay=0.01)
    rng = generator()
    for scale in (0.1, 10.0, 1e4, 1.0):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = scale * torch.randn(mine.shape, generator=rng)
            other.grad = mine.grad.clone()
        optimiser.step()
        torch.nn.utils.clip_grad_norm_(theirs, 2.0)
        torchs.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)


def test_each_networks_gradient_is_clipped_by_its_own_length():
    """Seen in the first moments, a tenth of the gradients after one step; 3 and 4 make a gradient of length 5."""
    one, other = torch.nn.Parameter(torch.zeros(2, 1)), torch.nn.Parameter(torch.zeros(2, 1, 1))
    optimiser = Optimiser([one, other], OptimiserConfig(gradient_clip=5.0), learning_rate=0.1)
    one.grad, other.grad = torch.tensor([[3.0], [300.0]]), torch.tensor([[[4.0]], [[400.0]]])
    optimiser.step()
    state = optimiser.state()
    torch.testing.assert_close(state["0.exp_avg"], torch.tensor([[0.3], [0.3]]))
    torch.testing.assert_close(state["1.exp_avg"], torch.tensor([[[0.4]], [[0.4]]]))


def test_weight_decay_pulls_to_zero_without_any_gradient():
    weight = one_weight(1.0)
    optimiser = Optimiser([weight], OptimiserConfig(kind="adamw", weight_decay=0.5), learning_rate=0.1)
    moves(weight, optimiser, 1, slope=0)
    assert weight.item() == pytest.approx(0.95)  # 1 - 0.1 * 0.5


def stepped(weights, optimiser, n, seed):
    rng = generator(seed)
    for _ in range(n):
        weights.grad = torch.randn(weights.shape, generator=rng)
        optimiser.step()


@pytest.mark.parametrize("n_before", [0, 1, 5])
def test_loaded_it_goes_on_to_the_bit_and_what_it_was_given_stays_as_it_was(n_before):
    def fresh(values):
        weights = torch.nn.Parameter(values.clone())
        return weights, Optimiser([weights], OptimiserConfig(), learning_rate=0.1, decay_over=12)

    weights, optimiser = fresh(torch.ones(2, 3))
    stepped(weights, optimiser, n_before, seed=0)
    state, values = optimiser.state(), weights.detach().clone()
    kept = {name: tensor.clone() for name, tensor in state.items()}
    stepped(weights, optimiser, 6, seed=1)
    for _ in range(2):  # and twice from the same state
        again, other = fresh(values)
        other.load(kept)
        stepped(again, other, 6, seed=1)
        assert torch.equal(again, weights)
        assert all(torch.equal(other.state()[name], tensor) for name, tensor in optimiser.state().items())
