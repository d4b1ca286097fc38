"""Metrics of policies and of learned costs, by hand and against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.assessment.evaluation import Scale, cvar, evaluate_policy, interval, rank_correlation, roc_auc
from safemil_core.assessment.rollouts import Episode

values = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30).map(np.array)


def episode(seed, rewards, costs, learned):
    unseen = np.zeros((len(rewards), 0), dtype=np.float32)
    return Episode(seed, *(np.array(column, dtype=np.float32) for column in (rewards, costs, learned)), unseen, unseen)


def test_cvar_is_the_mean_of_the_worst_fifth():
    assert cvar(np.array([1.0, 9, 3, 5, 7, 2, 4, 6, 8, 10])) == pytest.approx(9.5)
    assert cvar(np.array([1.0, 2, 3])) == 3  # at least one
    assert cvar(np.array([4.0])) == 4
    assert cvar(np.arange(6.0)) == pytest.approx(4.5)  # a fifth of 6 is more than 1, so 2
    np.testing.assert_allclose(cvar(np.array([[1.0, 2, 3], [6, 5, 4]])), [3, 6])


@given(values, st.floats(0.01, 1))
def test_cvar_lies_between_mean_and_maximum_and_does_not_see_order(costs, share):
    found = cvar(costs, share)
    assert costs.mean() - 1e-9 <= found <= costs.max() + 1e-9
    assert cvar(costs[::-1], share) == pytest.approx(found)
    assert cvar(costs, 1.0) == pytest.approx(costs.mean())


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
    found = interval(np.array([0.0, 0, 0, 0, 10]), cvar)
    assert found == {"mean": 10, "low": 0, "high": 10}


def test_a_scale_by_hand():
    assert Scale(zero=10, one=30).of({"mean": 20, "low": 10, "high": 50}) == {"mean": 0.5, "low": 0, "high": 2}
    assert Scale(zero=0, one=-2).of({"mean": -1}) == {"mean": 0.5}


def test_a_policy_by_hand():
    episodes = [episode(1, [1, 2], [0, 1], [0.25, 0.5]), episode(2, [3, 4, 5], [1, 1, 1], [0.5, 0.5, 1])]
    report = evaluate_policy(episodes, {"paper": (Scale(0, 15), Scale(1, 5)), "dsrl": None})
    assert report["return"]["mean"] == 7.5
    assert report["cost"]["mean"] == 2
    assert report["cvar_cost"]["mean"] == 3
    assert report["length"]["mean"] == 2.5
    assert report["return_normalised"]["mean"] == 0.5
    assert report["cost_normalised"]["mean"] == 0.25
    assert report["return_dsrl"] is None
    assert report["cost_dsrl"] is None
    assert report["episodes"] == [
        {"seed": 1, "return": 3, "cost": 1, "length": 2, "learned_cost": 0.75},
        {"seed": 2, "return": 12, "cost": 3, "length": 3, "learned_cost": 2},
    ]
    for key in ("return", "cost", "cvar_cost"):
        assert report[key].keys() == {"mean", "low", "high"}
        assert report[key]["low"] <= report[key]["mean"] <= report[key]["high"]


def test_roc_auc_by_hand():
    is_positive = np.array([True, False, True, False])
    assert roc_auc(np.array([0.9, 0.1, 0.8, 0.2]), is_positive) == 1
    assert roc_auc(np.array([0.1, 0.9, 0.2, 0.8]), is_positive) == 0
    assert roc_auc(np.array([0.5, 0.5, 0.5, 0.5]), is_positive) == 0.5
    assert roc_auc(np.array([0.9, 0.5, 0.5, 0.1]), is_positive) == pytest.approx(3.5 / 4)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=25))
def test_roc_auc_is_the_share_of_pairs_in_order(pairs):
    scores = np.array([score for score, _ in pairs], dtype=float)
    is_positive = np.array([positive for _, positive in pairs], dtype=bool)
    won = [1.0 if a > b else 0.5 if a == b else 0.0 for a in scores[is_positive] for b in scores[~is_positive]]
    assert roc_auc(scores, is_positive) == (pytest.approx(np.mean(won)) if won else None)


def test_rank_correlation_sees_order_alone():
    a = np.array([1.0, 2, 3, 4])
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert rank_correlation(a, -(a**3)) == pytest.approx(-1)
    assert rank_correlation(a, np.array([1.0, 3, 2, 4])) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert rank_correlation(a, np.ones(4)) is None
    assert rank_correlation(np.array([1.0]), np.array([1.0])) is None
