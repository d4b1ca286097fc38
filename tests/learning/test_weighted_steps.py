"""Steps in proportion to their weights: by hand, never one of weight 0, and as one cumulated sum says."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays

from safemil_core.learning.weighted_steps import WeightedSteps

CPU = torch.device("cpu")


def drawn(weights, uniform):
    return WeightedSteps(np.array(weights, dtype=np.float64), CPU).at(torch.tensor(uniform, dtype=torch.float64))


def test_by_hand():
    """All weight is 8: steps 1 and 2 hold a quarter each, step 5 half."""
    weights = [0, 2, 2, 0, 0, 4, 0]
    assert drawn(weights, [[0.0, 0.24], [0.25, 0.49], [0.5, 0.999]]).tolist() == [[1, 1], [2, 2], [5, 5]]


def test_the_largest_number_below_1_draws_the_last_step_that_weighs():
    for weights in ([0.1] * 7 + [0.0], [1e-9, 3.0, 0.7, 0.0], [1 / 3]):
        assert weights[int(drawn(weights, [np.nextafter(1, 0)])[0])] > 0


@given(
    weights=arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([0.0, 0.1, 1.0, 7.3])).filter(np.any),
    uniform=arrays(np.float64, 50, elements=st.floats(0, 1, exclude_max=True)),
)
def test_each_number_draws_the_step_where_the_cumulated_weights_pass_it(weights, uniform):
    found = drawn(weights, uniform).numpy()
    assert (weights[found] > 0).all()
    ends = np.cumsum(weights)
    sought, slack = uniform * ends[-1], 1e-9 * ends[-1]
    assert (sought <= ends[found] + slack).all()
    assert (sought >= ends[found] - weights[found] - slack).all()


def test_a_million_draws_are_in_proportion():
    weights = np.repeat([1.0, 0.0, 3.0], 4)
    counts = np.bincount(drawn(weights, np.random.default_rng(0).random(1_000_000)).numpy(), minlength=12)
    np.testing.assert_allclose(counts / 1_000_000, weights / weights.sum(), atol=0.001)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_come_in_either_precision(dtype):
    assert WeightedSteps(np.array([0, 1], dtype=dtype), CPU).at(torch.tensor([0.3], dtype=torch.float64)).tolist() == [
        1
    ]
