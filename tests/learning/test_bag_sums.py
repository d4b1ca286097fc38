"""Sums over bags in one pass, against the same computed step by step in float64; the same bits every time."""

import pytest
import torch
from learning_cases import generator, in_float64, relative_error

from safemil_core.learning.bag_sums import bag_sums
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


def learned(network, sums, factors):
    """The gradient of some loss of the sums."""
    (sums.square() * factors).sum().backward()
    gradient, network.weights.grad = network.weights.grad, None
    return gradient


@pytest.mark.parametrize("ends", BAGS)
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("hidden_sizes", [(), (8,), (16, 5)])
def test_sums_and_gradients_are_those_of_a_plain_loop(hidden_sizes, members, ends):
    network = in_float64(perceptrons(hidden_sizes, members))
    inputs, weights, factors = case(members, ends)
    found, expected = bag_sums(network, inputs, weights, ends), plain(network, inputs, weights, ends)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    gradients = [learned(network, sums, factors) for sums in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


def test_all_members_may_see_the_same_steps():
    network = in_float64(perceptrons((8,), 3))
    inputs, weights, _ = case(3, (5, 9))
    of_one = bag_sums(network, inputs[:1], weights, (5, 9))
    torch.testing.assert_close(of_one, plain(network, inputs[:1].expand(3, -1, -1), weights, (5, 9)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_fewer_bits_it_is_nearly_the_same_and_the_same_every_time(dtype):
    network, ends = perceptrons((16, 16), 2, dtype=dtype), BAGS[-1]
    inputs, weights, factors = case(2, ends, torch.float32)
    sums = [bag_sums(network, inputs, weights, ends) for _ in range(2)]
    gradients = [learned(network, each, factors) for each in sums]
    assert torch.equal(*sums)
    assert torch.equal(*gradients)
    assert sums[0].dtype == gradients[0].dtype == torch.float32
    exact = in_float64(perceptrons((16, 16), 2))
    expected = plain(exact, inputs.double(), weights.double(), ends)
    close = 1e-5 if dtype == torch.float32 else 0.02
    assert relative_error(sums[0].detach(), expected.detach()) < close
    assert relative_error(gradients[0], learned(exact, expected, factors.double())) < 2 * close
