"""What a weighting amounts to, by hand."""

import numpy as np
import pytest

from safemil_core.assessment.weight_report import by_label, changes, report
from safemil_core.config import WeightConfig

OFFSETS = np.array([0, 2, 4, 6])
LABELS = np.array(["none", "none", "non_preferred"])
STEP_COSTS = np.array([0, 0, 0.5, 0.5, 1, 1])
NOBODY, FIRST = np.zeros(3, dtype=bool), np.array([True, False, False])


def test_weights_and_their_true_cost_by_hand():
    config = WeightConfig(scheme="trajectory", beta=float(1 / np.log(3)), per_length=False)
    found = report(STEP_COSTS, OFFSETS, LABELS, np.array([0.0, 8.0, 9.0]), config, 1.0, FIRST)
    np.testing.assert_allclose(found.costs, [0, 1, 2])
    assert found.median_cost == 1
    np.testing.assert_allclose(found.weights, [1.5, 0.5, 0])  # exp(-1 / beta) = 1/3, and the mean is 1
    assert found.effective_trajectories == pytest.approx(4 / 2.5)
    assert found.costly_share == pytest.approx(0.25)
    assert found.immobile_share == pytest.approx(0.75)
    assert found.mean_true_cost == pytest.approx(2.0)


def test_without_true_costs_nothing_is_said_of_them():
    found = report(STEP_COSTS, OFFSETS, LABELS, None, WeightConfig(), 0.99, NOBODY)
    assert found.costly_share is None
    assert found.immobile_share == 0
    assert found.mean_true_cost is None


def test_long_trajectories_count_by_their_steps():
    offsets = np.array([0, 1, 4, 5])
    found = report(np.zeros(5), offsets, LABELS, np.array([0.0, 1.0, 1.0]), WeightConfig(scheme="step"), 1.0, NOBODY)
    assert found.costly_share == pytest.approx(0.75)


def test_winners_come_first_losers_last_and_the_unchanged_not_at_all():
    before = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    table = changes(np.array([1.0, 2.0, 0.0, 1.5, 0.5]), before, n_each=2)
    assert table["trajectory"].tolist() == [1, 3, 4, 2]
    assert table["change"].tolist() == [1.0, 0.5, -0.5, -2.0]
    assert changes(before, before, n_each=2).empty


def test_few_are_named_of_many_that_change():
    table = changes(np.arange(10.0), np.full(10, 4.5), n_each=1)
    assert table["trajectory"].tolist() == [9, 0]


def test_each_label_that_occurs_by_hand():
    labels = np.array(["none", "non_preferred", "none", "unsure"])
    table = by_label(labels, np.array([1.0, 8.0, 3.0, 5.0]), np.array([1.5, 0, 0.5, 1]), np.array([2, 9, 4, 5]))
    assert table.to_dict("records") == [
        {"label": "non_preferred", "trajectories": 1, "mean_cost": 8, "mean_weight": 0, "share": 0},
        {"label": "unsure", "trajectories": 1, "mean_cost": 5, "mean_weight": 1, "share": 0.5},
        {"label": "none", "trajectories": 2, "mean_cost": 2, "mean_weight": 1, "share": 0.5},
    ]
