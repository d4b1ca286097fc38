"""Policies are asked about trajectories that they have not been cloned from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from learning_cases import bits

from safemil_core.config import PolicyConfig, RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning.baselines.settings import as_trained
from safemil_core.learning.held_out_cloning import agreement, clone_without, held_out, log_likelihood
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import CPU, TrainingData
from safemil_core.learning.weights import uniform_weights

CONFIG = RunConfig(method="bc", policy=PolicyConfig(updates=300, hidden_sizes=(16,), batch_size=64, learning_rate=0.01))
N, T = 10, 40


def data_of(actions, *, choices=()):
    rng = np.random.default_rng(0)
    observations = rng.uniform(-1, 1, size=(N * T, 1)).astype(np.float32)
    return TrainingData(
        torch.from_numpy(observations),
        torch.from_numpy(actions(observations).astype(np.float32)),
        np.arange(N + 1) * T,
        np.array(["non_preferred"] * 2 + ["none"] * (N - 2)),
        choices=choices,
        device=CPU,
    )


def test_a_fifth_of_the_unmarked_is_held_out_and_none_of_the_marked():
    labels = np.array(["non_preferred"] * 5 + ["none"] * 8 + ["preferred"] * 2)
    is_out = held_out(labels, seed=3)
    assert is_out.sum() == 2
    assert not is_out[:5].any()
    np.testing.assert_array_equal(held_out(labels, seed=3), is_out)
    assert held_out(np.array(["none", "none"]), seed=0).sum() == 1
    with pytest.raises(InvalidConfig, match="fewer than two trajectories are unmarked"):
        held_out(np.array(["none", "non_preferred"]), seed=0)


def test_who_cloned_what_holds_elsewhere_too_agrees_and_who_cloned_the_opposite_does_not():
    # Trajectories 2 to 5 act by a rule, 6 to 9 against it. Each policy clones one of the kinds, and is asked about
    # a trajectory of the first kind that neither has seen.
    kind = np.repeat(np.where(np.arange(N) < 6, 1.0, -1.0), T)[:, None]
    data = data_of(lambda observations: 0.8 * kind * observations)
    is_out = np.arange(N) == 5
    by_rule = np.repeat((np.arange(N) >= 2) & (np.arange(N) < 6), T).astype(float)
    against = np.repeat(np.arange(N) >= 6, T).astype(float)
    told = []
    policies = clone_without(data, CONFIG, (by_rule, against), is_out, on_update=told.append)
    assert told == list(range(1, 301))
    right, wrong = agreement(policies, data, np.arange(5 * T, 6 * T)).mean(axis=1)
    assert right > 0.9
    assert wrong < -1  # (2 x)^2 over the variance of x is 4 on average: 1 - 4
    by_density = CONFIG.with_values(["policy.loss=log_likelihood"])
    policies = clone_without(data, by_density, (by_rule, against), is_out)
    right, wrong = log_likelihood(policies, data, np.arange(5 * T, 6 * T)).mean(axis=1)
    assert right > max(0, wrong)


@pytest.mark.parametrize("method", ["bc", "osil"])
def test_held_out_steps_have_no_say_in_cloning(method):
    """Nor in what critics expect, by which OSIL clones."""
    data = data_of(lambda observations: observations)
    is_out = np.arange(N) == 9
    weights = uniform_weights(data.offsets, data.labels).steps
    other = TrainingData(data.observations, data.actions.clone(), data.offsets, data.labels)
    other.actions[9 * T :] = 0.0
    quick = as_trained(CONFIG.with_values([f"method={method}", "policy.updates=5"]))
    cost = CostNetwork(quick.cost, data.sizes)
    first, second = (clone_without(of, quick, (weights, weights), is_out, cost) for of in (data, other))
    assert [bits(policy) for policy in first] == [bits(policy) for policy in second]


def test_of_discrete_actions_agreement_is_the_share_of_the_same():
    data = data_of(lambda observations: np.concatenate([observations > 0, observations <= 0], axis=1), choices=(2,))
    weights = np.ones(N * T)
    policies = clone_without(data, CONFIG, (weights, weights), np.arange(N) == 9)
    found = agreement(policies, data, np.arange(9 * T, 10 * T))
    assert set(np.unique(found)) <= {0, 1}
    assert found.mean() > 0.9
    assert (log_likelihood(policies, data, np.arange(9 * T, 10 * T)) <= 0).all()


def test_where_all_weight_is_held_out_there_is_nothing_to_clone():
    data = data_of(lambda observations: observations)
    weights = np.repeat(np.arange(N) == 9, T).astype(float)
    with pytest.raises(InvalidConfig, match="all weight lies on the few trajectories that are held out"):
        clone_without(data, CONFIG, (weights, weights), np.arange(N) == 9)
