"""What other labels change, beside what another seed changes: by hand."""

import numpy as np
import pytest

from safemil_core.assessment.what_if import (
    changes,
    edited,
    edits_between,
    most_moved,
    moved_share,
    ranks,
    seed_share,
    strengths,
    trust,
)
from safemil_core.errors import InvalidLabels

LABELS = np.array(["non_preferred", "none", "none"], dtype="U13")


def refits(*costs):
    costs = np.array(costs, dtype=float)
    return {"cost": costs, "weight": 1 / costs}


def test_edits_are_the_labels_that_differ():
    after = edited(LABELS, {0: "none", 2: "preferred"})
    assert after.tolist() == ["none", "none", "preferred"]
    assert LABELS[0] == "non_preferred"
    assert edits_between(LABELS, after) == {0: "none", 2: "preferred"}


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({3: "none"}, "there is no trajectory 3; they are 0 to 2"),
        ({1: "bad"}, "unknown label 'bad'"),
        ({1: "none"}, "have these labels already; choose another label"),
    ],
)
def test_edits_that_make_no_sense_are_refused(edits, message):
    with pytest.raises(InvalidLabels, match=message):
        edited(LABELS, edits)


def test_changes_beside_their_noise():
    unchanged = refits([1, 2, 4], [1, 4, 4])
    table = changes(refits([1, 2, 4]), refits([1.5, 2, 1]), unchanged)
    assert table["cost"].tolist() == [1.5, 2, 1]
    assert table["cost_change"].tolist() == [0.5, 0, -3]
    # deviations 0, sqrt 2 and 0 over the two seeds; of a difference of two refits sqrt 2 times that
    assert table["cost_noise"].tolist() == pytest.approx([0, 2, 0])
    assert table["is_beyond_noise"].tolist() == [True, False, True]
    assert table["rank"].tolist() == [2, 1, 3]
    assert table["rank_change"].tolist() == [-1, -1, 2]
    assert table["weight_change"].tolist() == pytest.approx([1 / 1.5 - 1, 0, 0.75])


def test_more_refits_make_the_noise_smaller():
    unchanged = refits([1, 1], [2, 4], [3, 1], [2, 2])
    one, four = (changes(refits(*[[1, 1]] * n), refits(*[[1, 1]] * n), unchanged)["cost_noise"] for n in (1, 4))
    assert four.to_numpy() == pytest.approx(one.to_numpy() / 2)


def test_the_costliest_has_rank_1_and_equal_costs_share_theirs():
    assert ranks(np.array([[3.0, 1.0, 3.0]])).tolist() == [[1.5, 3, 1.5]]


def test_the_share_of_the_weight_that_moved():
    lengths = np.array([1, 1, 2])
    weights, others = np.array([1.0, 1, 1]), np.array([2.0, 0, 1])
    assert moved_share(weights, weights * 7, lengths) == 0
    assert moved_share(weights, others, lengths) == pytest.approx(
        0.25
    )  # of the mass 1, 1, 2 a quarter went from 1 to 0
    assert moved_share(weights, others, lengths, np.array([True, True, False])) == pytest.approx(0.5)
    assert moved_share(np.array([0.0, 0, 1]), others, lengths, np.array([True, True, False])) == 0
    assert seed_share(np.stack([weights, others, weights]), lengths) == pytest.approx((0.25 + 0 + 0.25) / 3)


def test_of_a_preview_the_order_counts_and_the_largest_is_one():
    moved = np.array([0.02, -0.04, 0.0, 0.01])
    np.testing.assert_allclose(strengths(moved), [0.5, -1, 0, 0.25])
    assert strengths(np.zeros(2)).tolist() == [0, 0]
    assert most_moved(moved, 3).tolist() == [1, 0, 3]
    assert most_moved(np.array([1.0, -1.0]), 5).tolist() == [0, 1]  # equal ones as they come


def test_how_far_previews_are_trusted():
    assert trust([0.9, 0.1, 0.6]) == (0.6, 0.1, 0.9)
    assert trust({3: 0.5}.values()) == (0.5, 0.5, 0.5)
