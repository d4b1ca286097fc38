"""Whether more marks would change anything: order of marks, states, and the sentence."""

from dataclasses import replace

import numpy as np
import pytest

from safemil_core.assessment.label_curve import (
    LabelCurve,
    curve_points,
    labels_after,
    mark_order,
    state_sizes,
    yet_to_come,
)

LABELS = np.array(["non_preferred", "none", "preferred", "unsure", "non_preferred"], dtype="U13")


def test_marks_are_in_the_order_of_their_actions():
    order, is_drawn = mark_order(LABELS, np.array([9, 0, 4, 5, 2]))
    assert order.tolist() == [4, 2, 0]
    assert not is_drawn


def test_the_order_within_one_action_is_drawn_and_repeats():
    marked_at = np.array([3, 0, 3, 0, 1])
    order, is_drawn = mark_order(LABELS, marked_at)
    assert order[0] == 4
    assert sorted(order[1:]) == [0, 2]
    assert is_drawn
    assert (mark_order(LABELS, marked_at)[0] == order).all()


@pytest.mark.parametrize(
    ("n", "sizes"), [(50, [10, 20, 30, 40, 50]), (34, [4, 14, 24, 34]), (7, [7]), (130, [10, 30, 50, 70, 90, 110, 130])]
)  # fmt: skip
def test_there_is_a_state_every_ten_marks_or_few_where_there_are_many(n, sizes):
    assert state_sizes(n) == sizes


def test_early_labels_lack_the_late_marks_and_keep_the_unsure():
    order = np.array([4, 2, 0])
    assert labels_after(LABELS, order, 1).tolist() == ["none", "none", "none", "unsure", "non_preferred"]
    assert labels_after(LABELS, order, 3).tolist() == LABELS.tolist()
    is_open, comes = yet_to_come(labels_after(LABELS, order, 1), LABELS)
    assert is_open.tolist() == [True, True, True, True, False]
    assert comes.tolist() == [True, False, False, False]


def curve():
    before = np.array(["non_preferred", "none", "none", "none"], dtype="U13")
    after = np.array(["non_preferred", "non_preferred", "none", "none"], dtype="U13")
    weights = [np.array([[0.0, 5, 1, 1], [0, 5, 1, 3]]), np.array([[0.0, 0, 3, 1], [0, 0, 1, 3]])]
    points = curve_points([1, 2], [before, after], weights, [0.75, None], np.ones(4))
    return LabelCurve(points, 2, False, 7)


def test_the_curve_by_hand():
    first, last = curve().points
    assert (first.n_marks, first.n_new, first.moved, first.held_out) == (1, 1, None, 0.75)
    assert (last.n_marks, last.n_new, last.held_out) == (2, 1, None)
    # among the two that nobody marked: 1/2 against 3/4 under the one seed, alike under the other
    assert (last.moved, last.low, last.high) == (0.125, 0.0, 0.25)
    assert last.noise == 0.5


def test_the_sentence_says_what_the_last_marks_changed_and_what_follows():
    found = curve()
    assert str(found) == (
        "The last 1 marks changed the weights by 12.5% (0.0% to 25.0% over 2 seeds), no more than the 50.0% that "
        "a seed changes: more of this kind change little."
    )
    quiet = replace(found.points[-1], noise=0.01)
    assert str(replace(found, points=(found.points[0], quiet))).endswith("a seed changes: more marks still matter.")
    assert str(replace(found, points=found.points[:1])).startswith(
        "There are 1 marks, too few for a curve; mark at least 20"
    )
