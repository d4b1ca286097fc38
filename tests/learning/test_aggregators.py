"""Scores of weighted sets of steps, and their gradients, against a plain loop in float64; what no score may depend on;
between which limits they lie."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learning_cases import generator, in_float64

from safemil_core.config import CostConfig
from safemil_core.learning.aggregators import make_aggregator
from safemil_core.learning.mlp import split

KINDS = ("sum", "log_sum_exp", "attention", "deep_sets")
MEMBERS = 2
SHARPNESS = 3.0

every_kind = pytest.mark.parametrize("kind", KINDS)
lengths_of_windows = st.lists(st.integers(1, 5), min_size=1, max_size=5)
gammas = st.floats(0.3, 1)
draws = st.integers(0, 99)


def aggregator_of(kind, sharpness=SHARPNESS):
    """In float64, with gates that are not all 0."""
    torch.manual_seed(0)
    aggregator = in_float64(make_aggregator(CostConfig(aggregator=kind, members=MEMBERS, sharpness=sharpness)))
    if kind == "attention":
        torch.nn.init.normal_(aggregator.gate)
    return aggregator


def bag_of(aggregator, lengths, gamma, seed=0):
    """Outputs [M, n, F] and weights [M, n] of the windows of a bag, and which steps each window is."""
    n, k = sum(lengths), len(lengths)
    outputs = torch.randn(MEMBERS, n, aggregator.n_inputs, generator=generator(seed), dtype=torch.float64)
    times = torch.cat([torch.arange(length) for length in lengths])
    weights = (gamma ** times.double() / k).expand(MEMBERS, -1)
    windows = torch.arange(n).split(lengths)
    return outputs, weights, windows


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def elu(x):
    return torch.where(x > 0, x, torch.exp(x) - 1)


def loop_costs(kind, aggregator, member, steps):
    """[n] c of each of these steps, [F] each, by one member."""
    if kind == "deep_sets":
        return torch.stack([sigmoid(rho(aggregator, member, elu(step))) for step in steps])
    return torch.stack([sigmoid(step[0]) for step in steps])


def rho(aggregator, member, features):
    (first, first_bias), (last, last_bias) = split(aggregator.rho.weights, aggregator.rho.sizes)
    hidden = elu(features @ first[member] + first_bias[member])
    return (hidden @ last[member] + last_bias[member])[0]


def loop_score(kind, aggregator, member, windows, gamma):
    """The score of windows [length, F] as the formulas are written, one step after another."""
    steps = [(gamma**t / len(windows), step) for window in windows for t, step in enumerate(window)]
    whole = sum(w for w, _ in steps)
    costs = loop_costs(kind, aggregator, member, [step for _, step in steps])
    if kind == "sum":
        return sum(w * c for (w, _), c in zip(steps, costs, strict=True))
    if kind == "log_sum_exp":
        inside = sum(w * torch.exp(SHARPNESS * c) for (w, _), c in zip(steps, costs, strict=True)) / whole
        return whole / SHARPNESS * torch.log(inside)
    if kind == "attention":
        attended = [w * torch.exp(gate(aggregator, member, step)) for w, step in steps]
        return whole * sum(a * c for a, c in zip(attended, costs, strict=True)) / sum(attended)
    pooled = sum(w * elu(step) for w, step in steps) / whole
    return whole * sigmoid(rho(aggregator, member, pooled))


def gate(aggregator, member, step):
    half = (len(step) - 1) // 2
    x, y = step[1 : 1 + half], step[1 + half :]
    return sum(v * torch.tanh(a) * sigmoid(b) for v, a, b in zip(aggregator.gate[member], x, y, strict=True))


def test_a_sum_by_hand():
    aggregator = make_aggregator(CostConfig(aggregator="sum"))
    costs = torch.tensor([[0.5, 0.25, 0.99, 0.75]])
    # Two windows at gamma = 0.5, of three steps and of one: (0.5 + 0.5 * 0.25 + 0.25 * 0.99 + 0.75) / 2
    weights = torch.tensor([[1.0, 0.5, 0.25, 1.0]]) / 2
    assert aggregator.score(costs.logit().unsqueeze(-1), weights).item() == pytest.approx(0.81125)


def test_a_log_sum_exp_by_hand():
    """Costs 0.5 and 0.75 of weight 1 each: W = 2, and 2 / 4 log((e^2 + e^3) / 2)."""
    aggregator = make_aggregator(CostConfig(aggregator="log_sum_exp", sharpness=4))
    score = aggregator.score(torch.tensor([[[0.5], [0.75]]]).logit(), torch.ones(1, 2))
    assert score.item() == pytest.approx(math.log((math.e**2 + math.e**3) / 2) / 2)


@every_kind
@given(lengths_of_windows, gammas, draws)
def test_scores_and_gradients_are_those_of_the_plain_loop(kind, lengths, gamma, seed):
    aggregator = aggregator_of(kind)
    outputs, weights, windows = bag_of(aggregator, lengths, gamma, seed)
    outputs.requires_grad_()
    scores = aggregator.score(outputs, weights)
    expected = torch.stack(
        [loop_score(kind, aggregator, m, [outputs[m, window] for window in windows], gamma) for m in range(MEMBERS)]
    )
    torch.testing.assert_close(scores, expected, rtol=1e-9, atol=1e-12)
    sources, factors = [outputs, *aggregator.parameters()], torch.tensor([1.0, -2.0], dtype=torch.float64)
    found, wanted = (torch.autograd.grad((of * factors).sum(), sources) for of in (scores, expected))
    for gradient, plain in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, plain, rtol=1e-8, atol=1e-12)


@every_kind
def test_a_step_costs_what_the_plain_formula_says_and_between_0_and_1(kind):
    aggregator = aggregator_of(kind)
    outputs, *_ = bag_of(aggregator, [4, 3], 0.9)
    costs = aggregator.step_costs(outputs)
    assert costs.shape == (MEMBERS, 7)
    assert ((costs > 0) & (costs < 1)).all()
    for member in range(MEMBERS):
        torch.testing.assert_close(costs[member], loop_costs(kind, aggregator, member, outputs[member]))


@every_kind
@given(lengths_of_windows, gammas, draws)
def test_the_order_of_the_steps_does_not_count(kind, lengths, gamma, seed):
    aggregator = aggregator_of(kind)
    outputs, weights, _ = bag_of(aggregator, lengths, gamma, seed)
    order = torch.randperm(outputs.shape[1], generator=generator(seed))
    torch.testing.assert_close(
        aggregator.score(outputs[:, order], weights[:, order]), aggregator.score(outputs, weights), rtol=1e-9, atol=0
    )


@every_kind
@pytest.mark.parametrize("sharpness", [1.0, 1_000.0])
def test_a_step_of_weight_0_counts_nothing_not_even_in_gradients(kind, sharpness):
    """In float32, where training is: the added steps cost nearly 1, and the others little."""
    torch.manual_seed(0)
    aggregator = make_aggregator(CostConfig(aggregator=kind, members=MEMBERS, sharpness=sharpness))
    outputs = torch.randn(MEMBERS, 9, aggregator.n_inputs, generator=generator()) - 3
    weights = torch.rand(MEMBERS, 9, generator=generator(1))
    filled = torch.cat([outputs, torch.full((MEMBERS, 4, aggregator.n_inputs), 30.0)], dim=1).requires_grad_()
    scores = aggregator.score(filled, torch.cat([weights, torch.zeros(MEMBERS, 4)], dim=1))
    torch.testing.assert_close(scores, aggregator.score(outputs, weights))
    (gradient,) = torch.autograd.grad(scores.sum(), filled)
    assert not gradient[:, 9:].any()
    assert gradient[:, :9].any()
    assert torch.isfinite(gradient).all()


@every_kind
@given(lengths_of_windows, gammas, draws)
def test_a_window_drawn_twice_is_a_window_of_twice_the_weight(kind, lengths, gamma, seed):
    aggregator = aggregator_of(kind)
    outputs, weights, windows = bag_of(aggregator, lengths, gamma, seed)
    again = torch.cat([torch.arange(outputs.shape[1]), windows[0]])
    twice = weights.clone()
    twice[:, windows[0]] *= 2
    torch.testing.assert_close(
        aggregator.score(outputs[:, again], weights[:, again]), aggregator.score(outputs, twice), rtol=1e-9, atol=0
    )


@every_kind
def test_a_member_scores_by_its_own_outputs_weights_and_parameters(kind):
    aggregator = aggregator_of(kind)
    outputs, weights, _ = bag_of(aggregator, [3, 2], 0.9)
    before = aggregator.score(outputs, weights)
    outputs[0] += 1
    with torch.no_grad():
        for parameter in aggregator.parameters():
            parameter[0] += 1
    after = aggregator.score(outputs, weights)
    assert before[0] != after[0]
    assert before[1] == after[1]


@every_kind
@given(lengths_of_windows, gammas, draws)
def test_a_score_lies_between_0_and_the_weight_of_its_bag(kind, lengths, gamma, seed):
    aggregator = aggregator_of(kind)
    outputs, weights, _ = bag_of(aggregator, lengths, gamma, seed)
    scores, whole = aggregator.score(outputs, weights), weights.sum(dim=-1)
    assert ((scores > 0) & (scores < whole)).all()
    if kind != "deep_sets":  # a mean of some kind of the costs
        costs = aggregator.step_costs(outputs)
        assert (scores <= whole * costs.amax(dim=-1) + 1e-12).all()
        assert (scores >= whole * costs.amin(dim=-1) - 1e-12).all()


@every_kind
def test_a_bag_of_a_single_step_scores_its_weight_times_its_cost(kind):
    aggregator = aggregator_of(kind)
    outputs, *_ = bag_of(aggregator, [1], 1.0)
    scores = aggregator.score(outputs, torch.full((MEMBERS, 1), 0.37, dtype=torch.float64))
    torch.testing.assert_close(scores, 0.37 * aggregator.step_costs(outputs)[:, 0], rtol=1e-12, atol=0)


def test_log_sum_exp_goes_from_the_sum_to_the_maximum_as_it_gets_sharper():
    outputs, weights, _ = bag_of(aggregator_of("sum"), [4, 2, 5], 0.9)
    scores = [aggregator_of("log_sum_exp", r).score(outputs, weights) for r in (1e-3, 0.1, 1.0, 10.0, 1_000.0)]
    whole, costs = weights.sum(dim=-1), aggregator_of("sum").step_costs(outputs)
    torch.testing.assert_close(scores[0], aggregator_of("sum").score(outputs, weights), rtol=1e-3, atol=0)
    torch.testing.assert_close(scores[-1], whole * costs.amax(dim=-1), rtol=1e-2, atol=0)
    for blunter, sharper in pairwise(scores):
        assert (blunter < sharper).all()


def test_attention_begins_as_the_sum():
    aggregator = in_float64(make_aggregator(CostConfig(aggregator="attention", members=MEMBERS)))
    outputs, weights, _ = bag_of(aggregator, [4, 2, 5], 0.9)
    expected = aggregator_of("sum").score(outputs, weights)
    torch.testing.assert_close(aggregator.score(outputs, weights), expected, rtol=1e-12, atol=0)


def test_where_attention_looks_counts():
    """Two steps that differ in their gates alone: the score goes to the cost of the one with the larger gate."""
    aggregator = aggregator_of("attention")
    with torch.no_grad():
        aggregator.gate.fill_(3.0)
    outputs = torch.zeros(MEMBERS, 2, aggregator.n_inputs, dtype=torch.float64)
    outputs[:, 0, 0], outputs[:, 1, 0] = 2.0, -2.0
    outputs[:, 0, 1:] = 5.0
    score = aggregator.score(outputs, torch.ones(MEMBERS, 2, dtype=torch.float64))
    torch.testing.assert_close(score, 2 * aggregator.step_costs(outputs)[:, 0], rtol=1e-6, atol=0)


@every_kind
def test_scores_and_gradients_are_finite_however_sure_the_network_is(kind):
    aggregator = make_aggregator(CostConfig(aggregator=kind, members=MEMBERS, sharpness=1_000))
    outputs = 100 * torch.randn(MEMBERS, 20, aggregator.n_inputs, generator=generator())
    outputs.requires_grad_()
    scores = aggregator.score(outputs, torch.full((MEMBERS, 20), 0.05))
    scores.sum().backward()
    assert torch.isfinite(scores).all()
    assert torch.isfinite(outputs.grad).all()
