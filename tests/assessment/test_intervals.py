"""Statistics of episodes and their bootstrap intervals, by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.assessment.intervals import cvar, interval, interval_of_groups, iqm, satisfied

values = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30).map(np.array)


def test_cvar_is_the_mean_of_the_worst_fifth():
    assert cvar(np.array([1.0, 9, 3, 5, 7, 2, 4, 6, 8, 10])) == pytest.approx(9.5)
    assert cvar(np.array([1.0, 2, 3])) == 3  # at least one
    assert cvar(np.array([4.0])) == 4
    assert cvar(np.array([0.0, 0, 0, 60, 0, 0])) == pytest.approx(50)  # a fifth of 6 is 1.2 episodes: 60 / 1.2
    assert cvar(np.arange(6.0)) == pytest.approx((5 + 0.2 * 4) / 1.2)
    np.testing.assert_allclose(cvar(np.array([[1.0, 2, 3], [6, 5, 4]])), [3, 6])


@given(values, st.floats(0.01, 1))
def test_cvar_lies_between_mean_and_maximum_and_does_not_see_order(costs, share):
    found = cvar(costs, share)
    assert costs.mean() - 1e-9 <= found <= costs.max() + 1e-9
    assert cvar(costs[::-1], share) == pytest.approx(found)
    assert cvar(costs, 1.0) == pytest.approx(costs.mean())


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end():
    assert iqm(np.array([100.0, 1, 2, 3, 4, 5, 6, -100])) == pytest.approx(3.5)
    assert iqm(np.array([0.0, 3, 9])) == 4  # a quarter of three is none
    np.testing.assert_allclose(iqm(np.array([[0.0, 1, 2, 9], [5, 5, 5, 5]])), [1.5, 5])


def test_an_episode_at_the_limit_is_satisfied():
    np.testing.assert_array_equal(satisfied(np.array([0.0, 5, 5.1]), 5), [1, 1, 0])


def test_an_interval_holds_its_mean_and_is_the_same_every_time():
    costs = np.random.default_rng(0).exponential(size=20)
    first = interval(costs)
    assert first["low"] < first["mean"] < first["high"]
    assert first["mean"] == pytest.approx(costs.mean())
    assert interval(costs) == first
    # 95 % of a mean of 20: about two standard errors to either side
    half = (first["high"] - first["low"]) / 2
    assert half == pytest.approx(1.96 * costs.std() / np.sqrt(20), rel=0.15)


def test_an_interval_of_one_value_or_of_equal_ones_is_that_value():
    assert interval(np.array([3.0])) == {"mean": 3, "low": 3, "high": 3}
    assert interval(np.array([2.0, 2.0, 2.0])) == {"mean": 2, "low": 2, "high": 2}


def test_an_interval_of_the_worst_fifth_does_not_exceed_the_worst():
    assert interval(np.array([0.0, 0, 0, 0, 10]), cvar) == {"mean": 10, "low": 0, "high": 10}


def test_over_seeds_that_differ_the_interval_is_as_wide_as_the_seeds_say():
    groups = [np.full(50, 0.0), np.full(50, 10.0)]
    # Of two seeds either one, the other, or one of each is drawn; 100 episodes of one seed would say 5 +- 1.
    assert interval_of_groups(groups) == {"mean": 5, "low": 0, "high": 10}
    assert interval(np.concatenate(groups))["high"] < 7


def test_the_same_starts_played_by_five_seeds_are_no_more_starts():
    costs = np.random.default_rng(0).normal(100, 25, size=20)
    one, five = interval(costs), interval_of_groups([costs] * 5)
    assert five["high"] - five["low"] == pytest.approx(one["high"] - one["low"], rel=0.05)


def test_seeds_with_different_numbers_of_episodes_pool_all_of_them():
    found = interval_of_groups([np.array([0.0, 0.0]), np.array([3.0])])
    assert found == {"mean": 1, "low": 0, "high": 3}


def test_many_episodes_are_resampled_in_parts_that_give_one_interval():
    costs = np.random.default_rng(1).normal(size=2_000)
    found = interval(costs)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * costs.std() / np.sqrt(2_000), rel=0.05)
