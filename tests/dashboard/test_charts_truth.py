"""Charts of a learned cost against the true one: every number where it belongs."""

import numpy as np
import pytest

from dashboard import charts_truth
from dashboard.charts_theme import LEARNED_COST, TRUE_COST
from safemil_core.assessment.truth import Cut, step_report

REPORT = step_report(np.array([0.1, 0.4, 0.35, 0.8], dtype=np.float32), np.array([0, 0, 1, 1], dtype=np.float32))
AT = Cut(n=4, looked=3, found=2, n_violating=2)


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_roc():
    drawn = traces(charts_truth.roc(REPORT.ranking, AT))
    assert drawn["learned cost"].x.tolist() == [0, 0, 0.5, 0.5, 1]
    assert drawn["learned cost"].y.tolist() == [0, 0.5, 0.5, 1, 1]
    assert (drawn["the threshold"].x, drawn["the threshold"].y) == ((0.5,), (1.0,))
    assert (drawn["a guess"].x, drawn["a guess"].y) == ((0, 1), (0, 1))
    assert drawn["learned cost"].line.color == LEARNED_COST


def test_precision_and_recall_and_that_a_guess_has_the_share_that_violates():
    drawn = traces(charts_truth.precision_recall(REPORT.ranking, AT))
    assert drawn["learned cost"].x.tolist() == [0.5, 0.5, 1, 1]
    assert drawn["learned cost"].y.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert drawn["a guess"].y == (0.5, 0.5)
    assert (drawn["the threshold"].x, drawn["the threshold"].y) == ((1.0,), (2 / 3,))


def test_a_threshold_that_calls_nothing_violating_has_no_precision_to_draw():
    nothing = Cut(n=4, looked=0, found=0, n_violating=2)
    assert "the threshold" not in traces(charts_truth.precision_recall(REPORT.ranking, nothing))


def test_violating_steps_found_by_looking():
    drawn = traces(charts_truth.found_by_looking(REPORT.ranking, AT, "steps"))
    assert drawn["learned cost"].x.tolist() == [0, 1, 2, 3, 4]
    assert drawn["learned cost"].y.tolist() == [0, 0.5, 0.5, 1, 1]
    assert (drawn["at best"].x, drawn["at best"].y) == ((0, 2, 4), (0, 1, 1))
    assert (drawn["the threshold"].x, drawn["the threshold"].y) == ((3,), (1.0,))


def test_calibration_has_a_point_a_bin_with_its_count():
    drawn = traces(charts_truth.calibration(REPORT.calibration, "steps"))
    assert drawn["violating"].x.tolist() == pytest.approx([0.1, 0.35, 0.4, 0.8])
    assert drawn["violating"].y.tolist() == [0, 1, 0, 1]
    assert drawn["violating"].customdata.tolist() == [1, 1, 1, 1]
    assert drawn["violating"].line.color == TRUE_COST
