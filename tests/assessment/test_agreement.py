"""Agreement: Cohen's kappa by hand and against its definition, conflicts until they are settled, blind re-tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.assessment.agreement import (
    cohen_kappa,
    conflicts,
    pair_agreements,
    pick_retests,
    self_agreement,
    settled,
)
from safemil_core.data.database import Database
from safemil_core.data.labels.records import LabelState, Standing
from safemil_core.data.labels.store import Judgement, LabelStore, Retest

N, P, U = "non_preferred", "preferred", "unsure"


def judged(author, trajectory, label, action=1, is_settlement=False):
    return Judgement(trajectory, author, label, "then", action, is_settlement)


def from_table(both_n, only_first, only_second, both_p):
    first = [N] * (both_n + only_first) + [P] * (only_second + both_p)
    second = [N] * both_n + [P] * only_first + [N] * only_second + [P] * both_p
    return first, second


def test_kappa_by_hand():
    kappa = cohen_kappa(*from_table(20, 5, 10, 15))
    assert kappa.n == 50
    assert kappa.agreement == pytest.approx(0.7)
    assert kappa.kappa == pytest.approx(0.4)  # chance: 0.5 * 0.6 + 0.5 * 0.4 = 0.5; (0.7 - 0.5) / 0.5


def test_the_extremes_of_kappa():
    assert cohen_kappa([N, P], [N, P]).kappa == 1
    assert cohen_kappa([N, P], [P, N]).kappa == -1
    assert cohen_kappa(*from_table(1, 1, 1, 1)).kappa == 0
    assert cohen_kappa([N, N, N], [N, N, P]).kappa == 0  # who always says one thing agrees as by chance


def test_kappa_is_not_defined_without_two_labels():
    one = cohen_kappa([N] * 7, [N] * 7)
    assert (one.agreement, one.kappa, one.low) == (1, None, None)
    assert one.why_not == "both gave all 7 the same label, so chance alone would agree"
    none = cohen_kappa([], [])
    assert (none.n, none.agreement, none.kappa) == (0, None, None)
    assert none.why_not == "there is no trajectory that both judged"


@given(st.lists(st.integers(1, 40), min_size=4, max_size=4))
def test_the_interval_has_the_width_that_the_delta_method_gives(counts):
    def kappa_of(shares):
        chance = shares.sum(axis=1) @ shares.sum(axis=0)
        return (np.trace(shares) - chance) / (1 - chance)

    n = sum(counts)
    shares = np.array(counts, dtype=float).reshape(2, 2) / n
    steps = 1e-6 * np.eye(4).reshape(4, 2, 2)
    slopes = np.array([(kappa_of(shares + step) - kappa_of(shares - step)) / 2e-6 for step in steps])
    flat = shares.ravel()
    # On the shares that do not add up to 1 the function is another, but all that counts is its slope along the sum.
    variance = slopes @ (np.diag(flat) - np.outer(flat, flat)) @ slopes / n
    found = cohen_kappa(*from_table(*counts))
    half = 1.959964 * np.sqrt(max(variance, 0))
    assert found.kappa == pytest.approx(kappa_of(shares))
    assert found.low == pytest.approx(max(-1, found.kappa - half), abs=1e-4)
    assert found.high == pytest.approx(min(1, found.kappa + half), abs=1e-4)


@given(st.lists(st.tuples(st.sampled_from([N, P, U]), st.sampled_from([N, P, U])), min_size=1))
def test_kappa_is_the_same_the_other_way_round_and_never_out_of_range(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    one, other = cohen_kappa(first, second), cohen_kappa(second, first)
    assert one.agreement == other.agreement
    if one.kappa is None:
        assert len({*first, *second}) == 1
    else:
        assert one.kappa == pytest.approx(other.kappa)
    if one.low is not None:
        assert -1 <= one.low <= one.kappa + 1e-9
        assert one.kappa <= one.high + 1e-9 <= 1 + 2e-9


def test_an_interval_of_no_width_is_none():
    for first, second in (([N, N], [P, P]), ([N, P], [N, P])):
        kappa = cohen_kappa(first, second)
        assert (kappa.low, kappa.high) == (None, None)
        assert "judge more" in kappa.why_not


def test_every_two_people_are_compared_over_what_both_decided_by_themselves():
    said = [
        *(judged("ann", t, N if t < 2 else P) for t in range(4)),
        *(judged("bob", t, N if t < 1 else P) for t in range(3)),
        judged("bob", 3, U),
        judged("bob", 1, N, action=9, is_settlement=True),
        judged("eve", 7, N),
    ]
    ann_bob, ann_eve, bob_eve = pair_agreements(said)
    assert (ann_bob.first, ann_bob.second, ann_bob.kappa.n) == ("ann", "bob", 3)
    assert ann_bob.kappa.agreement == pytest.approx(2 / 3)
    assert (ann_eve.kappa.n, bob_eve.kappa.n) == (0, 0)


def test_a_conflict_is_listed_until_somebody_settles_it():
    said = [judged("ann", 1, N, 1), judged("bob", 1, P, 2), judged("ann", 2, N, 3), judged("bob", 2, U, 4)]
    (conflict,) = conflicts(said)
    assert conflict.trajectory == 1
    assert [(j.author, j.label) for j in conflict.judgements] == [("ann", N), ("bob", P)]
    settled = [*said, judged("ann", 1, P, 5, is_settlement=True)]
    assert conflicts(settled) == []
    assert [c.trajectory for c in conflicts([*settled, judged("eve", 1, N, 6)])] == [1]
    assert conflicts([]) == []


def test_a_settlement_by_a_third_person_ends_what_the_two_before_differed_on():
    said = [judged("ann", 1, N, 1), judged("bob", 1, P, 2), judged("eve", 1, N, 3, is_settlement=True)]
    assert conflicts(said) == []
    (again,) = conflicts([*said, judged("bob", 1, P, 4)])
    assert [j.author for j in again.judgements] == ["eve", "bob"]  # what ann said before is settled


def test_a_store_tells_conflicts_and_forgets_those_that_are_undone(tmp_path):
    labels = LabelStore(Database(tmp_path / "safemil.db"), "walks", 4)
    labels.mark([0, 1], N, author="ann")
    labels.mark([1, 2], P, author="bob")
    assert [c.trajectory for c in conflicts(labels.judgements())] == [1]
    labels.mark([1], N, author="bob", origin="settle")
    assert conflicts(labels.judgements()) == []
    labels.undo(author="bob")
    assert [c.trajectory for c in conflicts(labels.judgements())] == [1]
    labels.undo(author="bob")
    assert conflicts(labels.judgements()) == []


def test_agreement_with_oneself_comes_from_blind_retests():
    first, second = from_table(20, 5, 10, 15)
    retests = [Retest(t, "ann", "then", a, b) for t, (a, b) in enumerate(zip(first, second, strict=True))]
    found = self_agreement([*retests, Retest(0, "ann", "then", N, U), Retest(0, "bob", "then", N, N)])
    assert found["ann"].n == 50
    assert found["ann"].kappa == pytest.approx(0.4)
    assert found["bob"].kappa is None


def test_retests_are_drawn_from_ones_older_judgements():
    said = [judged("ann", t, N if t % 2 else P, action=t + 1) for t in range(100)]
    said += [judged("bob", 200, N), judged("ann", 300, U), judged("ann", 301, N, 1, is_settlement=True)]
    picked = pick_retests(said, "ann", 30, seed=3)
    assert len(set(picked)) == 30
    assert set(picked) <= set(range(80))
    assert picked == pick_retests(said, "ann", 30, seed=3)
    assert picked != pick_retests(said, "ann", 30, seed=4)
    assert pick_retests(said, "bob", 5, seed=0) == [200]
    assert pick_retests(said, "eve", 5, seed=0) == []


def test_a_label_is_settled_while_the_settlement_is_what_stands():
    said = LabelState.of([Standing(1, "label", N, "", 4, "eve"), Standing(2, "label", P, "", 6, "bob")], 4)
    judgements = [
        judged("ann", 1, N, 1),
        judged("eve", 1, N, 4, is_settlement=True),
        judged("eve", 2, N, 5, is_settlement=True),  # bob has spoken since
        judged("bob", 2, P, 6),
        judged("ann", 3, P, 7, is_settlement=True),  # and that was taken back
    ]
    assert settled(judgements, said) == {1}
