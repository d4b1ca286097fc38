"""The loss of bags against numbers by hand; costs of all steps, block by block."""

import math

import numpy as np
import pytest
import torch
from factories import trajectory_set
from hypothesis import given
from hypothesis import strategies as st
from learning_cases import generator

from safemil_core.config import CostConfig
from safemil_core.errors import Diverged
from safemil_core.learning import training_data
from safemil_core.learning.aggregators import make_aggregator
from safemil_core.learning.bags import BagSampler
from safemil_core.learning.cost_model import bag_loss, bag_loss_slopes, each_members_costs, score_steps
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

ragged = st.lists(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6), min_size=1, max_size=6)
gammas = st.floats(0.01, 1)


def scores(*values):
    return [torch.tensor([value], dtype=torch.float64) for value in values]


def minus_log_sigmoid(gap):
    return -math.log(1 / (1 + math.exp(-gap)))


def test_a_loss_by_hand():
    loss = bag_loss(scores(2.0, 2.0 - math.log(3)))
    assert loss.tolist() == pytest.approx([math.log(4 / 3)])  # -log sigmoid(log 3) = -log(3/4)


@given(st.floats(-50, 50))
def test_the_loss_is_log_2_where_the_scores_are_equal(score):
    assert bag_loss(scores(score, score)).item() == pytest.approx(math.log(2))
    assert bag_loss(scores(score, score, score), 0.3).item() == pytest.approx(math.log(2))


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_the_loss_is_minus_log_sigmoid_of_the_gap(a, b):
    assert bag_loss(scores(a, b)).item() == pytest.approx(minus_log_sigmoid(a - b), rel=1e-6, abs=1e-12)


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 5))
def test_with_preferred_bags_it_is_the_weighted_mean_of_three(n, u, p, weight):
    of_all = minus_log_sigmoid(n - u) + weight * (minus_log_sigmoid(n - p) + minus_log_sigmoid(u - p))
    expected = of_all / (1 + 2 * weight)
    assert bag_loss(scores(n, u, p), weight).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_each_member_has_a_loss_of_its_own():
    losses = bag_loss([torch.tensor([3.0, 0.0]), torch.tensor([1.0, 0.0])])
    assert losses.tolist() == pytest.approx([minus_log_sigmoid(2.0), math.log(2)])


@given(st.integers(2, 3), st.floats(0, 5), st.integers(0, 2**16))
def test_the_slopes_of_the_loss_are_its_gradient(kinds, weight, seed):
    of_bags = 5 * torch.randn(kinds, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    leaf = of_bags.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(bag_loss(list(leaf), weight).sum(), leaf)
    torch.testing.assert_close(bag_loss_slopes(of_bags, weight), gradient)


def test_the_loss_stays_finite_for_bags_far_apart():
    assert bag_loss([torch.tensor([0.0]), torch.tensor([1e4])]).item() == pytest.approx(1e4)
    assert bag_loss([torch.tensor([1e4]), torch.tensor([0.0])]).item() == 0


def weighted(windows, gamma):
    """The outputs [1, n, 1] of a network that gives the steps of these windows their costs, and weights [1, n]."""
    costs = torch.tensor([cost for window in windows for cost in window], dtype=torch.float64)
    weights = torch.tensor([gamma**t / len(windows) for window in windows for t in range(len(window))])
    return costs.logit().view(1, -1, 1), weights.view(1, -1)


@given(ragged, ragged, gammas)
def test_the_gradient_of_the_papers_loss_is_that_of_the_plain_loop(windows_n, windows_u, gamma):
    """Equation 6 as it is written, the mean over trajectories of their discounted sums, within Bradley and Terry's."""
    sides = [weighted(windows, gamma) for windows in (windows_n, windows_u)]
    outputs, total = [side[0].requires_grad_() for side in sides], make_aggregator(CostConfig(aggregator="sum")).score
    loss = bag_loss([total(of, weights) for of, (_, weights) in zip(outputs, sides, strict=True)])
    gradients = torch.autograd.grad(loss.sum(), outputs)
    gap = loop_score(windows_n, gamma) - loop_score(windows_u, gamma)
    assert loss.item() == pytest.approx(minus_log_sigmoid(gap), rel=1e-6)
    # d(-log sigmoid(gap)) / d gap = sigmoid(gap) - 1, each step adds gamma^t / K to its score, and dc/dx = c (1 - c)
    outer = 1 / (1 + math.exp(-gap)) - 1
    for gradient, windows, sign in zip(gradients, (windows_n, windows_u), (1, -1), strict=True):
        expected = [
            sign * outer * gamma**t / len(windows) * c * (1 - c) for window in windows for t, c in enumerate(window)
        ]
        np.testing.assert_allclose(gradient.flatten(), expected, rtol=1e-5, atol=1e-9)


def loop_score(windows, gamma):
    return sum(sum(gamma**t * c for t, c in enumerate(window)) for window in windows) / len(windows)


def test_a_descent_step_raises_the_marked_and_lowers_the_rest():
    outputs = torch.zeros(2, 1, 3, 1, requires_grad=True)
    weights = torch.tensor([[1, 0.9, 0.81]])
    total = make_aggregator(CostConfig(aggregator="sum")).score
    bag_loss([total(outputs[0], weights), total(outputs[1], weights)]).sum().backward()
    assert (outputs.grad[0] < 0).all()
    assert (outputs.grad[1] > 0).all()


def data_of(*lengths):
    return TrainingData.of(trajectory_set(*lengths), np.full(len(lengths), "none"), torch.device("cpu"))


def network_of(members=1, **settings):
    torch.manual_seed(0)
    config = CostConfig(network="mlp", hidden_sizes=(16,), members=members, **settings)
    return CostNetwork(config, data_of(1).sizes)


@pytest.mark.parametrize("block", [1, 7, 100, 101, 500])
def test_scoring_block_by_block_equals_one_pass(monkeypatch, block):
    monkeypatch.setattr(training_data, "BLOCK", block)
    data, network = data_of(60, 41), network_of()
    costs = score_steps(network, data).mean
    assert costs.dtype == np.float32
    assert costs.shape == (101,)
    np.testing.assert_allclose(costs, network(data.observations, data.actions).detach(), rtol=1e-6)
    assert ((costs > 0) & (costs < 1)).all()


def test_a_single_network_has_no_spread_and_an_ensemble_the_deviation_of_its_members():
    data = data_of(30, 20)
    assert score_steps(network_of(), data).spread is None
    network = network_of(members=3)
    each, costs = each_members_costs(network, data), score_steps(network, data)
    assert each.shape == (3, 50)
    np.testing.assert_allclose(each, network.each(data.observations, data.actions).detach(), rtol=1e-6)
    np.testing.assert_allclose(costs.mean, each.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(costs.spread, each.std(axis=0), rtol=1e-5)
    assert (costs.spread > 0).all()
    assert (costs.mean.dtype, costs.spread.dtype) == (np.float32, np.float32)


def test_costs_that_are_no_numbers_are_said_in_words():
    network = network_of(members=2)
    with torch.no_grad():
        network.body.weights[1, 0] = torch.nan
    with pytest.raises(Diverged, match=r"no numbers any more; train again with a smaller cost\.learning_rate"):
        score_steps(network, data_of(3))


def test_what_a_bag_scores_is_the_discounted_cost_of_its_windows_by_the_paper():
    """From the arrays to the score: the costs that `score_steps` gives, weighted as the sampler says."""
    data, network = data_of(8, 5), network_of(aggregator="sum")
    sampler = BagSampler(data.offsets, np.array([0]), bag_size=3, window=0, gamma=0.5)
    (bag,) = sampler.draw(generator())
    outputs = network.outputs(*(of.unsqueeze(0) for of in data.take(bag.steps)))
    score = network.aggregator.score(outputs, bag.weights.unsqueeze(0)).item()
    assert score == pytest.approx(loop_score([score_steps(network, data).mean[:8].tolist()], 0.5), rel=1e-5)
