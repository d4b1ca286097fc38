"""Ragged trajectories in flat arrays: views, sums and times, and what is refused."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from factories import trajectory_set
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.data.trajectories import TrajectorySet, evenly_spaced, owners, sum_by_trajectory, times
from safemil_core.errors import InvalidDataset

lengths = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def offsets_of(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


@given(lengths)
def test_a_trajectory_is_a_view_of_its_own_steps(lengths):
    whole = trajectory_set(*lengths)
    first = 0
    for trajectory, length in zip(whole, lengths, strict=True):
        assert len(trajectory) == length
        for key in ("observations", "actions", "rewards", "costs"):
            view, flat = getattr(trajectory, key), getattr(whole, key)
            assert np.shares_memory(view, flat)
            np.testing.assert_array_equal(view, flat[first : first + length])
        first += length
    assert first == whole.n_steps


def test_a_view_of_a_memory_mapped_file_reads_only_itself(tmp_path):
    whole = trajectory_set(2, 3)
    np.save(tmp_path / "observations.npy", whole.observations)
    mapped = np.load(tmp_path / "observations.npy", mmap_mode="r")
    view = replace(whole, observations=mapped)[1].observations
    assert isinstance(view, np.memmap)
    assert np.shares_memory(view, mapped)
    np.testing.assert_array_equal(view, whole.observations[2:5])


def test_sums_and_times_by_hand():
    offsets = np.array([0, 1, 4, 6])
    np.testing.assert_array_equal(sum_by_trajectory(np.array([5.0, 1, 2, 3, -1, 1]), offsets), [5, 6, 0])
    np.testing.assert_array_equal(times(offsets), [0, 0, 1, 2, 0, 1])


@given(lengths, st.integers(0, 2**32 - 1))
def test_sums_are_those_of_a_plain_loop(lengths, seed):
    offsets = offsets_of(lengths)
    values = np.random.default_rng(seed).normal(size=offsets[-1]).astype(np.float32)
    loop = [sum(float(v) for v in values[a:b]) for a, b in pairwise(offsets)]
    np.testing.assert_allclose(sum_by_trajectory(values, offsets), loop, rtol=1e-12, atol=1e-12)


@given(lengths)
def test_the_time_of_a_step_counts_from_its_trajectorys_start(lengths):
    assert times(offsets_of(lengths)).tolist() == [t for length in lengths for t in range(length)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9), st.integers(1, 40), st.data())
def test_evenly_spaced_steps_are_a_trajectorys_own_in_order_and_as_far_apart_as_can_be(lengths, n, data):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    members = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, unique=True)))
    steps = evenly_spaced(offsets, members, n)
    assert steps.shape == (len(members), n)
    for member, of_one in zip(members, steps, strict=True):
        assert offsets[member] <= of_one[0]
        assert of_one[-1] < offsets[member + 1]
        gaps = np.diff(of_one)
        assert set(gaps) <= {lengths[member] // n, lengths[member] // n + 1}


def test_evenly_spaced_steps_by_hand():
    offsets, both = np.array([0, 6, 8]), np.array([1, 0])
    np.testing.assert_array_equal(evenly_spaced(offsets, both, 3), [[6, 7, 7], [1, 3, 5]])


def test_float32_rewards_are_summed_in_float64():
    n = 20_000_001  # float32 cannot count beyond 2^24 = 16,777,216 by ones
    assert sum_by_trajectory(np.ones(n, dtype=np.float32), np.array([0, n]))[0] == n


def test_returns_and_true_costs_are_plain_sums_or_unknown():
    whole = trajectory_set(2, 3)
    np.testing.assert_allclose(whole.returns(), [whole.rewards[:2].sum(), whole.rewards[2:].sum()], rtol=1e-6)
    np.testing.assert_allclose(whole.true_costs(), [whole.costs[:2].sum(), whole.costs[2:].sum()])
    bare = replace(whole, rewards=None, costs=None)
    assert bare.returns() is None
    assert bare.true_costs() is None
    assert bare[0].rewards is None
    assert bare[0].costs is None


def test_a_trajectory_that_is_not_there_is_an_index_error():
    whole = trajectory_set(2, 3)
    for index in (-1, 2):
        with pytest.raises(IndexError, match=f"trajectory {index} of 2"):
            whole[index]


def _refused(message, **changes):
    whole = trajectory_set(2, 3)
    keys = ("observations", "actions", "offsets", "rewards", "costs")
    with pytest.raises(InvalidDataset, match=message):
        TrajectorySet(**{**{key: getattr(whole, key) for key in keys}, **changes})


def test_arrays_that_do_not_fit_one_another_are_refused():
    _refused("expected at least one trajectory, found none", offsets=np.array([0]))
    _refused("every trajectory needs at least one step", offsets=np.array([0, 2, 2, 5]))
    _refused("every trajectory needs at least one step", offsets=np.array([1, 5]))
    _refused("actions has 4 steps, the episodes add up to 5", actions=np.zeros((4, 2), np.float32))
    _refused(
        "observations must be float32 of rank 2, found float64 of rank 2", observations=np.zeros((5, 3), np.float64)
    )
    _refused("costs must be float32 of rank 1, found float32 of rank 2", costs=np.zeros((5, 1), np.float32))


def test_owners_of_steps_are_the_trajectories_that_they_lie_in():
    assert owners(np.array([0, 2, 2, 5]), np.array([4, 0, 1, 2])).tolist() == [2, 0, 0, 2]
