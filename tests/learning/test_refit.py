"""The cost network once more: to the bit as in a run, without policies; and what its trajectories taught it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from factories import TINY
from learning_cases import N, T, bits, crossing

from safemil_core.assessment.evaluation import rank_correlation
from safemil_core.assessment.influence import preview
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.influence import N_FEATURES, influence_features
from safemil_core.learning.refit import refit_cost, refit_under_seeds
from safemil_core.learning.training import train
from safemil_core.learning.weights import cloning_weights, trajectory_costs

CONFIG = TINY.model_copy(
    update={"cost": TINY.cost.model_copy(update={"updates": 100, "learning_rate": 3e-3, "settle": 0.0})}
)


@pytest.mark.parametrize("schedule", ["cost_first", "alternate"])
def test_of_the_same_labels_and_seed_it_is_the_run_s_network(schedule):
    config = TINY.model_copy(update={"schedule": schedule})
    assert bits(refit_cost(crossing(), config)) == bits(train(crossing(), config).cost)


def test_it_goes_on_from_a_network_and_tells_how_far_it_is():
    updates, states = [], []
    network = refit_cost(crossing(), TINY, on_update=updates.append, on_state=states.append)
    assert updates == [10, 20]
    assert [int(state["trainer/updates"]) for state in states] == [20]
    again = refit_cost(crossing(), TINY, warm_start=network)
    assert bits(again) != bits(network)


def test_the_preview_orders_what_a_real_refit_changes():
    """Half of the marks are moved to the trajectories that turn back: a change far above what another seed makes."""
    states, before, after = [], crossing(), crossing(marked=(1, 3, 5, 7, 0, 2, 4, 6))
    network = refit_cost(before, CONFIG.model_copy(update={"checkpoint_every": 25}), on_state=states.append)
    costs = [
        score_steps(fitted, before).mean.reshape(N, -1).sum(axis=1) for fitted in (network, refit_cost(after, CONFIG))
    ]
    features = influence_features(network, before, states[:4], CONFIG)
    assert features.shape == (N, 4 * N_FEATURES)
    predicted = preview(features, before.labels, after.labels, np.full(N, 16.0), CONFIG.cost)
    assert rank_correlation(predicted, costs[1] - costs[0]) > 0.7


def test_features_take_part_of_a_long_trajectory_and_repeat():
    states, data = [], crossing()
    network = refit_cost(data, TINY, on_state=states.append)
    once, twice = (influence_features(network, data, states, TINY) for _ in range(2))
    assert (once == twice).all()
    assert torch.isfinite(torch.from_numpy(once)).all()


def test_features_are_of_a_trajectory_s_own_steps_behind_more_than_float32_can_count():
    """Behind a trajectory of 20,000,003 steps lie those of `crossing`, and teach what they teach without it."""
    states, data, n = [], crossing(), 20_000_003
    network = refit_cost(data, TINY, on_state=states.append)
    observations, actions = (np.zeros((n + N * T, of.shape[1]), np.float32) for of in (data.observations, data.actions))
    observations[n:], actions[n:] = data.observations, data.actions
    far = replace(
        data,
        observations=torch.from_numpy(observations),
        actions=torch.from_numpy(actions),
        offsets=np.concatenate([[0], n + data.offsets]),
        labels=np.concatenate([["none"], data.labels]),
    )
    found = influence_features(network, far, states, TINY)
    np.testing.assert_array_equal(found[1:], influence_features(network, data, states, TINY))


def test_under_seeds_it_is_the_run_s_own_and_those_after_it():
    """Of 2 x 20 updates it tells every tenth, and that a refit is done; 2^31 - 1 is the last seed."""
    config, told, data = TINY.model_copy(update={"seed": 2**31 - 1}), [], crossing()
    found = refit_under_seeds(data, config, 2, on_update=told.append)
    assert found.seeds.tolist() == [2**31 - 1, 0]
    assert told == [10, 20, 20, 30, 40, 40]
    for place, seed in enumerate(found.seeds):
        steps = score_steps(refit_cost(data, config.model_copy(update={"seed": int(seed)})), data).mean
        weights = cloning_weights(steps, data.offsets, data.labels, config.weights, config.cost.gamma)
        np.testing.assert_array_equal(found.weights[place], weights.trajectories)
        np.testing.assert_array_equal(
            found.costs[place],
            trajectory_costs(steps, data.offsets, config.cost.gamma, config.weights.per_length),
        )


def test_what_settles_early_counts_as_a_whole_refit():
    told, config = [], TINY.with_values(["cost.updates=400", "cost.settle=0.9"])
    refit_under_seeds(crossing(), config, 1, on_update=told.append)
    assert told[-2] < told[-1] == 400


def test_on_its_way_it_can_be_looked_at_and_learns_the_same():
    seen = {}
    network = refit_cost(crossing(), CONFIG, look_after=(25, 100), on_look=seen.__setitem__)
    assert bits(network) == bits(refit_cost(crossing(), CONFIG))
    assert sorted(seen) == [25, 100]
    assert (seen[100].mean == score_steps(network, crossing()).mean).all()
    early = refit_cost(crossing(), CONFIG.with_values(["cost.updates=25", "cost.decay=false"]))
    late = {}
    refit_cost(crossing(), CONFIG.with_values(["cost.decay=false"]), look_after=(25,), on_look=late.__setitem__)
    assert (late[25].mean == score_steps(early, crossing()).mean).all()
