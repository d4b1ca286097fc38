"""Metrics of policies and of learned costs, by hand and against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.assessment.evaluation import (
    at_limit,
    evaluate_policy,
    evaluate_seeds,
    mean_metrics,
    rank_correlation,
    roc_auc,
)
from safemil_core.assessment.references import Scale
from safemil_core.assessment.rollouts import Episode


def episode(seed, rewards, costs, learned):
    unseen = np.zeros((len(rewards), 0), dtype=np.float32)
    return Episode(seed, *(np.array(column, dtype=np.float32) for column in (rewards, costs, learned)), unseen, unseen)


EPISODES = [episode(1, [1, 2], [0, 1], [0.25, 0.5]), episode(2, [3, 4, 5], [1, 1, 1], [0.5, 0.5, 1])]
SCALES = {"return_normalised": Scale(0, 15), "cost_normalised": Scale(1, 5)}


def test_a_policy_by_hand():
    report = evaluate_policy(EPISODES, SCALES, cost_limit=1)
    assert report["return"]["mean"] == 7.5
    assert report["cost"]["mean"] == 2
    assert report["cvar_cost"]["mean"] == 3
    assert report["length"]["mean"] == 2.5
    assert report["satisfaction"]["mean"] == 0.5
    assert report["return_normalised"]["mean"] == 0.5
    assert report["cost_normalised"]["mean"] == 0.25
    assert "return_dsrl" not in report
    assert report["episodes"] == [
        {"seed": 1, "return": 3, "cost": 1, "length": 2, "learned_cost": 0.75},
        {"seed": 2, "return": 12, "cost": 3, "length": 3, "learned_cost": 2},
    ]
    for key in ("return", "cost", "cvar_cost", "satisfaction"):
        assert report[key].keys() == {"mean", "low", "high"}
        assert report[key]["low"] <= report[key]["mean"] <= report[key]["high"]


def test_over_seeds_that_differ_an_interval_is_as_wide_as_they_say():
    good, bad = ([episode(seed, [value], [0], [0]) for seed in range(20)] for value in (10, 0))
    found = evaluate_seeds([good, bad], {"return_normalised": Scale(0, 5)}, cost_limit=0)
    assert found["return"] == {"mean": 5, "low": 0, "high": 10}
    assert found["return_normalised"] == {"mean": 1, "low": 0, "high": 2}
    assert found["satisfaction"] == {"mean": 1, "low": 1, "high": 1}


@pytest.mark.parametrize(("n", "surely"), [(1, 0.025), (3, 0.292), (20, 0.832)])
def test_safe_episodes_alone_do_not_make_the_next_one_certain(n, surely):
    episodes = [episode(seed, [1], [0], [0]) for seed in range(n)]
    report = evaluate_policy(episodes, {}, cost_limit=0)
    assert report["satisfaction"] == {"mean": 1, "low": pytest.approx(surely, abs=5e-4), "high": 1}
    at_another = at_limit({"safe": report}, -1)["safe"]["satisfaction"]
    assert at_another == {"mean": 0, "low": 0, "high": pytest.approx(1 - surely, abs=5e-4)}


def test_plain_metrics_are_the_means_of_those_with_intervals():
    report, plain = evaluate_policy(EPISODES, SCALES, cost_limit=1), mean_metrics(EPISODES, SCALES, cost_limit=1)
    assert plain == {name: report[name]["mean"] for name in plain}
    assert plain.keys() == report.keys() - {"episodes"}


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
