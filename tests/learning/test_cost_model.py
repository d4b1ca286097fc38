"""Bag score and loss against numbers by hand and a plain loop in float64."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.config import CostConfig
from safemil_core.learning.bags import Bag
from safemil_core.learning.cost_model import bag_loss, bag_score, score_steps
from safemil_core.learning.networks import CostNetwork

ragged = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=6)
gammas = st.floats(0.01, 1)


def padded(windows, padding=0.0):
    """Costs [K, H] in float64 and the bag that says which of them count."""
    width = max(map(len, windows))
    costs = torch.tensor([w + [padding] * (width - len(w)) for w in windows], dtype=torch.float64)
    is_step = torch.tensor([[True] * len(w) + [False] * (width - len(w)) for w in windows])
    return costs, Bag(steps=torch.zeros(costs.shape, dtype=torch.int64), is_step=is_step)


def loop_score(windows, gamma):
    """Equation 6 as it is written: the mean over trajectories of their discounted sums."""
    return sum(sum(gamma**t * c for t, c in enumerate(window)) for window in windows) / len(windows)


def test_a_score_by_hand():
    costs, bag = padded([[0.5, 0.25, 1.0], [0.75]], padding=9.0)
    # (0.5 + 0.5 * 0.25 + 0.25 * 1 + 0.75) / 2; the paddings of 9 count nothing
    assert bag_score(costs, bag, gamma=0.5).item() == pytest.approx(0.8125)


def test_a_loss_by_hand():
    loss = bag_loss(torch.tensor(2.0), torch.tensor(2.0 - math.log(3)))
    assert loss.item() == pytest.approx(math.log(4 / 3))  # -log sigmoid(log 3) = -log(3/4)


@given(st.floats(-50, 50))
def test_the_loss_is_log_2_where_the_scores_are_equal(score):
    score = torch.tensor(score, dtype=torch.float64)
    assert bag_loss(score, score).item() == pytest.approx(math.log(2))


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_the_loss_is_minus_log_sigmoid_of_the_gap(a, b):
    loss = bag_loss(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)).item()
    assert loss == pytest.approx(-math.log(1 / (1 + math.exp(b - a))), rel=1e-6, abs=1e-12)


def test_the_loss_stays_finite_for_bags_far_apart():
    assert bag_loss(torch.tensor(0.0), torch.tensor(1e4)).item() == pytest.approx(1e4)
    assert bag_loss(torch.tensor(1e4), torch.tensor(0.0)).item() == 0


@given(ragged, gammas, st.floats(-5, 5))
def test_the_score_is_that_of_a_plain_loop_and_padding_does_not_change_it(windows, gamma, padding):
    costs, bag = padded(windows, padding)
    assert bag_score(costs, bag, gamma).item() == pytest.approx(loop_score(windows, gamma), rel=1e-9, abs=1e-12)


@given(ragged, ragged, gammas)
def test_the_gradient_is_that_of_the_plain_loop(windows_n, windows_u, gamma):
    sides = [padded(windows, padding=0.3) for windows in (windows_n, windows_u)]
    costs = [side[0].requires_grad_() for side in sides]
    loss = bag_loss(*(bag_score(c, bag, gamma) for c, (_, bag) in zip(costs, sides, strict=True)))
    gradients = torch.autograd.grad(loss, costs)
    gap = loop_score(windows_n, gamma) - loop_score(windows_u, gamma)
    # d(-log sigmoid(gap)) / d gap = sigmoid(gap) - 1, and each step adds gamma^t / K to its own score
    outer = 1 / (1 + math.exp(-gap)) - 1
    for gradient, windows, sign in zip(gradients, (windows_n, windows_u), (1, -1), strict=True):
        expected = np.zeros(gradient.shape)
        for k, window in enumerate(windows):
            for t in range(len(window)):
                expected[k, t] = sign * outer * gamma**t / len(windows)
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-9, atol=1e-12)


def test_a_descent_step_raises_the_marked_and_lowers_the_rest():
    costs = torch.full((2, 3), 0.5, requires_grad=True)
    bag = Bag(torch.zeros(1, 3, dtype=torch.int64), torch.ones(1, 3, dtype=torch.bool))
    bag_loss(bag_score(costs[:1], bag, 0.9), bag_score(costs[1:], bag, 0.9)).backward()
    assert (costs.grad[0] < 0).all()
    assert (costs.grad[1] > 0).all()


def test_scoring_in_chunks_equals_one_pass():
    torch.manual_seed(0)
    network = CostNetwork(CostConfig(hidden_sizes=(16,)), 3, 2)
    observations, actions = torch.randn(101, 3), torch.randn(101, 2)
    whole = score_steps(network, observations, actions)
    assert whole.dtype == np.float32
    assert whole.shape == (101,)
    for chunk in (1, 7, 100, 101, 500):
        np.testing.assert_allclose(score_steps(network, observations, actions, chunk), whole, rtol=1e-6)
    np.testing.assert_allclose(whole, network(observations, actions).detach().numpy(), rtol=1e-6)
    assert ((whole > 0) & (whole < 1)).all()
