"""Kinds of failure: clear ones are found, each comes about equally often, and none too often."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.learning.failure_modes import (
    MOST_OFTEN,
    N_BINS,
    balanced_shares,
    cost_profiles,
    costlier_less,
    failure_modes,
)


def kinds_of_profiles(sizes=(20, 6, 3), noise=0.05, seed=0):
    """Profiles around centres far apart, and which centre each belongs to, in random order."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = np.eye(len(sizes)) @ rng.normal(size=(len(sizes), 8)) * 3
    return centres[kinds] + noise * rng.normal(size=(len(kinds), 8)), kinds


def same_partition(found, expected):
    return len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))


@pytest.mark.parametrize("seed", range(5))
def test_clear_kinds_are_found(seed):
    profiles, kinds = kinds_of_profiles()
    assert same_partition(failure_modes(profiles, 3, seed), kinds)


def test_a_part_of_the_profile_with_large_numbers_does_not_decide_alone():
    profiles, kinds = kinds_of_profiles()
    noise = 1e6 * np.random.default_rng(1).normal(size=(len(profiles), 1))
    assert same_partition(failure_modes(np.hstack([profiles, noise]), 3, 0), kinds)


def test_the_same_seed_finds_the_same():
    profiles = np.random.default_rng(0).normal(size=(50, 4))  # no kinds at all: where they lie is chance
    first, again = (failure_modes(profiles, 5, 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_kinds_are_numbered_from_0_without_a_gap():
    profiles = np.random.default_rng(0).normal(size=(50, 4))
    for seed in range(10):
        modes = failure_modes(profiles, 20, seed)
        assert modes.shape == (50,)
        assert set(modes) == set(range(modes.max() + 1))
        assert modes.max() < 20


@pytest.mark.parametrize("n_modes", [2, 3, 10])
def test_there_are_no_more_kinds_than_profiles_that_differ(n_modes):
    profiles = np.array([[0.0, 1.0], [5.0, 1.0], [0.0, 1.0], [5.0, 1.0]])
    assert same_partition(failure_modes(profiles, n_modes, 0), [0, 1, 0, 1])


def test_profiles_that_are_all_alike_are_one_kind():
    assert failure_modes(np.ones((4, 3)), 3, 0).tolist() == [0, 0, 0, 0]
    assert failure_modes(np.ones((1, 3)), 3, 0).tolist() == [0]


def test_a_profile_by_hand():
    """A trajectory of 20 steps that costs in its first tenth and, three times as much, in its last; a neighbour in
    between that is not asked for; and one of 2 steps."""
    costs = np.zeros(27, dtype=np.float32)
    costs[[0, 1]], costs[[18, 19]] = 0.1, 0.3
    costs[20:25] = 0.9
    costs[25:] = 0.2, 0.6
    observations = np.arange(54, dtype=np.float32).reshape(27, 2)
    profiles = cost_profiles(costs, observations, np.array([0, 20, 25, 27]), np.array([0, 2]))
    assert profiles.shape == (2, N_BINS + 2)
    expected = np.zeros((2, N_BINS))
    expected[0, [0, 9]] = 0.25, 0.75
    expected[1, [0, 5]] = 0.25, 0.75
    np.testing.assert_allclose(profiles[:, :N_BINS], expected, atol=1e-6)
    where = [0.25 * 0.5 + 0.75 * 18.5, 0.25 * 25 + 0.75 * 26]  # the mean step, each by its cost
    np.testing.assert_allclose(profiles[:, N_BINS:], [[2 * step, 2 * step + 1] for step in where], rtol=1e-6)


def test_a_trajectory_without_costs_has_a_profile_too():
    profiles = cost_profiles(np.zeros(5, np.float32), np.ones((5, 1), np.float32), np.array([0, 5]), np.array([0]))
    assert np.isfinite(profiles).all()


def test_shares_by_hand():
    """Four of one kind and two of another: half of the bag for each."""
    shares = balanced_shares(np.array([0, 0, 1, 0, 0, 1]))
    np.testing.assert_allclose(shares, [1 / 8, 1 / 8, 1 / 4, 1 / 8, 1 / 8, 1 / 4])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_shares_are_a_distribution_in_which_kinds_are_equal_but_for_the_cap(kinds):
    modes = np.unique(kinds, return_inverse=True)[1]
    shares = balanced_shares(modes)
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()
    of_kinds = np.bincount(modes, shares)
    counts = np.bincount(modes)
    is_capped = len(modes) / (counts * len(counts)) > MOST_OFTEN
    np.testing.assert_allclose(of_kinds[~is_capped], of_kinds.max(initial=0))
    assert (of_kinds[is_capped] <= of_kinds.max()).all()


def test_a_single_outlier_does_not_fill_the_bag():
    shares = balanced_shares(np.array([0] * 99 + [1]))
    assert shares[-1] / shares.sum() == pytest.approx(
        0.05 / 0.55
    )  # before they are made a distribution: 5 / 100 and 1 / 2


def test_the_costlier_half_of_the_unlabelled_is_drawn_at_a_rate():
    assert costlier_less(np.array([0.9, 0.1, 0.3, 0.7]), 0.1).tolist() == [0.1, 1, 1, 0.1]
    assert costlier_less(np.full(3, 0.5), 0.1).tolist() == [1, 1, 1]  # none is costlier
