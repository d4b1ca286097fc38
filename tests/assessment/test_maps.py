"""Maps against values worked out by hand, and what must hold for any data."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from safemil_core.assessment.maps import grid, histogram_by_label, state_map

NAN = np.nan
COORDINATES = st.floats(-1e3, 1e3, width=32)


@st.composite
def steps(draw):
    n = draw(st.integers(1, 60))
    arrays = [draw(hnp.arrays(np.float32, n, elements=COORDINATES)) for _ in range(2)]
    return draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1, width=32))), *arrays


def full_map(values, x, y, bins, statistic="mean"):
    return state_map(values, x, y, grid(x, y, bins, is_full=True), statistic)


def test_four_steps_by_hand():
    x = np.array([0, 0.4, 1, 2], dtype=np.float32)
    y = np.array([0, 0.4, 0, 2], dtype=np.float32)
    found = full_map(np.array([0.2, 0.4, 0.9, 1.0]), x, y, 2)
    np.testing.assert_allclose(found.x_edges, [0, 1, 2])
    np.testing.assert_array_equal(found.counts, [[2, 1], [0, 1]])  # x = 1 begins the second column, x = 2 ends it
    np.testing.assert_allclose(found.values, [[0.3, 0.9], [NAN, 1.0]])


def test_the_largest_cost_of_a_cell_is_not_averaged_away():
    zeros = np.zeros(3)
    found = state_map(np.array([0.1, 0.9, 0.1]), zeros, zeros, 1, "max")
    np.testing.assert_allclose(found.values, [[0.9]])


def test_an_outlier_does_not_squeeze_the_map():
    x = np.append(np.linspace(0, 1, 999), 1e6)
    x_edges, _ = grid(x, x, 10)
    assert x_edges[-1] <= 1.0
    assert (
        state_map(x, x, x, 10).counts.sum() == 990
    )  # 5 below the 0.5th percentile, 4 and the outlier above the 99.5th


def test_a_dimension_that_never_changes_still_has_a_map():
    found = full_map(np.array([0.5, 0.7]), np.array([3.0, 3.0]), np.array([0.0, 1.0]), 2)
    assert found.x_edges[0] < 3 < found.x_edges[-1]
    assert found.counts.sum() == 2


def test_maps_of_different_steps_share_edges_when_given():
    x = np.linspace(0, 1, 50)
    edges = grid(x, x, 5, is_full=True)
    part = state_map(x[:10], x[:10], x[:10], edges)
    np.testing.assert_array_equal(part.x_edges, edges[0])
    assert part.values.shape == (5, 5)


@given(steps(), st.integers(1, 8))
def test_every_step_of_the_full_range_is_counted_once_and_means_weigh_up(data, bins):
    values, x, y = data
    found = full_map(values, x, y, bins)
    assert found.counts.sum() == len(values)
    np.testing.assert_array_equal(np.isnan(found.values), found.counts == 0)
    np.testing.assert_allclose(np.nansum(found.values * found.counts), values.astype(np.float64).sum(), atol=1e-9)


@given(steps(), st.integers(1, 8))
def test_the_mean_of_a_cell_is_never_above_its_maximum(data, bins):
    values, x, y = data
    means, largest = (full_map(values, x, y, bins, statistic).values for statistic in ("mean", "max"))
    assert (means[~np.isnan(means)] <= largest[~np.isnan(largest)] + 1e-12).all()
    assert np.nanmax(largest) == values.max()


@given(steps(), st.integers(1, 8))
def test_the_counts_agree_with_numpys_histogram(data, bins):
    values, x, y = data
    edges = grid(x, y, bins)
    expected, _, _ = np.histogram2d(y.astype(np.float64), x.astype(np.float64), [edges[1], edges[0]])
    np.testing.assert_array_equal(state_map(values, x, y, edges).counts, expected)


def test_a_histogram_by_label_by_hand():
    labels = np.array(["none", "non_preferred", "none"])
    edges, counts = histogram_by_label(np.array([0.0, 4.0, 1.0]), labels, 2)
    np.testing.assert_allclose(edges, [0, 2, 4])
    assert {label: count.tolist() for label, count in counts.items()} == {"non_preferred": [0, 1], "none": [2, 0]}


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-100, 100)), st.integers(1, 20))
def test_a_histogram_by_label_loses_nobody(values, n_bins):
    labels = np.where(np.arange(len(values)) % 3 == 0, "non_preferred", "none")
    _, counts = histogram_by_label(values, labels, n_bins)
    assert sum(count.sum() for count in counts.values()) == len(values)
