"""Sums over bags in one pass, against the same computed step by step in float64; the same bits every time."""

import pytest
import torch
from learning_cases import generator, in_float64, relative_error

from safemil_core.learning import bag_sums as bag_sums_module
from safemil_core.learning.bag_sums import LANES, bag_sums
from safemil_core.learning.mlp import PART_STEPS, Mlp

SEVERAL_PARTS = 2 * PART_STEPS + 7
BAGS = [(5, 9), (1,), (3, 3, 8), (SEVERAL_PARTS, SEVERAL_PARTS + 40, SEVERAL_PARTS + 41)]
"""Where bags end; one of them is empty."""


def perceptrons(hidden_sizes, members, **options):
    torch.manual_seed(0)
    return Mlp(4, hidden_sizes, 1, members=members, **options)


def case(members, ends, dtype=torch.float64):
    inputs = torch.randn(members, ends[-1], 4, generator=generator(), dtype=torch.float64)
    weights = torch.rand(members, ends[-1], generator=generator(1), dtype=torch.float64)
    factors = torch.randn(len(ends), members, generator=generator(2), dtype=torch.float64)
    return inputs.to(dtype), weights.to(dtype), factors.to(dtype)


def plain(network, inputs, weights, ends):
    """[B, M], one step after the other, by autograd."""
    costs = torch.sigmoid(network.twice_differentiable(inputs)[..., 0])
    begins = (0, *ends[:-1])
    return torch.stack([
        sum((costs[:, t] * weights[:, t] for t in range(begin, end)), torch.zeros(len(costs), dtype=costs.dtype))
        for begin, end in zip(begins, ends, strict=True)
    ])  # fmt: skip


def given(inputs):
    """The steps of each member, as `bag_sums` asks for them."""
    return lambda member, steps: inputs[member, steps]


def loss(sums, factors):
    return (sums.square() * factors).sum()


def gradient_by_autograd(network, sums, factors):
    (gradient,) = torch.autograd.grad(loss(sums, factors), network.weights)
    return gradient


@pytest.mark.parametrize("lanes", [1, LANES])
@pytest.mark.parametrize("ends", BAGS)
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("hidden_sizes", [(), (8,), (16, 5)])
def test_sums_and_gradients_are_those_of_a_plain_loop(monkeypatch, hidden_sizes, members, ends, lanes):
    """With a single lane a bag of several parts is more than is passed at once."""
    monkeypatch.setattr(bag_sums_module, "LANES", lanes)
    network = in_float64(perceptrons(hidden_sizes, members))
    inputs, weights, factors = case(members, ends)
    found, expected = bag_sums(network, given(inputs), weights, ends), plain(network, inputs, weights, ends)
    torch.testing.assert_close(found.sums, expected.detach(), rtol=1e-10, atol=1e-12)
    slopes = 2 * found.sums * factors
    gradient = gradient_by_autograd(network, expected, factors)
    torch.testing.assert_close(found.gradient(slopes), gradient, rtol=1e-9, atol=1e-9)


def test_a_bag_is_cut_into_so_many_lanes_that_follow_one_another():
    ends = (LANES * PART_STEPS + 1, LANES * PART_STEPS + 1, 100 * PART_STEPS)
    lanes = bag_sums_module._lanes(ends)
    assert [bag for bag, _ in lanes] == LANES * [0] + [1] + LANES * [2]
    assert [at.stop for _, at in lanes[:-1]] == [at.start for _, at in lanes[1:]]
    assert (lanes[0][1].start, lanes[-1][1].stop) == (0, ends[-1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_fewer_bits_it_is_nearly_the_same_and_the_same_every_time(dtype):
    network, ends = perceptrons((16, 16), 2, dtype=dtype), BAGS[-1]
    inputs, weights, factors = case(2, ends, torch.float32)
    found = [bag_sums(network, given(inputs), weights, ends) for _ in range(2)]
    sums = [of.sums for of in found]
    gradients = [of.gradient(2 * of.sums * factors) for of in found]
    assert torch.equal(*sums)
    assert torch.equal(*gradients)
    assert sums[0].dtype == gradients[0].dtype == torch.float32
    exact = in_float64(perceptrons((16, 16), 2))
    expected = plain(exact, inputs.double(), weights.double(), ends)
    close = 1e-5 if dtype == torch.float32 else 0.02
    assert relative_error(sums[0], expected.detach()) < close
    assert relative_error(gradients[0], gradient_by_autograd(exact, expected, factors.double())) < 2 * close
