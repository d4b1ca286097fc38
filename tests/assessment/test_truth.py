"""Learned against true cost: areas and curves against values by hand and against plain definitions."""

import numpy as np
import pytest
from factories import trajectory_set

from safemil_core.assessment import truth
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.assessment.truth import Cut, Judged, cut, step_report, trajectory_report


def report(scores, violates):
    return step_report(np.array(scores, dtype=np.float32), np.array(violates, dtype=np.float32))


def test_four_steps_by_hand():
    ranking = report([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).ranking
    assert ranking.looked.tolist() == [1, 2, 3, 4]
    assert ranking.found.tolist() == [1, 1, 2, 2]
    assert ranking.precision == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert ranking.recall.tolist() == [0.5, 0.5, 1, 1]
    assert ranking.false_positive_rate.tolist() == [0, 0.5, 0.5, 1]
    assert ranking.auc == 0.75  # of four pairs, 0.35 lies below 0.4
    assert ranking.average_precision == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_are_looked_at_together():
    ranking = report([0.5, 0.5, 0.5, 0.2], [1, 0, 1, 0]).ranking
    assert ranking.looked.tolist() == [3, 4]
    assert ranking.found.tolist() == [2, 2]
    assert ranking.auc == pytest.approx((2 * 0.5 + 2 * 1) / 4)
    assert ranking.average_precision == pytest.approx(2 / 3)


def test_a_cost_that_never_varies_is_a_guess():
    ranking = report([0.5] * 8, [1, 0, 0, 0, 0, 0, 0, 0]).ranking
    assert ranking.auc == 0.5
    assert ranking.average_precision == 1 / 8


def test_where_all_are_of_one_kind_there_is_no_area():
    assert report([0.1, 0.2], [0, 0]).ranking.auc is None
    assert report([0.1, 0.2], [0, 0]).ranking.average_precision is None
    assert report([0.1, 0.2], [1, 1]).ranking.auc is None
    assert report([0.1, 0.2], [1, 1]).ranking.average_precision == 1


def test_areas_are_exact_however_few_points_are_kept():
    rng = np.random.default_rng(3)
    violates = rng.random(50_000) < 0.07
    scores = np.round(rng.random(50_000) + 0.4 * violates, 4).astype(np.float32)
    ranking = step_report(scores, violates.astype(np.float32)).ranking
    assert len(ranking.looked) <= truth.N_POINTS
    assert (ranking.looked[-1], ranking.found[-1]) == (50_000, violates.sum())
    assert ranking.auc == pytest.approx(roc_auc(scores, violates), abs=1e-12)
    falling = np.sort(scores)[::-1]
    for point in range(0, len(ranking.looked), 37):
        exact = cut(scores, violates, float(falling[ranking.looked[point] - 1]))
        assert (exact.looked, exact.found) == (ranking.looked[point], ranking.found[point])
    distinct = np.unique(scores)[::-1]
    cuts = [cut(scores, violates, float(score)) for score in distinct]
    gains = np.diff([c.found for c in cuts], prepend=0)
    precision = np.array([c.found / c.looked for c in cuts])
    assert ranking.average_precision == pytest.approx((precision * gains).sum() / violates.sum(), abs=1e-12)


def test_a_threshold_by_hand():
    scores, violates = np.array([0.9, 0.6, 0.6, 0.1]), np.array([True, False, True, True])
    at = cut(scores, violates, 0.6)
    assert at == Cut(n=4, looked=3, found=2, n_violating=3)
    assert (at.precision, at.recall, at.false_positive_rate) == (2 / 3, 2 / 3, 1.0)
    nothing = cut(scores, violates, 0.95)
    assert (nothing.precision, nothing.recall, nothing.false_positive_rate) == (None, 0.0, 0.0)


def test_calibration_bins_hold_equally_many_and_one_score_lies_in_one_bin(monkeypatch):
    monkeypatch.setattr(truth, "N_BINS", 2)
    calibration = report([0.1, 0.3, 0.7, 0.9], [0, 1, 1, 1]).calibration
    assert calibration.counts.tolist() == [2, 2]
    assert calibration.score == pytest.approx([0.2, 0.8])
    assert calibration.share.tolist() == [0.5, 1]
    assert calibration.error == pytest.approx((0.3 * 2 + 0.2 * 2) / 4)
    tied = report([0.5, 0.5, 0.5, 0.9], [0, 0, 1, 1]).calibration
    assert tied.counts.tolist() == [3, 1]
    assert tied.share == pytest.approx([1 / 3, 1])
    assert report([0.5, 0.5], [0, 1]).calibration.counts.tolist() == [2]


def test_some_of_the_trajectories_by_hand():
    costs, true = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), np.array([0, 1, 0, 2, 0, 4])
    every = Judged(np.array([0.1, 0.9, 1.1]), costs, true, np.array([0, 1, 4, 6]))
    assert every.true_sums.tolist() == [0, 3, 4]
    some = every.only(np.array([True, False, True]))
    assert some.sums.tolist() == [0.1, 1.1]
    assert some.costs.tolist() == [0.1, 0.5, 0.6]
    assert some.offsets.tolist() == [0, 1, 3]
    assert some.true_sums.tolist() == [0, 4]
    none = every.only(np.zeros(3, dtype=bool))
    assert (len(none.costs), none.offsets.tolist()) == (0, [0])


def test_trajectories_are_ranked_by_their_sums_and_calibrated_by_their_means():
    trajectories = trajectory_set(2, 1, 1)
    true = np.array([1, 0, 3, 0], dtype=np.float32)
    costs = np.array([0.4, 0.2, 0.9, 0.1], dtype=np.float32)
    sums = np.array([0.6, 0.9, 0.1])
    found = trajectory_report(sums, costs, true, trajectories.offsets)
    assert (found.ranking.n_violating, found.ranking.auc) == (2, 1.0)
    assert found.calibration.score == pytest.approx([0.1, 0.3, 0.9])
    assert found.calibration.share.tolist() == [0, 0.5, 1]
    assert trajectory_report(sums, costs, true, trajectories.offsets, limit=1).ranking.n_violating == 1
