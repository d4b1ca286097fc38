"""Maps of the state against values worked out by hand, and what must hold for any data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from safemil_core.assessment.state_axes import Axis
from safemil_core.assessment.state_maps import (
    BINS,
    STATISTICS,
    StateMap,
    cell_sums,
    compared,
    difference,
    share_difference,
    state_map,
    steps_inside,
    trajectories_inside,
)

NAN = np.nan
X = np.array([0, 40, 100, 200], dtype=np.float32)
Y = np.array([0, 40, 0, 200], dtype=np.float32)
COSTS = np.array([0.2, 0.4, 0.9, 1.0], dtype=np.float32)


def sums_of(values, x, y, groups=None, n_groups=1):
    axes = [Axis.of(np.asarray(column, dtype=np.float32), is_full=True) for column in (x, y)]
    return cell_sums(values, *axes, groups, n_groups)


@st.composite
def recorded(draw):
    """Values and two coordinates of up to 60 steps in three groups."""
    n = draw(st.integers(1, 60))
    x, y = (draw(hnp.arrays(np.float32, n, elements=st.floats(-1e3, 1e3, width=32))) for _ in range(2))
    values = draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1, width=32)))
    return values, x, y, draw(hnp.arrays(np.uint8, n, elements=st.integers(0, 2)))


@pytest.mark.parametrize(
    "statistic, expected",
    [
        ("mean", [[0.3, 0.9], [NAN, 1.0]]),
        ("maximum", [[0.4, 0.9], [NAN, 1.0]]),
        ("spread", [[0.1, 0.0], [NAN, 0.0]]),
        ("steps", [[2, 1], [NAN, 1]]),
    ],
)
def test_four_steps_by_hand(statistic, expected):
    found = state_map(sums_of(COSTS, X, Y).coarser(2), statistic)
    np.testing.assert_allclose(found.values, expected, atol=1e-7)
    np.testing.assert_array_equal(found.counts, [[2, 1], [0, 1]])  # x = 100 begins the second column, 200 ends it


def test_groups_apart_and_together_and_the_difference_between_them():
    found = sums_of(COSTS, X, Y, groups=np.array([0, 1, 1, 2], dtype=np.uint8), n_groups=3).coarser(2)
    first, second = state_map(found.of([0]), "mean"), state_map(found.of([1]), "mean")
    np.testing.assert_allclose(first.values, [[0.2, NAN], [NAN, NAN]])
    np.testing.assert_allclose(second.values, [[0.4, 0.9], [NAN, NAN]])
    np.testing.assert_allclose(state_map(found.of([0, 1]), "mean").values, [[0.3, 0.9], [NAN, NAN]])
    apart = difference(second, first)
    np.testing.assert_allclose(apart.values, [[0.2, NAN], [NAN, NAN]], rtol=1e-6)
    np.testing.assert_array_equal(apart.counts, [[2, 1], [0, 0]])


def test_of_groups_of_different_size_the_shares_of_their_steps_are_compared():
    many, few = (StateMap(np.zeros((1, 3)), np.array([counts])) for counts in ([6, 2, 0], [1, 1, 0]))
    np.testing.assert_allclose(share_difference(many, few).values, [[0.25, -0.25, NAN]])


def test_a_comparison_is_of_values_or_of_shares_and_counts_the_same_steps_once():
    found = sums_of(COSTS, X, Y, groups=np.array([0, 1, 1, 2], dtype=np.uint8), n_groups=3).coarser(2)
    first, second = found.of([0]), found.of([1])
    apart = compared(second, first, "mean")
    np.testing.assert_allclose(apart.values, [[0.2, NAN], [NAN, NAN]], rtol=1e-6)
    np.testing.assert_array_equal(apart.counts, [[2, 1], [0, 0]])
    np.testing.assert_allclose(compared(second, first, "steps").values, [[-0.5, 0.5], [NAN, NAN]])
    twice = sums_of(2 * COSTS, X, Y).coarser(2)
    of_runs = compared(twice, sums_of(COSTS, X, Y).coarser(2), "maximum", are_same_steps=True)
    np.testing.assert_allclose(of_runs.values, [[0.4, 0.9], [NAN, 1.0]])
    np.testing.assert_array_equal(of_runs.counts, [[2, 1], [0, 1]])


def test_steps_in_chosen_cells_and_their_trajectories_by_hand():
    x = Axis.of(np.array([0, 10, 150, 200, 20, 160], dtype=np.float32), is_full=True)
    y = Axis.of(np.array([0, 200, 10, 200, 20, 30], dtype=np.float32), is_full=True)
    offsets, learned = np.array([0, 2, 4, 6]), np.array([0.1, 0.9, 0.5, 0.9, 0.3, 0.7], dtype=np.float32)
    true = np.array([0, 1, 0, 1, 0, 1], dtype=np.float32)
    lower_half = steps_inside(x, y, 2, np.array([0, 1]))
    assert lower_half.tolist() == [0, 2, 4, 5]
    table = trajectories_inside(lower_half, offsets, learned, true)
    assert table["trajectory"].tolist() == [2, 1, 0]  # most steps first, then the costlier
    assert table["steps"].tolist() == [2, 1, 1]
    np.testing.assert_allclose(table["learned_cost"], [0.5, 0.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(table["true_cost"], [0.5, 0, 0])
    assert table["costliest"].tolist() == [1, 0, 0]
    assert "true_cost" not in trajectories_inside(lower_half, offsets, learned)


def test_no_cell_holds_no_step():
    axis = Axis.of(np.arange(5, dtype=np.float32))
    steps = steps_inside(axis, axis, 10, np.array([], dtype=np.int64))
    assert len(steps) == 0
    table = trajectories_inside(steps, np.array([0, 5]), np.ones(5, np.float32), np.ones(5, np.float32))
    assert table.empty
    assert list(table) == ["trajectory", "steps", "learned_cost", "costliest", "true_cost"]


@given(recorded(), st.sampled_from(BINS))
def test_every_step_of_the_full_range_is_counted_once_and_means_weigh_up(data, bins):
    values, x, y, groups = data
    found = sums_of(values, x, y, groups, 3).coarser(bins).of([0, 1, 2])
    means, largest, spread, _ = (state_map(found, statistic).values for statistic in STATISTICS)
    counts = state_map(found, "steps").counts
    assert counts.sum() == len(values)
    np.testing.assert_array_equal(np.isnan(means), counts == 0)
    np.testing.assert_allclose(np.nansum(means * counts), values.astype(np.float64).sum(), atol=1e-9)
    assert np.nanmax(largest) == values.max()
    assert (means <= largest + 1e-12)[counts > 0].all()
    assert (spread <= 0.5 + 1e-12)[counts > 0].all()  # of values between 0 and 1


@given(recorded(), st.sampled_from(BINS), st.data())
def test_the_steps_inside_cells_are_those_that_the_map_counts_there(data, bins, draw):
    values, x, y, _ = data
    axes = [Axis.of(column) for column in (x, y)]
    found = cell_sums(values, *axes).coarser(bins)
    chosen = draw.draw(st.lists(st.integers(0, bins * bins - 1), unique=True, max_size=30))
    inside = steps_inside(*axes, bins, np.array(chosen, dtype=np.int64))
    assert len(inside) == found.counts.reshape(-1)[chosen].sum()
    everywhere = steps_inside(*axes, bins, np.arange(bins * bins))
    table = trajectories_inside(everywhere, np.arange(len(values) + 1), values)
    assert table["steps"].sum() == len(everywhere) == found.counts.sum()
    np.testing.assert_allclose(table.sort_values("trajectory")["learned_cost"], values[everywhere])
