"""Bags: windows of members alone, never a step of a neighbour, weighted as in the paper, from a seeded generator."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learning_cases import generator

from safemil_core.learning.bags import NO_SEGMENTS, Bag, Bags, BagSampler, side_by_side

lengths_and_members = st.lists(st.integers(1, 12), min_size=1, max_size=7).flatmap(
    lambda lengths: st.tuples(
        st.just(lengths), st.lists(st.sampled_from(range(len(lengths))), min_size=1, max_size=7, unique=True)
    )
)


def offsets_of(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def sampler(lengths, members, bag_size=64, window=3, gamma=0.9, segments=NO_SEGMENTS):
    return BagSampler(
        offsets_of(lengths), np.array(members), bag_size=bag_size, window=window, gamma=gamma, segments=segments
    )


def drawn(*arguments, seed=0, **settings):
    (bag,) = sampler(*arguments, **settings).draw(generator(seed))
    return bag


def windows_of(bag, bag_size=64):
    """[K, H] steps and weights of a bag of windows; each in its row, filled up with weights of 0."""
    return bag.steps.view(bag_size, -1), bag.weights.view(bag_size, -1)


def steps_of(bag, bag_size=64):
    """The steps of every window."""
    return {tuple(steps[weights > 0].tolist()) for steps, weights in zip(*windows_of(bag, bag_size), strict=True)}


@given(lengths_and_members, st.integers(1, 15), st.integers(1, 20), st.integers(0, 1000))
def test_a_window_is_consecutive_steps_of_one_member(of, window, bag_size, seed):
    lengths, members = of
    offsets = offsets_of(lengths)
    bag = drawn(lengths, members, bag_size, window, seed=seed)
    longest = max(lengths[m] for m in members)
    all_steps, all_weights = windows_of(bag, bag_size)
    assert all_steps.shape == (bag_size, min(window, longest))
    for steps, weights in zip(all_steps.numpy(), all_weights.numpy(), strict=True):
        owners = np.searchsorted(offsets, steps, side="right") - 1
        assert len(set(owners)) == 1  # also where the weight is 0: never a step of a neighbour
        assert owners[0] in members
        n = int((weights > 0).sum())
        assert n == min(len(steps), lengths[owners[0]])  # short trajectories whole, long ones fill the window
        np.testing.assert_allclose(weights[:n], 0.9 ** np.arange(n) / bag_size, rtol=1e-6)
        assert (np.diff(steps[:n]) == 1).all()
        if lengths[owners[0]] <= len(steps):
            assert steps[0] == offsets[owners[0]]


def test_a_bag_by_hand():
    """Eight windows of up to two steps of trajectories of 3 and of 1 step, at gamma = 0.5."""
    bag = drawn([3, 1], [0, 1], 8, 2, 0.5)
    for steps, weights in zip(*windows_of(bag, 8), strict=True):
        assert weights.tolist() == ([1 / 8, 0] if steps[0] == 3 else [1 / 8, 1 / 16])
    assert {3} < set(bag.steps.tolist())  # both were drawn
    assert (bag.steps.dtype, bag.weights.dtype) == (torch.int64, torch.float32)


@given(lengths_and_members, st.integers(0, 15), st.floats(0.5, 1), st.integers(0, 1000))
def test_the_weights_of_a_bag_add_up_to_the_mean_discounted_length_of_its_windows(of, window, gamma, seed):
    """And so to the same for all bags whose windows are whole."""
    lengths, members = of
    bag = drawn(lengths, members, 16, window, gamma, seed=seed)
    firsts, weights = bag.steps[bag.weights > 0], bag.weights[bag.weights > 0].double()
    owners = np.searchsorted(offsets_of(lengths), firsts.numpy(), side="right") - 1
    total = 0.0
    for owner in set(owners):
        n = min(lengths[owner], window or lengths[owner])
        discounted = sum(gamma**t for t in range(n))
        share = float(weights[torch.from_numpy(owners == owner)].sum()) / discounted
        assert share * 16 == pytest.approx(round(share * 16), abs=1e-4)  # a whole number of draws
        total += share
    assert total == pytest.approx(1, abs=1e-5)
    if min(lengths[m] for m in members) >= (window or max(lengths)):
        assert float(bag.weights.sum()) == pytest.approx(discounted, rel=1e-5)


def test_a_window_of_0_takes_whole_trajectories_each_once_with_as_much_weight_as_it_was_drawn():
    bag = drawn([2, 5, 3], [0, 2], 64, 0, 0.5)
    assert bag.steps.tolist() == [0, 1, 7, 8, 9]
    n = round(float(bag.weights[0]) * 64)
    assert 20 < n < 44
    expected = [n, n / 2, 64 - n, (64 - n) / 2, (64 - n) / 4]
    np.testing.assert_allclose(bag.weights, np.array(expected) / 64, rtol=1e-6)


@given(lengths_and_members, st.integers(1, 40), st.integers(0, 1000))
def test_a_bag_of_whole_trajectories_scores_as_all_of_its_draws_do(of, bag_size, seed):
    """Windows as long as the longest trajectory are the same trajectories, each as often as it was drawn."""
    lengths, members = of
    whole = drawn(lengths, members, bag_size, 0, seed=seed)
    every = drawn(lengths, members, bag_size, max(lengths), seed=seed)
    assert len(whole.steps) == len(set(whole.steps.tolist()))
    costs = torch.rand(sum(lengths), generator=generator(seed))
    scores = [float((costs[bag.steps] * bag.weights).sum()) for bag in (whole, every)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


def test_windows_start_uniformly_where_they_fit_whole():
    bag = drawn([10], [0], 40_000, 4)
    starts = np.bincount(windows_of(bag, 40_000)[0][:, 0].numpy())
    assert len(starts) == 7  # 0 to 6
    np.testing.assert_allclose(starts / 40_000, 1 / 7, atol=0.01)


def test_trajectories_are_drawn_uniformly_whatever_their_length():
    bag = drawn([1, 100, 10], [0, 1, 2], 30_000, 1)
    of = np.searchsorted([0, 1, 101, 111], bag.steps.numpy(), side="right") - 1
    np.testing.assert_allclose(np.bincount(of) / 30_000, 1 / 3, atol=0.015)


def test_trajectories_are_drawn_with_replacement():
    assert drawn([4, 4], [1], 50).steps.shape == (150,)


@pytest.mark.parametrize("window", [0, 1])
def test_trajectories_are_drawn_by_given_shares_of_any_sum(window):
    bags = sampler([1, 3, 1, 2], [0, 1, 3], 30_000, window, gamma=1.0)
    bags.set_shares(np.array([5.0, 1.0, 7.0, 4.0]))
    (bag,) = bags.draw(generator())
    of = np.searchsorted(offsets_of([1, 3, 1, 2]), bag.steps.numpy(), side="right") - 1
    lengths = np.array([1, 3, 1, 2]) if window == 0 else 1
    shares = np.bincount(of, bag.weights.numpy(), minlength=4) / lengths
    np.testing.assert_allclose(shares, [0.5, 0.1, 0, 0.4], atol=0.015)


def test_the_same_seed_gives_the_same_bags_and_another_others():
    draws = []
    for seed in (0, 0, 1):
        draws.append(torch.stack([bag.steps for bag in sampler([50, 60], [0, 1]).draw(generator(seed), 3)]))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0][0], draws[0][1])  # and every bag is another


@pytest.mark.parametrize("window", [0, 2])
def test_bags_drawn_at_once_are_like_bags_drawn_one_by_one(window):
    """Each trajectory's share of the weight, in the mean of many bags and in its deviation from bag to bag."""
    bags, offsets = sampler([3, 2, 6], [0, 1, 2], 4, window), offsets_of([3, 2, 6])
    rng = generator()
    at_once, one_by_one = bags.draw(rng, 4_000), [bags.draw(rng)[0] for _ in range(4_000)]
    found = []
    for drawn_bags in (at_once, one_by_one):
        owners = [np.searchsorted(offsets, bag.steps.numpy(), side="right") - 1 for bag in drawn_bags]
        weights = [np.bincount(of, bag.weights, minlength=3) for of, bag in zip(owners, drawn_bags, strict=True)]
        found.append((np.mean(weights, axis=0), np.std(weights, axis=0)))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=0.05)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0.05)


def test_a_bag_costs_its_own_size_whatever_the_dataset():
    """10^8 steps in 10^6 trajectories, which exist only as offsets: work on all of them could not be done so often."""
    offsets = np.arange(0, 10**8 + 1, 100)
    bags = BagSampler(offsets, np.arange(10**6), bag_size=16, window=5, gamma=0.9)
    bags.set_shares(np.ones(10**6))
    rng = generator()
    assert all(bags.draw(rng)[0].steps.shape == (80,) for _ in range(2_000))


def test_a_bag_of_nothing_is_our_mistake():
    with pytest.raises(ValueError, match="a bag needs at least one trajectory to draw from"):
        sampler([3], np.array([], dtype=int))


def test_windows_of_a_trajectory_with_segments_lie_within_one_of_them():
    """Trajectory 1 is the steps 5 to 14; it went wrong in its steps 2 to 4 and 8 to 9, both ends included."""
    bag = drawn([5, 10, 3], [1], window=2, segments={1: ((2, 4), (8, 9))})
    assert steps_of(bag) == {(7, 8), (8, 9), (13, 14)}


def test_a_segment_shorter_than_the_window_is_taken_whole():
    bag = drawn([5, 10, 3], [1], window=3, segments={1: ((2, 4), (8, 9), (6, 6))})
    assert steps_of(bag) == {(7, 8, 9), (13, 14), (11,)}


def test_a_window_of_0_takes_whole_segments_and_whole_trajectories():
    bags = sampler([5, 10, 3], [1, 2], window=0, segments={1: ((2, 4), (8, 8))})
    (bag,) = bags.draw(generator())
    assert bag.steps.tolist() == [7, 8, 9, 13, 15, 16, 17]
    assert bags.bag_steps == 64 * 3  # the longest is the most that it could hold of each


def test_segments_change_nothing_for_other_trajectories():
    segments = {0: ((1, 2),), 2: ((0, 0),)}
    draws = [drawn([9, 10, 9], [1], segments=s).steps for s in (NO_SEGMENTS, segments, {1: ()})]
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], draws[2])


def test_trajectories_stay_equally_likely_and_so_do_all_places_within_the_segments_of_one():
    segments = {0: ((0, 0), (4, 6))}
    bag = drawn([10, 20], [0, 1], 80_000, 1, segments=segments)
    counts = np.bincount(bag.steps.numpy(), minlength=30) / 80_000
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
    st.integers(1, 5),
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
    bag = drawn(lengths, range(len(lengths)), 50, window, segments=segments, seed=seed)
    width = windows_of(bag, 50)[0].shape[1]
    for steps in steps_of(bag, 50):
        of = int(np.searchsorted(offsets, steps[0], side="right")) - 1
        assert list(steps) == list(range(steps[0], steps[0] + len(steps)))
        homes = [span for span in allowed[of] if span >= set(steps)]
        assert homes
        assert len(steps) == width or any(len(span) == len(steps) for span in homes)


@pytest.mark.parametrize("spans", [((0, 4),), ((-1, 2),), ((3, 1),)])
def test_a_segment_outside_its_trajectory_is_our_mistake(spans):
    with pytest.raises(ValueError, match="a segment of trajectory 1 lies outside it"):
        sampler([9, 4], [0, 1], segments={1: spans})


def bag(*steps_and_weights):
    steps, weights = zip(*steps_and_weights, strict=True)
    return Bag(torch.tensor(steps), torch.tensor(weights))


def test_bags_of_one_update_lie_side_by_side_and_shorter_ones_are_filled_up_with_weights_of_0():
    kinds = [[[bag((3, 0.5), (4, 0.25))], [bag((9, 1.0))]], [[bag((7, 0.1))], [bag((8, 0.2))]]]
    (bags,) = side_by_side(kinds)
    assert bags.ends == (2, 3)
    torch.testing.assert_close(bags.weights, torch.tensor([[0.5, 0.25, 0.1], [1.0, 0.0, 0.2]]))
    assert bags.steps[0].tolist() == [3, 4, 7]
    assert bags.steps[1, [0, 2]].tolist() == [9, 8]
    first, second = bags.each(bags.weights)
    assert (first.shape, second.shape) == ((2, 2), (2, 1))
    assert second.flatten().tolist() == pytest.approx([0.1, 0.2])
    assert [of.shape for of in bags.each(torch.zeros(2, 3, 5))] == [(2, 2, 5), (2, 1, 5)]


def test_windows_are_numbered_through_all_bags_whatever_their_width():
    bags = Bags(torch.zeros(1, 10, dtype=torch.int64), torch.zeros(1, 10), (4, 10))
    assert bags.windows(2).tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
