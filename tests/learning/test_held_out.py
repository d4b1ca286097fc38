"""Networks that go without some behaviour: which can be spared, and what they say of it, against a cost that follows
the trajectory."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from learning_cases import crossing, true_costs

from safemil_core.config import CostConfig, RunConfig
from safemil_core.learning.held_out import held_out_agreement, spared
from safemil_core.learning.unseen_costs import UnseenCosts

SMALL = RunConfig(cost=CostConfig(hidden_sizes=(16,), bag_size=32, updates=200, learning_rate=3e-3))
CLUSTERS = np.arange(40) // 2 % 5
"""Five behaviours, each with walkers that cross and walkers that do not."""


def test_clusters_without_which_a_kind_of_label_is_gone_are_not_spared():
    labels = np.array(["non_preferred", "none", "unsure", "preferred", "none", "non_preferred"])
    clusters = np.array([0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(spared(clusters, labels), [clusters == 0, clusters == 2])
    labels[5] = "none"
    np.testing.assert_array_equal(spared(clusters, labels), [clusters == 2])


def test_numbers_by_hand():
    nan = np.nan
    costs = UnseenCosts(
        unseen=np.array([0.1, nan, 0.5, 0.7, 0.3, 0.3, nan, nan], dtype=np.float32),
        seen=np.array([0.2, nan, 0.6, 0.8, 0.4, 0.4, nan, nan], dtype=np.float32),
        labels=np.array(["none", "non_preferred", "non_preferred", "none"]),
        offsets=np.array([0, 2, 4, 6, 8]),
    )
    assert costs.agreement == pytest.approx(1.0)
    np.testing.assert_allclose(costs.means, [0.1, 0.6, 0.3, nan], rtol=1e-6)
    assert costs.label_auc == 1.0
    assert replace(costs, labels=costs.labels[[1, 0, 1, 0]]).label_auc == 0.0
    assert replace(costs, labels=costs.labels[[0, 0, 0, 1]]).label_auc is None
    assert replace(costs, seen=np.full(8, 0.5, dtype=np.float32)).agreement == 0.0


def test_a_cost_of_the_step_is_said_of_behaviour_that_was_not_seen_too():
    said = held_out_agreement(crossing(), SMALL, CLUSTERS)
    assert said.agreement > 0.9
    assert said.label_auc > 0.7  # half of those that cross are not marked
    is_unsafe = true_costs() > 0
    assert np.median(said.unseen[is_unsafe]) > np.median(said.unseen[~is_unsafe]) + 0.1


def test_a_cost_that_knows_the_behaviour_does_not():
    """Nothing is observed but numbers that are drawn anew for each trajectory."""
    data = crossing()
    observed = np.repeat(np.random.default_rng(0).normal(size=(40, 20)), 16, axis=0).astype(np.float32)
    told = replace(data, observations=torch.from_numpy(observed))
    said = held_out_agreement(told, SMALL, CLUSTERS)
    assert said.agreement < 0.7
    assert abs(said.label_auc - 0.5) < 0.25


def test_each_step_is_asked_of_the_network_that_has_not_seen_its_cluster():
    data = crossing()
    before = held_out_agreement(data, SMALL, CLUSTERS)
    relabelled = data.labels.copy()
    relabelled[CLUSTERS == 2] = "none"  # what a network does not see, it does not learn from
    after = held_out_agreement(replace(data, labels=relabelled), SMALL, CLUSTERS)
    is_cluster = np.repeat(CLUSTERS == 2, 16)
    np.testing.assert_array_equal(after.unseen[is_cluster], before.unseen[is_cluster])
    assert (after.seen[is_cluster] != before.seen[is_cluster]).all()


def test_of_many_steps_some_are_asked(monkeypatch):
    monkeypatch.setattr("safemil_core.learning.held_out.MOST_STEPS", 160)
    quick = RunConfig(cost=SMALL.cost.model_copy(update={"updates": 3}))
    said = held_out_agreement(crossing(), quick, CLUSTERS)
    assert np.flatnonzero(~np.isnan(said.unseen)).tolist() == list(range(0, 640, 4))
    assert np.isfinite(said.means).all()


def test_nothing_is_said_where_fewer_than_two_clusters_can_be_spared():
    assert held_out_agreement(crossing(), SMALL, np.zeros(40, dtype=int)) is None
