"""Bags: windows of members alone, never a step of a neighbour, from a seeded generator."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.learning.bags import NO_SEGMENTS, BagSampler

CPU = torch.device("cpu")


def offsets_of(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def sampler(lengths, members, bag_size=64, window=3, segments=NO_SEGMENTS):
    return BagSampler(offsets_of(lengths), np.array(members), bag_size, window, CPU, segments)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=7).flatmap(
        lambda lengths: st.tuples(
            st.just(lengths), st.lists(st.sampled_from(range(len(lengths))), min_size=1, max_size=7, unique=True)
        )
    ),
    st.integers(0, 15),
    st.integers(1, 20),
    st.integers(0, 1000),
)
def test_a_window_is_consecutive_steps_of_one_member(lengths_and_members, window, bag_size, seed):
    lengths, members = lengths_and_members
    offsets = offsets_of(lengths)
    bag = sampler(lengths, members, bag_size, window).draw(seeded(seed))
    longest = max(lengths[m] for m in members)
    assert bag.steps.shape == bag.is_step.shape == (bag_size, min(window or longest, longest))
    for steps, is_step in zip(bag.steps.numpy(), bag.is_step.numpy(), strict=True):
        of = np.searchsorted(offsets, steps, side="right") - 1
        assert len(set(of)) == 1  # also where it is masked: never a step of a neighbour
        assert of[0] in members
        n = int(is_step.sum())
        assert n == min(len(steps), lengths[of[0]])  # short trajectories whole, long ones fill the window
        assert is_step[:n].all()
        assert (np.diff(steps[:n]) == 1).all()
        if lengths[of[0]] <= len(steps):
            assert steps[0] == offsets[of[0]]


def test_a_window_of_0_takes_whole_trajectories():
    bag = sampler([2, 5, 3], [0, 2], window=0).draw(seeded())
    whole = {(0, 1), (7, 8, 9)}
    assert {tuple(s[m].tolist()) for s, m in zip(bag.steps, bag.is_step, strict=True)} == whole


def test_windows_start_uniformly_where_they_fit_whole():
    bag = sampler([10], [0], bag_size=40_000, window=4).draw(seeded())
    starts = np.bincount(bag.steps[:, 0].numpy())
    assert len(starts) == 7  # 0 to 6
    np.testing.assert_allclose(starts / 40_000, 1 / 7, atol=0.01)


def test_trajectories_are_drawn_uniformly_whatever_their_length():
    bag = sampler([1, 100, 10], [0, 1, 2], bag_size=30_000, window=1).draw(seeded())
    of = np.searchsorted([0, 1, 101, 111], bag.steps[:, 0].numpy(), side="right") - 1
    np.testing.assert_allclose(np.bincount(of) / 30_000, 1 / 3, atol=0.015)


def test_trajectories_are_drawn_with_replacement():
    bag = sampler([4, 4], [1], bag_size=50).draw(seeded())
    assert bag.steps.shape == (50, 3)


def test_the_same_seed_gives_the_same_bags_and_another_others():
    draws = []
    for seed in (0, 0, 1):
        generator, bags = seeded(seed), sampler([50, 60], [0, 1])
        draws.append(torch.stack([bags.draw(generator).steps for _ in range(3)]))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0][0], draws[0][1])  # and every bag is another


def test_a_bag_costs_its_own_size_whatever_the_dataset():
    """10^8 steps in 10^6 trajectories, which exist only as offsets: work on all of them could not be done so often."""
    offsets = np.arange(0, 10**8 + 1, 100)
    bags = BagSampler(offsets, np.arange(10**6), 16, 5, CPU)
    generator = seeded()
    assert all(bags.draw(generator).steps.shape == (16, 5) for _ in range(2_000))


def test_a_bag_of_nothing_is_our_mistake():
    with pytest.raises(ValueError, match="a bag needs at least one trajectory to draw from"):
        sampler([3], np.array([], dtype=int))


def windows(bag):
    return {tuple(s[m].tolist()) for s, m in zip(bag.steps, bag.is_step, strict=True)}


def test_windows_of_a_trajectory_with_segments_lie_within_one_of_them():
    """Trajectory 1 is the steps 5 to 14; it went wrong in its steps 2 to 4 and 8 to 9, both ends included."""
    bag = sampler([5, 10, 3], [1], window=2, segments={1: ((2, 4), (8, 9))}).draw(seeded())
    assert windows(bag) == {(7, 8), (8, 9), (13, 14)}


def test_a_segment_shorter_than_the_window_is_taken_whole():
    bag = sampler([5, 10, 3], [1], window=3, segments={1: ((2, 4), (8, 9), (6, 6))}).draw(seeded())
    assert windows(bag) == {(7, 8, 9), (13, 14), (11,)}


def test_a_window_of_0_takes_whole_segments_and_whole_trajectories():
    bag = sampler([5, 10, 3], [1, 2], window=0, segments={1: ((2, 4), (8, 8))}).draw(seeded())
    assert windows(bag) == {(7, 8, 9), (13,), (15, 16, 17)}
    assert bag.steps.shape == (64, 3)


def test_segments_change_nothing_for_other_trajectories():
    segments = {0: ((1, 2),), 2: ((0, 0),)}
    draws = [sampler([9, 10, 9], [1], segments=s).draw(seeded()).steps for s in (NO_SEGMENTS, segments, {1: ()})]
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], draws[2])


def test_trajectories_stay_equally_likely_and_so_do_all_places_within_the_segments_of_one():
    segments = {0: ((0, 0), (4, 6))}
    bag = sampler([10, 20], [0, 1], bag_size=80_000, window=1, segments=segments).draw(seeded())
    counts = np.bincount(bag.steps[:, 0].numpy(), minlength=30) / 80_000
    expected = np.zeros(30)
    expected[[0, 4, 5, 6]] = 1 / 8
    expected[10:] = 1 / 40
    np.testing.assert_allclose(counts, expected, atol=0.006)


@given(
    st.lists(
        st.integers(1, 9).flatmap(
            lambda n: st.tuples(
                st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).map(sorted), max_size=3)
            )
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 5),
    st.integers(0, 99),
)
def test_every_window_is_consecutive_steps_of_one_span(trajectories, window, seed):
    lengths = [n for n, _ in trajectories]
    offsets = offsets_of(lengths)
    segments = {t: tuple(map(tuple, spans)) for t, (_, spans) in enumerate(trajectories)}
    allowed = {
        t: [set(range(offsets[t] + a, offsets[t] + b + 1)) for a, b in segments[t] or ((0, n - 1),)]
        for t, n in enumerate(lengths)
    }
    bag = sampler(lengths, range(len(lengths)), 50, window, segments).draw(seeded(seed))
    for steps in windows(bag):
        of = int(np.searchsorted(offsets, steps[0], side="right")) - 1
        assert list(steps) == list(range(steps[0], steps[0] + len(steps)))
        homes = [span for span in allowed[of] if span >= set(steps)]
        assert homes
        assert len(steps) == bag.steps.shape[1] or any(len(span) == len(steps) for span in homes)


@pytest.mark.parametrize("spans", [((0, 4),), ((-1, 2),), ((3, 1),)])
def test_a_segment_outside_its_trajectory_is_our_mistake(spans):
    with pytest.raises(ValueError, match="a segment of trajectory 1 lies outside it"):
        sampler([9, 4], [0, 1], segments={1: spans})
