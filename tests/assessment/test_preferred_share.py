"""Alpha: published intervals, the table of Lemma 1, and an audit that is as random as it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from safemil_core.assessment.preferred_share import (
    audit_sample,
    exact_interval,
    least_share,
    preferred_in_bag,
    preferred_share,
    recommended_bag_size,
)
from safemil_core.assessment.review_queue import review_queue


@pytest.mark.parametrize(("k", "low", "high"), [(6, 0.077, 0.386), (15, 0.313, 0.687), (0, 0, 0.116), (30, 0.884, 1)])
def test_intervals_of_30_as_published(k, low, high):
    assert exact_interval(k, 30) == pytest.approx((low, high), abs=5e-4)


def test_of_nothing_nothing_is_known():
    assert exact_interval(0, 0) == (0, 1)


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_interval_covers_the_truth_at_least_as_often_as_it_says(n, share):
    covers = [low <= share <= high for low, high in (exact_interval(k, n) for k in range(n + 1))]
    assert stats.binom.pmf(np.arange(n + 1), n, share)[covers].sum() >= 0.95 - 1e-9


@pytest.mark.parametrize(
    ("alpha", "at_95", "at_99"),
    [(0.5, 5, 7), (0.3, 9, 13), (0.2, 14, 21), (0.1, 29, 44), (0.05, 59, 90), (0.02, 149, 228), (0.01, 299, 459)],
)
def test_bag_sizes_by_lemma_1(alpha, at_95, at_99):
    assert recommended_bag_size(alpha) == at_95
    assert recommended_bag_size(alpha, 0.99) == at_99


def test_the_edges_of_lemma_1():
    assert recommended_bag_size(1.0) == 1
    assert recommended_bag_size(0.95) == 1
    assert recommended_bag_size(0.0) is None
    assert recommended_bag_size(0.75, 1 - 0.25**3) == 3  # exactly on the edge


def test_the_least_share_for_a_bag_by_hand():
    assert least_share(1) == pytest.approx(0.95)
    assert least_share(2, 0.75) == pytest.approx(0.5)


@given(st.integers(1, 500))
def test_from_the_least_share_on_the_bag_is_enough(size):
    assert recommended_bag_size(least_share(size)) == size


@given(st.floats(1e-4, 0.9999))
def test_the_recommended_bag_is_the_smallest_that_is_enough(alpha):
    size = recommended_bag_size(alpha)
    assert 1 - (1 - alpha) ** size >= 0.95 - 1e-7
    assert size == 1 or 1 - (1 - alpha) ** (size - 1) < 0.95 + 1e-7


def labels_of(*words):
    return np.array(words, dtype="U13")


def test_the_sample_is_of_the_unlabelled_and_goes_in_the_order_of_the_queue():
    labels = np.full(200, "none", dtype="U13")
    labels[:120] = "non_preferred"
    sample = audit_sample(labels, 30, seed=4)
    assert len(set(sample.tolist())) == 30
    assert sample.min() >= 120
    queue = review_queue("random audit", labels=labels, descriptors=np.zeros((200, 1)), seed=4)
    assert [item.trajectory for item in queue[:30]] == sample.tolist()
    assert audit_sample(labels, 30, seed=5).tolist() != sample.tolist()
    assert len(audit_sample(labels, 999)) == 80


def test_every_unlabelled_one_is_as_likely_as_another():
    labels = labels_of("preferred", *["none"] * 10)
    counts = np.bincount(np.concatenate([audit_sample(labels, 3, seed) for seed in range(3_000)]), minlength=11)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:] / 3_000, 0.3, atol=0.03)


def test_an_audit_of_30_by_hand():
    then = np.full(309, "none", dtype="U13")
    sample = audit_sample(then)
    now = then.copy()
    now[sample[:6]], now[sample[6:25]], now[sample[25:]] = "preferred", "non_preferred", "unsure"
    share = preferred_share(then, now)
    assert (share.n_preferred, share.n_judged, share.n_unlabelled) == (6, 30, 309)
    assert (share.low, share.high) == pytest.approx((0.077, 0.386), abs=5e-4)
    assert share.bag_size == recommended_bag_size(share.low) == 38
    assert str(share) == (
        "6 of 30 judged are preferred, so 7.7% to 38.6% of the 309 unlabelled are (95 %, exact): "
        "an interval 31 points wide; it takes about 120 judgements to halve it."
    )


def test_an_audit_that_has_not_begun_or_found_none():
    then = np.full(50, "none", dtype="U13")
    share = preferred_share(then, then)
    assert (share.low, share.high, share.bag_size) == (0, 1, None)
    assert str(share).startswith("None of the 30 drawn is judged yet")
    now = then.copy()
    now[audit_sample(then)] = "non_preferred"
    assert preferred_share(then, now).bag_size is None


def test_labels_outside_the_sample_do_not_count():
    then = np.full(50, "none", dtype="U13")
    now = then.copy()
    now[np.setdiff1d(np.arange(50), audit_sample(then))] = "preferred"
    assert preferred_share(then, now).n_judged == 0


def test_lemma_1_by_hand():
    found = preferred_in_bag(0.5, np.array([1, 2, 3]))
    assert found == pytest.approx([0.5, 0.75, 0.875])
    assert preferred_in_bag(0.0, 128) == 0
    assert preferred_in_bag(1.0, 1) == pytest.approx(1)
    assert preferred_in_bag(0.02, 149) >= 0.95 > preferred_in_bag(0.02, 148)
