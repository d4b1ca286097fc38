"""Rasters against values worked out by hand, and what must hold for any lengths, order, alignment and window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.assessment.rasters import (
    ALIGNMENTS,
    Layout,
    Window,
    levels,
    origins,
    peaks,
    picture,
    row_order,
)

STEPS = np.array([1, 2, 3, 9, 5, 6], dtype=np.uint8)
OFFSETS = np.array([0, 2, 3, 6])
"""Trajectories of the steps (1 2), (3) and (9 5 6)."""


def layout(order, align="start", spikes=(1, 0, 2)):
    return Layout(np.array(order), origins(align, OFFSETS, np.array(spikes)), OFFSETS)


def whole(of):
    return Window((0, len(of.order)), of.times)


def test_a_ragged_raster_by_hand():
    of = layout([2, 0, 1])
    found = picture(STEPS, of, whole(of), most_rows=9, most_columns=9)
    assert found.levels.tolist() == [[9, 5, 6], [1, 2, 0], [3, 0, 0]]
    assert found.row_edges.tolist() == [0, 1, 2, 3]
    assert found.width == 1


@pytest.mark.parametrize(
    "align, times, rows",
    [
        ("end", (-2, 1), [[0, 1, 2], [0, 0, 3], [9, 5, 6]]),
        ("first spike", (-2, 1), [[0, 1, 2], [0, 0, 3], [9, 5, 6]]),
    ],
)
def test_rows_are_moved_so_that_their_ends_or_spikes_are_below_one_another(align, times, rows):
    of = layout([0, 1, 2], align)
    assert of.times == times
    assert picture(STEPS, of, whole(of), most_rows=9, most_columns=9).levels.tolist() == rows


def test_a_spike_moves_its_row_both_ways():
    of = layout([0, 1, 2], "first spike", spikes=(1, 0, 0))
    assert of.times == (-1, 3)
    assert picture(STEPS, of, whole(of), most_rows=9, most_columns=9).levels.tolist() == [
        [1, 2, 0, 0],
        [0, 3, 0, 0],
        [0, 9, 5, 6],
    ]


def test_a_cell_of_several_rows_and_times_keeps_its_highest_step_and_where_that_is():
    of = layout([0, 2, 1])
    found = picture(STEPS, of, whole(of), most_rows=2, most_columns=2)
    assert found.levels.tolist() == [[9, 6], [3, 0]]
    assert found.row_edges.tolist() == [0, 2, 3]
    assert found.width == 2
    assert found.rows_within[0].tolist() == [1, 1]
    assert found.times_within[0].tolist() == [0, 0]


def test_no_cell_reaches_over_the_edge_of_a_group():
    of = layout([0, 2, 1])
    found = picture(STEPS, of, whole(of), most_rows=1, most_columns=1, breaks=(1,))
    assert found.row_edges.tolist() == [0, 1, 3]
    assert found.levels.tolist() == [[2], [9]]


def test_a_window_shows_its_own_rows_and_times_alone():
    found = picture(STEPS, layout([2, 0, 1]), Window((0, 2), (1, 3)), most_rows=9, most_columns=9)
    assert found.levels.tolist() == [[5, 6], [2, 0]]


def test_a_cell_stands_for_no_more_than_a_byte_can_tell_apart():
    long = Layout(np.array([0]), np.array([0]), np.array([0, 1_000]))
    found = picture(np.ones(1_000, dtype=np.uint8), long, Window((0, 1), (0, 1_000)), most_rows=1, most_columns=1)
    assert (found.width, found.levels.shape) == (255, (1, 4))


def test_the_first_spike_is_the_first_step_of_half_the_highest_value():
    found = peaks(np.array([0.1, 0.4, 0.8, 0.3, 0.3, 0.0], dtype=np.float32), np.array([0, 3, 4, 6]))
    np.testing.assert_array_equal(found.highest, np.array([0.8, 0.3, 0.3], dtype=np.float32))
    assert found.first_spikes.tolist() == [1, 0, 0]


def test_a_trajectory_without_any_cost_has_its_first_spike_at_its_first_step():
    assert peaks(np.array([0.0, 0.0, -2.0, -1.0]), np.array([0, 2, 4])).first_spikes.tolist() == [0, 1]


def test_rows_by_a_column_either_way_with_the_unknown_last():
    keys = np.array([3.0, 1.0, np.nan, 5.0, 1.0])
    assert row_order(keys).tolist() == [1, 4, 0, 3, 2]
    assert row_order(keys, is_descending=True).tolist() == [3, 0, 1, 4, 2]


def test_groups_stay_together_and_are_sorted_within():
    keys, groups = np.array([3.0, 1.0, 9.0, 5.0, 2.0]), np.array([1, 0, 1, 1, 0])
    assert row_order(keys, groups, is_descending=True).tolist() == [4, 1, 2, 3, 0]


def test_levels_go_from_1_for_nothing_to_255_for_the_highest():
    assert levels(np.array([-1.0, 0.0, 0.5, 1.0, 2.0], dtype=np.float32), 1.0).tolist() == [1, 1, 128, 255, 255]
    assert levels(np.zeros(2, dtype=np.float32), 0.0).tolist() == [1, 1]


@st.composite
def rasters(draw):
    lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    offsets = np.cumsum([0, *lengths])
    steps = np.array(
        draw(st.lists(st.integers(1, 255), min_size=int(offsets[-1]), max_size=int(offsets[-1]))), np.uint8
    )
    spikes = np.array([draw(st.integers(0, length - 1)) for length in lengths])
    order = np.array(draw(st.permutations(range(len(lengths)))))
    of = Layout(order, origins(draw(st.sampled_from(ALIGNMENTS)), offsets, spikes), offsets)
    window = []
    for low, high in ((0, len(lengths)), of.times):
        begin = draw(st.integers(low, high - 1))
        window.append((begin, draw(st.integers(begin + 1, high))))
    return steps, of, Window(*window), draw(st.integers(1, 9)), draw(st.integers(1, 40))


@given(rasters())
def test_every_cell_names_the_highest_of_exactly_its_steps(drawn):
    steps, of, window, most_rows, most_columns = drawn
    found = picture(steps, of, window, most_rows=most_rows, most_columns=most_columns)
    assert found.levels.shape[0] <= most_rows and found.levels.shape[1] <= most_columns
    assert (found.row_edges[0], found.row_edges[-1]) == window.rows
    for i, j in np.ndindex(*found.levels.shape):
        times = window.times[0] + j * found.width, min(window.times[0] + (j + 1) * found.width, window.times[1])
        there = {}
        for row in range(found.row_edges[i], found.row_edges[i + 1]):
            number = of.order[row]
            for time in range(*times):
                step = time + of.origins[number]
                if 0 <= step < of.offsets[number + 1] - of.offsets[number]:
                    there[row, time] = steps[of.offsets[number] + step]
        assert found.levels[i, j] == max(there.values(), default=0)
        if there:
            at = found.row_edges[i] + int(found.rows_within[i, j]), times[0] + int(found.times_within[i, j])
            assert there[at] == found.levels[i, j]
