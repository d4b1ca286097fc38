"""Weights of behaviour cloning: Equations 12 and 14 and the threshold, by hand and by what must hold for any data."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from safemil_core.config import WeightConfig
from safemil_core.learning.weights import (
    cloning_weights,
    effective_sample_size,
    least_costly_group,
    trajectory_costs,
    uniform_weights,
)

OFFSETS = np.array([0, 2, 4, 6])
SCHEMES = ("split", "trajectory", "step", "threshold")


def labels_of(*words):
    return np.array(words, dtype="U13")


def weigh(costs, labels=("none",) * 3, offsets=OFFSETS, gamma=1.0, **config):
    config = WeightConfig(**{"scheme": "trajectory", **config})
    return cloning_weights(np.array(costs, dtype=np.float64), offsets, labels_of(*labels), config, gamma)


@st.composite
def problems(draw):
    """Step costs, offsets and labels of a few ragged trajectories, not all of them non-preferred."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=6))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    costs = draw(st.lists(st.floats(0.001, 0.999), min_size=int(offsets[-1]), max_size=int(offsets[-1])))
    labels = draw(
        st.lists(st.sampled_from(["none", "preferred", "non_preferred"]), min_size=len(lengths), max_size=len(lengths))
    )
    assume(set(labels) != {"non_preferred"})
    return np.array(costs, dtype=np.float32), offsets, labels_of(*labels)


configs = st.builds(
    WeightConfig,
    scheme=st.sampled_from(SCHEMES),
    beta=st.floats(1e-4, 100),
    threshold=st.floats(0, 10),
    per_length=st.booleans(),
)


def test_a_trajectorys_cost_by_hand():
    costs = trajectory_costs(np.array([1.0, 2, 4, 1, 3]), np.array([0, 3, 5]), gamma=0.5)
    np.testing.assert_allclose(costs, [1 + 1 + 1, 1 + 1.5])


def test_per_length_by_hand():
    # discounted lengths 1.75 and 1.5; each mean times the longest
    costs = trajectory_costs(np.array([1.0, 2, 4, 1, 3]), np.array([0, 3, 5]), gamma=0.5, per_length=True)
    np.testing.assert_allclose(costs, [3, 2.5 / 1.5 * 1.75])


def test_equation_12_by_hand():
    beta = 2 / np.log(3)  # exp(-C / beta) is 1, 1/3, 1/9 for C = 0, 2, 4
    weights = weigh([0, 0, 1, 1, 2, 2], scheme="trajectory", beta=beta)
    np.testing.assert_allclose(weights.trajectories, np.array([9, 3, 1]) * 3 / 13)
    np.testing.assert_allclose(weights.steps, np.repeat([9, 3, 1], 2) * 3 / 13)


def test_equation_14_by_hand():
    weights = weigh([0, 0.5, 0.25, 0.75, 1, 1], labels=("none", "none", "none"), scheme="step")
    np.testing.assert_allclose(weights.steps, np.array([1, 0.5, 0.75, 0.25, 0, 0]) / 2.5 * 6)
    np.testing.assert_allclose(weights.trajectories, np.array([0.75, 0.5, 0]) / 2.5 * 6)


def test_the_threshold_by_hand():
    weights = weigh([0, 1, 1, 1, 2, 2], scheme="threshold", threshold=2.0)  # C = 1, 2, 4
    np.testing.assert_allclose(weights.trajectories, [1.5, 1.5, 0])


def test_a_threshold_below_every_cost_keeps_the_least_costly():
    weights = weigh([1, 1, 0.5, 0.5, 0.5, 0.5], scheme="threshold", threshold=0.1)
    np.testing.assert_allclose(weights.trajectories, [0, 1.5, 1.5])


def test_the_mean_is_1_over_steps_and_so_long_trajectories_do_not_count_twice():
    weights = weigh([0, 0, 0, 0], labels=("none", "none"), offsets=np.array([0, 1, 4]), scheme="trajectory")
    np.testing.assert_allclose(weights.steps, 1)


@given(problems(), configs, st.floats(0.5, 1))
def test_what_holds_for_any_data(problem, config, gamma):
    costs, offsets, labels = problem
    weights = cloning_weights(costs, offsets, labels, config, gamma)
    cloned = labels != "non_preferred"
    cloned_steps = np.repeat(cloned, np.diff(offsets))
    assert (weights.steps >= 0).all()
    assert np.isfinite(weights.steps).all()
    assert (weights.steps[~cloned_steps] == 0).all()
    assert (weights.trajectories[~cloned] == 0).all()
    assert weights.steps[cloned_steps].mean() == pytest.approx(1)
    if (labels == "preferred").any():
        preferred_steps = np.repeat(labels == "preferred", np.diff(offsets))
        np.testing.assert_allclose(weights.steps[preferred_steps], weights.steps.max())
    ess = effective_sample_size(weights.trajectories)
    assert 1 - 1e-9 <= ess <= cloned.sum() + 1e-9


@given(problems(), st.floats(0.05, 50), st.floats(0.5, 1))
def test_a_costlier_trajectory_never_weighs_more(problem, beta, gamma):
    costs, offsets, labels = problem
    sums = trajectory_costs(costs, offsets, gamma)
    weights = cloning_weights(
        costs, offsets, labels, WeightConfig(scheme="trajectory", beta=beta, per_length=False), gamma
    )
    plain = np.flatnonzero(labels == "none")
    ordered = weights.trajectories[plain[np.argsort(sums[plain])]]
    assert (np.diff(ordered) <= 1e-9).all()


@given(
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
    st.floats(0, 100),
    st.floats(0.1, 10),
    st.floats(0.5, 1),
)
def test_a_constant_on_all_costs_changes_nothing_in_the_trajectory_scheme(costs, constant, beta, gamma):
    """Trajectories of equal length: the constant cancels between exp(-C / beta) and their mean."""
    before = weigh(costs, beta=beta, gamma=gamma)
    after = weigh(np.array(costs) + constant, beta=beta, gamma=gamma)
    np.testing.assert_allclose(after.steps, before.steps, rtol=1e-6, atol=1e-9)


@given(problems(), st.floats(0.5, 1))
def test_per_length_changes_nothing_where_all_are_equally_long(problem, gamma):
    costs = np.resize(problem[0], 12)
    offsets = np.array([0, 4, 8, 12])
    sums = [trajectory_costs(costs, offsets, gamma, per_length) for per_length in (False, True)]
    np.testing.assert_allclose(*sums, rtol=1e-9)


def test_ending_early_is_no_merit_per_length():
    """The same cost in every step; one trajectory ends after a tenth of the time."""
    offsets = np.array([0, 100, 110])
    costs = np.full(110, 0.5)
    labels = ("none", "none")
    by_sum = weigh(costs, labels, offsets, beta=0.6, per_length=False).trajectories
    per_length = weigh(costs, labels, offsets, beta=0.6, per_length=True).trajectories
    assert by_sum[0] == pytest.approx(0)  # the trap: the short one takes all
    np.testing.assert_allclose(per_length, [1, 1])


def test_a_tiny_beta_keeps_the_least_costly_instead_of_nothing():
    weights = weigh([500, 500, 400, 400, 600, 600], beta=1e-6)
    np.testing.assert_allclose(weights.trajectories, [0, 3, 0])


def test_a_huge_beta_is_plain_cloning():
    weights = weigh([0, 1, 1, 1, 0, 0], labels=("none", "none", "non_preferred"), beta=1e9)
    np.testing.assert_allclose(weights.trajectories, [1, 1, 0])
    plain = uniform_weights(OFFSETS, labels_of("none", "none", "non_preferred"))
    np.testing.assert_allclose(weights.steps, plain.steps)


def test_the_costs_of_non_preferred_trajectories_do_not_matter():
    words = ("none", "none", "non_preferred")
    np.testing.assert_array_equal(
        weigh([0, 1, 1, 1, 0, 0], words).trajectories, weigh([0, 1, 1, 1, 9, 9], words).trajectories
    )


def test_a_preferred_trajectory_is_trusted_whatever_it_costs():
    weights = weigh([0, 0, 0.5, 0.5, 1, 1], labels=("none", "none", "preferred"), beta=0.1)
    assert weights.trajectories[2] == pytest.approx(weights.trajectories[0])
    weights = weigh([0, 0, 1, 1, 1, 1], labels=("none", "none", "preferred"), scheme="threshold", threshold=0.5)
    np.testing.assert_allclose(weights.trajectories, [1.5, 0, 1.5])


def test_the_split_keeps_the_less_costly_of_two_groups():
    # between 0.2 and 0.8 lies nearly all of the variance; of 0, 0.1 and 0.2 no split has 0.8 of it
    costs = [0, 0.1, 0.2, 0.8, 0.9]
    assert least_costly_group(np.array(costs)) == 0.2
    weights = weigh(costs, labels=("none",) * 5, offsets=np.arange(6), scheme="split")
    np.testing.assert_allclose(weights.trajectories, [5 / 3, 5 / 3, 5 / 3, 0, 0])


def test_a_group_that_is_clearly_two_is_split_again():
    costs = np.array([0.0, 0.01, 0.02, 0.2, 0.21, 0.22, 0.9, 0.91, 0.92])
    assert least_costly_group(costs) == 0.02


def test_few_are_no_group_of_their_own():
    few = [0.0, 0.01, 0.2, 0.21, 0.22, 0.23, 0.9, 0.91, 0.92]  # two of nine, however clearly they stand apart
    assert least_costly_group(np.array(few)) == 0.23
    assert least_costly_group(np.array([0.02, *few])) == 0.02  # three of ten are enough


def test_where_no_groups_stand_clearly_apart_the_first_split_counts():
    # [0, 1], [2, 3] have 0.8 of the variance of four; of six even costs the halves have 0.77, of their three 0.75
    assert least_costly_group(np.arange(6.0)) == 2


def test_the_split_goes_by_the_mean_cost_of_a_step_whatever_the_discount():
    # the first costs more at once, C = 1 against 0.25 + 0.125 + 0.0625; the second in all
    costs, offsets = [1, 0, 0, 0, 0, 0.5, 0.5, 0.5], np.array([0, 4, 8])
    weights = weigh(costs, labels=("none",) * 2, offsets=offsets, gamma=0.5, per_length=False, scheme="split")
    np.testing.assert_allclose(weights.costs, [1, 0.25 + 0.125 + 0.0625])
    np.testing.assert_allclose(weights.trajectories, [2, 0])


def test_the_split_goes_by_what_is_cloned_and_not_known_to_be_preferred():
    # the marked, who cost 30, and the preferred are not asked; of the other two the second costs more
    labels = ("non_preferred", "none", "none", "preferred", "non_preferred")
    weights = weigh([30, 1, 2, 10, 30], labels=labels, offsets=np.arange(6), scheme="split")
    np.testing.assert_allclose(weights.trajectories, [0, 1.5, 0, 1.5, 0])


def test_a_costly_preferred_trajectory_does_not_make_all_others_one_group():
    # of the six even costs the lower half is kept; beside one of 100 they would all be the less costly group
    labels = ("none",) * 6 + ("preferred",)
    weights = weigh([0, 1, 2, 3, 4, 5, 100], labels=labels, offsets=np.arange(8), scheme="split")
    np.testing.assert_allclose(weights.trajectories, np.array([1, 1, 1, 0, 0, 0, 1]) * 7 / 4)


def test_equal_costs_are_not_split():
    assert least_costly_group(np.array([2.0, 2.0])) == least_costly_group(np.array([])) == np.inf


@given(st.lists(st.integers(0, 50), min_size=2, max_size=12).filter(lambda costs: len(set(costs)) > 1))
def test_the_split_always_leaves_somebody_out_and_a_fifth_in_unless_the_first_split_has_fewer(costs):
    costs = np.array(costs, dtype=np.float64)
    kept = (costs <= least_costly_group(costs)).sum()
    assert 0 < kept < len(costs)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_steps_that_all_cost_everything_are_cloned_alike(scheme):
    weights = weigh([1, 1, 1, 1, 1, 1], labels=("none", "none", "non_preferred"), scheme=scheme)
    np.testing.assert_allclose(weights.trajectories, [1, 1, 0])


def test_nothing_left_to_clone_is_our_mistake():
    with pytest.raises(ValueError, match="every trajectory is marked non-preferred: nothing is left to clone"):
        weigh([0] * 6, labels=("non_preferred",) * 3)


def test_a_cost_that_is_not_finite_is_our_mistake():
    with pytest.raises(ValueError, match="step costs must be finite"):
        weigh([0, 0, np.nan, 0, 0, 0])


def test_effective_sample_size_by_hand():
    assert effective_sample_size(np.array([1.0, 1, 1, 1])) == pytest.approx(4)
    assert effective_sample_size(np.array([5.0, 0, 0])) == pytest.approx(1)
    assert effective_sample_size(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
    assert effective_sample_size(np.zeros(3)) == 0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(1e-3, 1e3))
def test_effective_sample_size_lies_between_1_and_n_and_has_no_scale(weights, scale):
    weights = np.array(weights)
    assume(weights.max() > 1e-6)
    ess = effective_sample_size(weights)
    assert 1 - 1e-9 <= ess <= len(weights) + 1e-9
    assert effective_sample_size(weights * scale) == pytest.approx(ess)
