"""The error of samples from mixtures, and its gradient written out, against the same by autograd in float64."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from learning_cases import generator
from torch.nn import functional

from safemil_core.learning.layers import MEAN_LIMIT
from safemil_core.learning.mixture_error import LOG_STD_LIMITS, Draw, SquaredErrors, split_outputs


def plainly(outputs, actions, draw):
    """As it is defined, in single operations."""
    logits, means, log_stds = split_outputs(outputs, draw.gumbel.shape[-1])
    soft = torch.softmax(logits + draw.gumbel, dim=-1)
    hard = functional.one_hot(soft.argmax(dim=-1), soft.shape[-1]) + soft - soft.detach()
    deviations = log_stds.clamp(*LOG_STD_LIMITS).exp()
    drawn = means.clamp(-MEAN_LIMIT, MEAN_LIMIT) + deviations * draw.normal
    acted = torch.tanh((hard.unsqueeze(-1) * drawn).sum(dim=-2))
    return (acted - actions).square().sum(dim=-1)


@settings(max_examples=40, deadline=None)
@given(
    components=st.integers(1, 4),
    size=st.integers(1, 5),
    scale=st.sampled_from([0.1, 1.0, 6.0]),  # the last one is often beyond the limits
    seed=st.integers(0, 1000),
)
def test_errors_and_gradients_are_those_of_the_definition(components, size, scale, seed):
    random = generator(seed)
    outputs = scale * torch.randn(2, 9, components * (1 + 2 * size), generator=random, dtype=torch.float64)
    actions = 2 * torch.rand(2, 9, size, generator=random, dtype=torch.float64) - 1
    normal = torch.randn(9, components, size, generator=random, dtype=torch.float64)
    draw = Draw(torch.randn(9, components, generator=random, dtype=torch.float64), normal)
    gradient = torch.full_like(outputs, torch.nan)
    errors = SquaredErrors(outputs, gradient, components)(actions, draw)
    leaf = outputs.requires_grad_()
    expected = plainly(leaf, actions, draw)
    (expected_gradient,) = torch.autograd.grad(expected.sum(), leaf)
    torch.testing.assert_close(errors, expected.detach())
    torch.testing.assert_close(gradient, expected_gradient)


def test_by_hand():
    """One component, one number: tanh(0.5 + e^-1 2) is 0.8448; it is to be 0.2."""
    outputs = torch.tensor([[[0.3, 0.5, -1.0]]], dtype=torch.float64)
    draw = Draw(torch.zeros(1, 1), torch.full((1, 1, 1), 2.0, dtype=torch.float64))
    gradient = torch.empty_like(outputs)
    error = SquaredErrors(outputs, gradient, 1)(torch.tensor([[[0.2]]], dtype=torch.float64), draw)
    acted = torch.tanh(torch.tensor(0.5 + 0.36787944117 * 2, dtype=torch.float64))
    flow = float(2 * (acted - 0.2) * (1 - acted**2))
    assert error.item() == pytest.approx(float((acted - 0.2) ** 2))
    assert gradient.flatten().tolist() == pytest.approx([0, flow, flow * 0.73575888])


def test_components_are_drawn_in_proportion_to_their_shares():
    draw = Draw.of((40_000, 2, 1), generator())
    taken = (torch.log(torch.tensor([0.3, 0.7])) + draw.gumbel).argmax(dim=-1)
    assert taken.double().mean().item() == pytest.approx(0.7, abs=0.01)
    assert draw.normal.std().item() == pytest.approx(1, abs=0.02)
