"""How often trajectories are drawn, by what they cost so far; and what it does to bags and costs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from learning_cases import MARKED, crossing

from safemil_core.config import RunConfig
from safemil_core.learning.cost_learning import CostLearning
from safemil_core.learning.shares import STEPS, shares, shares_follow

ODD = np.arange(40) % 2 == 1
"""The walkers that cross into where steps cost."""


def costing(means):
    """In place of a network: every step of a trajectory costs the same, which its first observation says."""
    data = crossing()
    steps = np.repeat(np.asarray(means, dtype=np.float32), 16)
    data = replace(data, observations=torch.from_numpy(steps).unsqueeze(1))
    return data, lambda observations, _: observations[..., 0]


def test_the_costlier_half_of_the_unlabelled_is_drawn_at_the_rate():
    """31 of them: three of the even walkers, which cost less, are beyond the median, too."""
    data, network = costing(np.where(ODD, 0.8, 0.1) + np.arange(40) * 1e-3)
    data.labels[[0, 17]] = "preferred", "unsure"
    found = shares(network, data, RunConfig().with_values(["cost.costly_rate=0.25"]))
    expected = np.where(ODD, 0.25, 1.0)
    expected[[34, 36, 38]] = 0.25
    expected[list(MARKED)] = 1  # they are drawn among themselves
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("preferred", "weight"), [((2, 4, 37, 39), 0), ([t for t in range(40) if t not in MARKED], 1)])
def test_preferred_ones_that_unlabelled_bags_draw_from_are_drawn_as_unlabelled_ones(preferred, weight):
    """Where they have no weight, or nothing else is left."""
    data, network = costing(np.where(ODD, 0.8, 0.1) + np.arange(40) * 1e-3)
    expected = shares(network, data, RunConfig())
    data.labels[list(preferred)] = "preferred"
    found = shares(network, data, RunConfig().with_values([f"cost.preferred_weight={weight}"]))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("means", [np.full(40, 0.3), np.full(40, np.nan)])
def test_where_costs_tell_nothing_all_are_drawn_alike(means):
    data, network = costing(means)
    np.testing.assert_array_equal(shares(network, data, RunConfig()), 1)


def test_costs_are_those_of_a_sample_of_steps_whatever_the_length():
    data, network = costing(np.where(ODD, 0.8, 0.1))
    asked = []

    def counted(observations, actions):
        asked.append(len(observations))
        return network(observations, actions)

    shares(counted, data, RunConfig())
    assert sum(asked) == (40 - len(MARKED)) * STEPS


def test_with_a_rate_of_one_and_one_kind_of_failure_nothing_follows_from_costs():
    assert shares_follow(RunConfig())
    assert not shares_follow(RunConfig.plain())
    assert not shares_follow(RunConfig.paper())
    assert shares_follow(RunConfig.plain().with_values(["cost.failure_modes=2"]))


@pytest.mark.parametrize("network", ["additive", "mlp"])
def test_unlabelled_bags_come_to_hold_fewer_of_those_that_are_unsafe(network):
    """Half of the 40 walkers cross, five of these are marked: 15 of the 35 others cross."""
    held = {}
    for rate in (1.0, 0.1):
        config = RunConfig().with_values(
            [f"cost.network={network}", "cost.hidden_sizes=[16]", f"cost.costly_rate={rate}", "rescore_every=50",
             "cost.updates=200", "cost.settle=0"]
        )  # fmt: skip
        torch.manual_seed(0)
        learning = CostLearning(crossing(marked=(1, 3, 5, 7, 9)), config, None)
        held[rate] = np.mean(crossing_shares(learning._trainer, learning)[150:])
    assert held[1.0] == pytest.approx(15 / 35, abs=0.05)
    assert held[0.1] < 0.2


def crossing_shares(trainer, learning):
    """Of the unlabelled bag of each update until the last, the share of steps of walkers that cross."""
    learn_from, found = trainer._learn_from, []

    def recorded(steps, weights, ends, *inputs):
        found.append(ODD[steps[0, ends[0] :].numpy() // 16].mean())
        return learn_from(steps, weights, ends, *inputs)

    trainer._descend = recorded
    while not learning.is_over:
        learning.update()
    return found
