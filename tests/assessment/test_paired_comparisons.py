"""Policies against one another from the same starts: hand values, and what pairing is good for."""

import numpy as np
import pytest

from safemil_core.assessment.comparisons import (
    compare,
    compare_all,
    paired_cvar_difference,
    paired_difference,
    performance_profile,
    probability_of_improvement,
    relative,
    sure_sign,
)
from safemil_core.assessment.intervals import interval


def played(returns, costs):
    return {"episodes": [{"return": r, "cost": c} for r, c in zip(returns, costs, strict=True)]}


def test_where_one_is_better_by_the_same_at_every_start_the_interval_is_a_point():
    starts = np.array([0.0, 50.0, 100.0])
    assert paired_difference(starts + 2, starts) == {"mean": 2, "low": 2, "high": 2}


def test_pairing_narrows_the_interval_since_starts_are_hard_for_both():
    rng = np.random.default_rng(0)
    starts = rng.normal(0, 100, size=20)
    own, other = starts + rng.normal(3, 1, size=20), starts
    found = paired_difference(own, other)
    assert 2 < found["low"] < found["mean"] < found["high"] < 4
    assert interval(own)["high"] - interval(own)["low"] > 50


def test_unequal_numbers_of_episodes_cannot_be_paired():
    with pytest.raises(ValueError, match="as many episodes of both"):
        paired_difference(np.zeros(3), np.zeros(2))


def test_the_difference_of_the_worst_fifths_draws_the_same_starts_for_both():
    costs = np.array([0.0, 0, 0, 0, 10])
    assert paired_cvar_difference(costs + 4, costs) == {"mean": 4, "low": 4, "high": 4}
    assert paired_cvar_difference(costs, costs[::-1])["mean"] == 0


def test_probability_of_improvement_is_the_share_of_pairs_ties_half():
    # 3 beats 1 and 2, ties 3; 2 beats 1, ties 2, loses to 3: (2 + 0.5 + 1 + 0.5) of 6
    assert probability_of_improvement(np.array([3.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(4 / 6)
    assert probability_of_improvement(np.array([1.0]), np.array([2.0])) == 0
    assert probability_of_improvement(np.ones(4), np.ones(4)) == 0.5


def test_a_performance_profile_is_the_share_above_each_level():
    shares = performance_profile(np.array([0.0, 1.0, 1.0, 3.0]), np.array([-1.0, 0.0, 1.0, 2.9, 3.0]))
    np.testing.assert_array_equal(shares, [1, 0.75, 0.25, 0.25, 0])


def test_a_comparison_by_hand_in_which_less_cost_is_better():
    found = compare(played([5, 7], [0, 2]), played([6, 8], [10, 12]))
    assert found["return"] == {"mean": -1, "low": -1, "high": -1}
    assert found["cost"] == {"mean": -10, "low": -10, "high": -10}
    assert found["cvar_cost"]["mean"] == -10
    assert found["cost_better"] == 1
    assert found["return_better"] == 1 / 4


def test_the_first_is_compared_with_each_other_one():
    policies = {"safe": played([1], [0]), "bc": played([2], [3]), "run": played([0], [0])}
    found = compare_all(policies, "safe")
    assert [(each["against"], each["cost"]["mean"]) for each in found] == [("bc", -3), ("run", 0)]


def test_what_share_of_another_s_means_one_has_where_there_is_any():
    def means(cost, earned):
        return {"cost": {"mean": cost}, "return": {"mean": earned}}

    assert relative(means(2, 9), means(8, 10)) == {"return": 0.9, "cost": 0.25}
    assert relative(means(2, -5), means(8, 10)) == {"return": -0.5, "cost": 0.25}
    assert relative(means(2, 9), means(0, 10)) is None
    assert relative(means(2, 9), means(8, -1)) is None


@pytest.mark.parametrize(("low", "high", "sign"), [(0.5, 2, 1), (-2, -0.5, -1), (-1, 1, 0), (0, 1, 0), (-1, 0, 0)])
def test_a_sign_is_sure_where_zero_lies_outside_the_interval(low, high, sign):
    assert sure_sign({"mean": (low + high) / 2, "low": low, "high": high}) == sign
