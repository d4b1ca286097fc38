"""Charts of what a policy lived through."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard import charts_rollout
from dashboard.charts_rollout import cost_timeline
from dashboard.charts_theme import LEARNED_COST, POLICY_LOOKS
from safemil_core.running.offline_checks import OfflineCheck

LEARNED, TRUE = np.array([0.1, 0.8, 0.3]), np.array([0.0, 1.0, 0.0])


def test_both_costs_over_the_steps_and_a_line_at_the_chosen_one():
    figure = cost_timeline(LEARNED, TRUE, step=1)
    true, learned = figure.data
    assert (true.name, list(true.y), true.fill) == ("true cost", [0.0, 1.0, 0.0], "tozeroy")
    assert (learned.name, list(learned.x), list(learned.y)) == ("learned cost", [0, 1, 2], [0.1, 0.8, 0.3])
    assert learned.line.color == LEARNED_COST
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (1, 1)


def test_a_true_cost_that_is_hidden_is_not_drawn():
    (learned,) = cost_timeline(LEARNED, None, step=0).data
    assert learned.name == "learned cost"


def evaluation(**costs):
    return {"policies": {key: {"episodes": [{"cost": cost} for cost in each]} for key, each in costs.items()}}


def test_the_share_of_episodes_within_a_limit_rises_with_it():
    figure = charts_rollout.satisfaction(evaluation(safe=[0, 0, 4], bc=[2, 10, 10]), POLICY_LOOKS, limit=5.0)
    safe, bc = figure.data
    assert (safe.name, safe.line.color) == ("safe policy", POLICY_LOOKS["safe"].colour)
    assert dict(zip(safe.x, safe.y, strict=True)) == {0: pytest.approx(2 / 3), 4: 1, 10.5: 1}
    assert dict(zip(bc.x, bc.y, strict=True)) == {0: 0, 2: pytest.approx(1 / 3), 10: 1, 10.5: 1}
    assert figure.layout.shapes[0].x0 == 5


def test_differences_stand_with_their_intervals_around_zero():
    found = {"mean": -3.0, "low": -5.0, "high": -2.0}
    comparisons = [{"against": "bc", "cost": found, "return": {"mean": 1.0, "low": -1.0, "high": 2.0}}]
    figure = charts_rollout.differences(comparisons, POLICY_LOOKS)
    cost, earned = figure.data
    assert (list(cost.x), list(cost.y)) == ([-3], ["against plain cloning"])
    assert (list(cost.error_x.array), list(cost.error_x.arrayminus)) == ([1], [2])
    assert list(earned.x) == [1]
    assert {shape.x0 for shape in figure.layout.shapes} == {0}


def test_agreement_has_a_bar_for_each_policy_and_kind_of_steps():
    found = {"mean": 0.5, "low": 0.2, "high": 0.6}
    checks = [OfflineCheck(policy, "held out, low", 3, 9, found, found) for policy in ("safe", "bc")]
    safe, bc = charts_rollout.agreement(checks, POLICY_LOOKS).data
    assert (list(safe.x), list(safe.y)) == (["held out,<br>low"], [0.5])
    assert (list(bc.error_y.array), list(bc.error_y.arrayminus)) == ([pytest.approx(0.1)], [pytest.approx(0.3)])


def test_episodes_are_points_and_means_have_whiskers():
    interval = {"mean": 2.0, "low": 1.0, "high": 4.0}
    result = {"return": interval, "cost": interval, "episodes": [{"seed": 7, "return": 9.0, "cost": 3.0}]}
    points, mean, *_ = charts_rollout.episodes({"policies": {"safe": result, "bc": result}}).data
    assert (points.x.tolist(), points.y.tolist(), points.customdata) == ([3.0], [9.0], (7,))
    assert (mean.error_x.array, mean.error_x.arrayminus) == ((2.0,), (1.0,))
