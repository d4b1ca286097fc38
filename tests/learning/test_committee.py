"""The committee: folds that leave out what they say, networks that differ, verdicts by hand and on a known answer."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learning_cases import RemoteData, crossing

from safemil_core.config import CostConfig, RunConfig
from safemil_core.learning.committee import Verdicts, folds, networks_without, train_committee
from safemil_core.learning.training_data import TrainingData

SMALL = CostConfig(hidden_sizes=(16,), bag_size=32, updates=150, learning_rate=3e-3)
TINY = CostConfig(hidden_sizes=(4,), bag_size=8, updates=5)


@given(
    st.lists(st.sampled_from(["non_preferred", "preferred", "unsure", "none"]), min_size=2, max_size=40),
    st.integers(2, 7),
    st.integers(0, 9),
)
def test_every_trajectory_is_left_out_once_unless_it_is_the_only_one_of_its_kind(labels, n_members, seed):
    labels = np.array(labels)
    is_held_out = folds(labels, n_members, np.random.default_rng(seed))
    assert is_held_out.shape == (n_members, len(labels))
    for kind in (labels == "non_preferred", labels == "preferred", np.isin(labels, ["unsure", "none"])):
        assert (is_held_out[:, kind].sum(axis=0) == (kind.sum() > 1)).all()
        sizes = is_held_out[:, kind].sum(axis=1)
        assert sizes.max() - sizes.min() <= 1  # equal parts
        assert kind.sum() < 1 or (~is_held_out & kind).any(axis=1).all()  # every network has some to learn from


def test_verdicts_by_hand():
    verdicts = Verdicts(
        costs=np.array([[0.1, 0.5, 0.9, 0.2], [0.7, 0.6, 0.8, 0.1]]),
        is_held_out=np.array([[True, False, False, False], [True, True, False, False]]),
    )
    np.testing.assert_allclose(verdicts.ranks, [[0.25, 0.75, 1, 0.5], [0.75, 0.5, 1, 0.25]])
    np.testing.assert_allclose(verdicts.disagreement, [0.25, 0.125, 0, 0.125])
    np.testing.assert_allclose(verdicts.held_out(verdicts.costs), [0.4, 0.6, np.nan, np.nan])


def test_networks_agree_on_a_clear_case_even_of_what_they_have_not_seen():
    verdicts = train_committee(crossing(), SMALL)
    assert verdicts.costs.shape == (5, 40)
    unseen = verdicts.held_out(verdicts.costs)
    assert unseen[1::2].min() > unseen[::2].max()  # the odd ones cross, marked or not
    assert len({row.tobytes() for row in verdicts.costs}) == 5
    assert (verdicts.disagreement < 0.25).all()


def test_costs_are_means_over_steps_whatever_the_length():
    data = crossing()
    whole = train_committee(data, TINY)
    halves = np.sort(np.concatenate([data.offsets, data.offsets[:-1] + 4]))
    again = TrainingData(data.observations, data.actions, halves, np.repeat(data.labels, 2))
    apart = train_committee(again, TINY.model_copy(update={"learning_rate": 1e-30, "updates": 1}))
    still = train_committee(data, TINY.model_copy(update={"learning_rate": 1e-30, "updates": 1}))
    np.testing.assert_allclose(apart.costs[:, ::2] * 0.25 + apart.costs[:, 1::2] * 0.75, still.costs, rtol=1e-5)
    assert ((whole.costs > 0) & (whole.costs < 1)).all()


def test_what_a_network_does_not_see_does_not_change_it(monkeypatch):
    """Each network's own left-out trajectories are made senseless; those that it has seen stay."""
    data = crossing()
    config = TINY.model_copy(update={"updates": 10})
    before = train_committee(data, config)
    member = 2
    steps = np.repeat(before.is_held_out[member], 16)
    observations = data.observations.clone()
    observations[torch.from_numpy(steps)] += 5.0
    monkeypatch.setattr("safemil_core.learning.networks.CostNetwork.fit", lambda *_, **__: None)
    kept, changed = (
        train_committee(TrainingData(o, data.actions, data.offsets, data.labels), config)
        for o in (data.observations, observations)
    )
    seen = ~before.is_held_out[member]
    np.testing.assert_array_equal(kept.costs[member, seen], changed.costs[member, seen])
    assert (kept.costs[member, ~seen] != changed.costs[member, ~seen]).all()
    assert (kept.costs[0, seen] != changed.costs[0, seen]).any()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = (train_committee(crossing(), TINY, seed=seed).costs for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_segments_are_learned_from():
    segments = dict.fromkeys((1, 3, 5, 7), ((10, 15),))
    with_segments = train_committee(crossing((1, 3, 5, 7), segments=segments), TINY)
    assert with_segments.costs.tobytes() != train_committee(crossing((1, 3, 5, 7)), TINY).costs.tobytes()


def test_updates_are_told():
    told = []
    train_committee(crossing(), TINY, n_members=2, on_update=told.append)
    assert told == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("only", ["non_preferred", "preferred", "none"])
def test_a_single_one_of_a_kind_is_enough_and_no_network_goes_without_it(only):
    data = crossing((1, 3), preferred=(0, 2)) if only == "none" else crossing((1,), preferred=(0,))
    if only == "none":
        data.labels[4:-1] = "preferred"
    verdicts = train_committee(data, TINY)
    alone = {"non_preferred": [1], "preferred": [0], "none": [39]}[only]
    unseen = verdicts.held_out(verdicts.costs)
    assert np.isnan(unseen[alone]).all()
    assert np.isfinite(unseen[10:30]).all()


def test_preferred_marks_are_learned_from():
    without = train_committee(crossing(), TINY)
    assert train_committee(crossing(preferred=(0, 2, 4)), TINY).costs.tobytes() != without.costs.tobytes()


@pytest.mark.parametrize("setting", [{"window": 4}, {"window": 0}, {"aggregator": "attention"}])
def test_networks_of_any_settings_make_a_committee(setting):
    verdicts = train_committee(crossing(), TINY.model_copy(update=setting), n_members=3)
    assert ((verdicts.costs > 0) & (verdicts.costs < 1)).all()


def test_data_from_outside_the_device_give_the_same_verdicts():
    local, remote = (train_committee(crossing(kind=kind), TINY) for kind in (TrainingData, RemoteData))
    assert local.costs.tobytes() == remote.costs.tobytes()


@pytest.mark.parametrize("normalise", [True, False])
def test_inputs_are_scaled_where_the_settings_say_so(normalise):
    data = crossing()
    is_held_out = folds(data.labels, 2, np.random.default_rng(0))
    network = networks_without(data, RunConfig(cost=TINY, normalise=normalise), is_held_out)
    assert bool((network.normaliser.scale != 1).any()) == normalise
