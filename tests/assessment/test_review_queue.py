"""The queue: only the unlabelled, in the order asked for, each with a reason that is true."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.assessment.review_queue import MEANINGS, ORDERS, review_queue
from safemil_core.errors import NotReady

LABELS = np.array(["none", "non_preferred", "none", "unsure", "preferred", "none"], dtype="U13")
PLACES = np.array([[9.0], [0.0], [2.0], [5.0], [100.0], [3.0]])


def queue(order, labels=LABELS, **options):
    return review_queue(order, labels=labels, descriptors=PLACES, **options)


def numbers(items):
    return [item.trajectory for item in items]


def test_the_highest_learned_cost_comes_first_and_says_its_value():
    items = queue("learned cost", learned_cost=np.array([1.0, 99, 1, 98, 97, 41.25]))
    assert numbers(items) == [5, 0, 2]
    assert items[0].why == "Learned cost 41.2, number 1 of 3 unmarked."


def test_what_an_ensemble_disagrees_about_comes_first():
    items = queue("disagreement", disagreement=np.array([0.1, 9, 0.18, 9, 9, 0.0]))
    assert numbers(items) == [2, 0, 5]
    assert items[0].why == "The ensemble disagrees by 0.18, number 1 of 3."


def test_near_a_marked_one_names_which():
    items = queue("near a marked one")
    assert numbers(items) == [2, 5, 0]
    assert items[0].why == "Near trajectory 1 that you marked, distance 2.00."


def test_unlike_all_marked_keeps_away_from_every_label_and_from_its_own_choices():
    items = queue("unlike all marked")
    assert numbers(items) == [0, 2, 5]  # 4 from the unsure one at 5; then both 2: the earlier
    assert items[0].why == "Unlike all 3 labelled and all before it, distance 4.00 to the nearest."


def test_diversity_is_planned_some_way_and_no_one_is_lost():
    labels = np.full(400, "none", dtype="U13")
    places = np.random.default_rng(0).normal(size=(400, 3))
    items = review_queue("unlike all marked", labels=labels, descriptors=places)
    assert sorted(numbers(items)) == list(range(400))
    assert items[-1].why == "Like others before it."


def test_by_number():
    assert numbers(queue("number")) == [0, 2, 5]


def test_the_audit_goes_on_where_it_was_and_another_seed_draws_others():
    labels = np.full(50, "none", dtype="U13")
    places = np.zeros((50, 1))
    before = numbers(review_queue("random audit", labels=labels, descriptors=places, seed=3))
    labels[before[:7]] = "preferred"
    assert numbers(review_queue("random audit", labels=labels, descriptors=places, seed=3)) == before[7:]
    assert numbers(review_queue("random audit", labels=labels, descriptors=places, seed=4)) != before[7:]


@given(
    st.sampled_from(ORDERS),
    st.lists(st.sampled_from(["none", "non_preferred", "preferred", "unsure"]), min_size=1, max_size=30),
)
def test_every_order_holds_each_unlabelled_one_once(order, words):
    labels = np.array(["non_preferred", *words], dtype="U13")
    values = np.random.default_rng(0).normal(size=(len(labels), 3))
    items = review_queue(order, labels=labels, descriptors=values, learned_cost=values[:, 0], disagreement=values[:, 1])
    assert sorted(numbers(items)) == np.flatnonzero(labels == "none").tolist()


def test_an_order_whose_ground_is_missing_says_what_to_do():
    with pytest.raises(NotReady, match="no learned cost yet; train a run first"):
        queue("learned cost")
    with pytest.raises(NotReady, match="no ensemble has been trained for this dataset yet"):
        queue("disagreement")
    with pytest.raises(NotReady, match="nothing is marked non-preferred yet; mark one trajectory first"):
        queue("near a marked one", labels=np.full(6, "none"))


def test_every_order_has_a_meaning_without_a_number_in_it():
    assert set(MEANINGS) == set(ORDERS)
    assert not any(character.isdigit() for meaning in MEANINGS.values() for character in meaning)
