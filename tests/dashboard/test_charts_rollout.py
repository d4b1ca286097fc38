"""Charts of what a policy lived through."""

from __future__ import annotations

import numpy as np

from dashboard.charts_rollout import cost_timeline
from dashboard.charts_theme import LEARNED_COST

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
