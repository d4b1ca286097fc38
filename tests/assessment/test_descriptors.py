"""Descriptors: no reward and no cost in them, exact on small cases, neighbours as brute force finds them."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from safemil_core.assessment.descriptors import describe, farthest_first, nearest, similar_to

LINE = np.array([[0.0], [1.0], [3.0], [7.0], [15.0]])


def table(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"trajectory": range(n), "length": [10] * n, **columns})


def test_two_trajectories_by_hand():
    described = describe(table(**{"mean 0": [1.0, 3.0], "spread 0": [5.0, 5.0]}))
    np.testing.assert_allclose(described, [[-1, 0, 0], [1, 0, 0]])  # what never varies is 0, the length here too


def test_lengths_count_by_their_ratio():
    described = describe(pd.DataFrame({"length": [1, 10, 100]}))
    np.testing.assert_allclose(described[:, 0], np.array([-1, 0, 1]) / np.sqrt(2 / 3))


def test_rewards_and_true_costs_do_not_steer():
    plain = {"mean 0": [1.0, 2.0, 4.0], "action spread 1": [0.0, 1.0, 5.0], "displacement": [3.0, 1.0, 1.0]}
    told = table(**plain, **{"return": [9.0, 1.0, 5.0], "true_cost": [0.0, 50.0, 7.0]})
    assert describe(table(**plain)).shape == (3, 4)
    np.testing.assert_array_equal(describe(told), describe(table(**plain)))


def test_what_varies_by_rounding_alone_is_taken_for_constant():
    described = describe(table(**{"mean 0": [0.1 + 0.2, 0.3, 0.3], "mean 1": [1e-12, 2e-12, 3e-12]}))
    assert (described[:, 0] == 0).all()
    np.testing.assert_allclose(described[:, 1].std(), 1)  # small, but it does vary


def test_the_nearest_by_hand():
    found = nearest(LINE, np.array([1, 4]))
    assert found.which.tolist() == [1, 4, 1, 1, 1]  # a member's nearest is the other one
    assert found.distances.tolist() == [1, 14, 2, 6, 14]


def test_nothing_is_near_to_nobody_or_only_to_itself():
    found = nearest(LINE, np.array([], dtype=int))
    assert (found.which == -1).all()
    assert np.isinf(found.distances).all()
    assert nearest(LINE, np.array([2])).which.tolist() == [2, 2, -1, 2, 2]


@given(arrays(np.float64, (700, 2), elements=st.integers(-9, 9)), st.sets(st.integers(0, 699), min_size=2, max_size=9))
def test_the_nearest_are_those_of_brute_force_across_blocks(points, to):
    members = np.array(sorted(to))
    found = nearest(points, members)
    apart = np.linalg.norm(points[:, None] - points[members], axis=2)
    apart[members, np.arange(len(members))] = np.inf
    np.testing.assert_allclose(found.distances, apart.min(axis=1))
    np.testing.assert_allclose(np.linalg.norm(points - points[found.which], axis=1), found.distances)
    assert (found.which != np.arange(700)).all()


def test_equal_trajectories_are_at_distance_0():
    points = np.random.default_rng(0).normal(size=(9, 40)) / 3
    points[7] = points[2]
    found = nearest(points, np.arange(9))
    assert (found.distances[2], found.distances[7]) == (0, 0)  # not the 1e-8 that the quick formula leaves
    assert (found.which[2], found.which[7]) == (7, 2)


def test_similar_ones_come_nearest_first_and_without_itself():
    assert similar_to(LINE, 1, 3).tolist() == [0, 2, 3]
    assert similar_to(LINE, 4, 99).tolist() == [3, 2, 1, 0]


def test_farthest_first_by_hand():
    chosen, apart = farthest_first(LINE, np.array([0]), 3)
    assert chosen.tolist() == [4, 3, 2]  # 15 away from 0; then 7, 7 from 0; then 3, 3 from 0
    np.testing.assert_allclose(apart, [15, 7, 3])


def test_farthest_first_of_nothing_known_begins_far_from_the_mean_and_ends_with_all():
    chosen, _ = farthest_first(LINE, np.array([], dtype=int), 99)
    assert chosen[0] == 4
    assert sorted(chosen.tolist()) == [0, 1, 2, 3, 4]


def test_farthest_first_never_gives_one_twice_even_among_equals():
    chosen, apart = farthest_first(np.zeros((6, 2)), np.array([2]), 5)
    assert sorted(chosen.tolist()) == [0, 1, 3, 4, 5]
    assert (apart == 0).all()
