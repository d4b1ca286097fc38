"""Labels: an append-only history that can be undone and restored, shared by several people and processes."""

import csv
import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safemil_core.data.database import Database
from safemil_core.data.labels import LABELS, LabelStore, default_author, parse_csv, parse_numbers, parse_table
from safemil_core.errors import InvalidLabels

N = 6


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path / "safemil.db")


@pytest.fixture
def labels(database):
    return LabelStore(database, "walks", N)


def letters(store, until=None):
    """The labels of all trajectories as one word: n(on-preferred), p(referred), - (none)."""
    return "".join({"non_preferred": "n", "preferred": "p", "none": "-"}[label] for label in store.current(until))


def test_nothing_is_labelled_at_first(labels):
    assert letters(labels) == "------"
    assert labels.latest() == 0
    assert labels.history() == []


def test_a_mark_is_kept_with_who_when_and_why(labels):
    action = labels.mark([1, 3], "non_preferred", author="ann", note="fell over", origin="file")
    assert letters(labels) == "-n-n--"
    (kept,) = labels.history()
    assert (kept.id, kept.author, kept.note, kept.origin) == (action, "ann", "fell over", "file")
    assert kept.n_trajectories == 2
    assert kept.undoes is None
    assert kept.at.endswith("+00:00")
    assert labels.latest() == action


def test_the_last_word_counts(labels):
    labels.mark([0, 1, 2], "non_preferred", author="ann")
    labels.mark([1], "preferred", author="bob")
    labels.mark([2], "none", author="ann")
    assert letters(labels) == "np----"


def test_each_trajectory_may_get_its_own_label_in_one_action(labels):
    labels.mark_each({0: "non_preferred", 5: "preferred"}, author="ann")
    assert letters(labels) == "n----p"
    assert len(labels.history()) == 1


def test_a_snapshot_names_the_state_after_an_action(labels):
    first = labels.mark([0], "non_preferred", author="ann")
    second = labels.mark([0, 1], "preferred", author="ann")
    assert [letters(labels, until) for until in (0, first, second, None)] == ["------", "n-----", "pp----", "pp----"]


def test_undo_goes_back_step_by_step_and_then_ends(labels):
    labels.mark([0, 1], "non_preferred", author="ann")
    labels.mark([1, 2], "preferred", author="ann")
    assert letters(labels) == "npp---"
    assert labels.undo(author="ann").id == 2
    assert letters(labels) == "nn----"
    assert labels.undo(author="ann").id == 1
    assert letters(labels) == "------"
    assert labels.undo(author="ann") is None


def test_undo_takes_back_ones_own_actions_alone(labels):
    labels.mark([0], "non_preferred", author="ann")
    labels.mark([1], "non_preferred", author="bob")
    assert labels.undo(author="ann").author == "ann"
    assert letters(labels) == "-n----"
    assert labels.undo(author="eve") is None


def test_undo_leaves_what_somebody_has_labelled_again_since(labels):
    labels.mark([0, 1], "non_preferred", author="ann")
    labels.mark([1], "preferred", author="bob")
    labels.undo(author="ann")
    assert letters(labels) == "-p----"


def test_undo_does_not_bring_back_what_its_author_has_taken_back(labels):
    labels.mark([1], "non_preferred", author="ann")
    labels.mark([1], "preferred", author="bob")
    labels.undo(author="ann")
    labels.undo(author="bob")
    assert letters(labels) == "------"


def test_undo_reaches_an_action_that_somebody_marked_over_and_took_back(labels):
    labels.mark([1], "non_preferred", author="ann")
    labels.mark([1], "preferred", author="bob")
    labels.undo(author="bob")
    assert letters(labels) == "-n----"
    labels.undo(author="ann")
    assert letters(labels) == "------"


def test_a_new_mark_after_an_undo_can_be_undone_too(labels):
    labels.mark([0], "non_preferred", author="ann")
    labels.undo(author="ann")
    labels.mark([0], "preferred", author="ann")
    labels.undo(author="ann")
    assert letters(labels) == "------"


def test_an_undo_is_in_the_history_with_what_it_took_back(labels):
    action = labels.mark([0], "non_preferred", author="ann")
    labels.undo(author="ann")
    newest, oldest = labels.history()
    assert (newest.origin, newest.undoes, newest.author) == ("undo", action, "ann")
    assert oldest.id == action
    assert letters(labels, action) == "n-----"  # and the earlier state is still there


def test_restore_brings_back_an_earlier_state_as_a_new_action(labels):
    first = labels.mark([0], "non_preferred", author="ann")
    labels.mark([0, 1], "preferred", author="bob")
    restored = labels.restore(first, author="cat")
    assert letters(labels) == "n-----"
    assert labels.history()[0].id == restored
    assert labels.history()[0].note == f"as after action {first}"
    assert labels.restore(first, author="cat") is None  # nothing differs
    labels.undo(author="cat")
    assert letters(labels) == "pp----"
    labels.restore(0, author="cat")
    assert letters(labels) == "------"


def test_datasets_do_not_see_one_anothers_labels(database, labels):
    other = LabelStore(database, "runs", N)
    action = labels.mark([0], "non_preferred", author="ann")
    assert letters(other) == "------"
    assert other.undo(author="ann") is None
    with pytest.raises(InvalidLabels, match=f"there is no label action {action} in this dataset"):
        other.restore(action, author="ann")


marks = st.tuples(
    st.just("mark"),
    st.sampled_from(["ann", "bob"]),
    st.dictionaries(st.integers(0, N - 1), st.sampled_from(LABELS), min_size=1),
)
undos = st.tuples(st.just("undo"), st.sampled_from(["ann", "bob"]), st.none())
restores = st.tuples(st.just("restore"), st.sampled_from(["ann", "bob"]), st.floats(0, 1))


def fold(actions):
    """The labels that marks and restores that nobody took back amount to, in order."""
    state = {}
    for change in actions:
        state |= change
    return {trajectory: label for trajectory, label in state.items() if label != "none"}


@settings(max_examples=40)
@given(script=st.lists(st.one_of(marks, marks, undos, restores), max_size=12))
def test_any_history_amounts_to_what_a_plain_dictionary_says(tmp_path_factory, script):
    database = Database(tmp_path_factory.mktemp("labels") / "safemil.db")
    store = LabelStore(database, "walks", N)
    standing = []  # [author, change] of each action that is not taken back
    states = {0: {}}

    def now():
        current = store.current()
        return {i: str(label) for i, label in enumerate(current) if label != "none"}

    for kind, author, what in script:
        if kind == "mark":
            store.mark_each(what, author=author)
            standing.append((author, what))
        elif kind == "undo":
            own = [entry for entry in standing if entry[0] == author]
            assert (store.undo(author=author) is not None) == bool(own)
            if own:
                last = max(i for i, entry in enumerate(standing) if entry is own[-1])
                del standing[last]
        else:
            target = sorted(states)[int(what * (len(states) - 1))]
            before = now()
            made = store.restore(target, author=author)
            assert now() == states[target]
            if made is not None:
                keys = {k for k in {*before, *states[target]} if before.get(k) != states[target].get(k)}
                standing.append((author, {k: states[target].get(k, "none") for k in keys}))
        assert now() == fold(change for _, change in standing)
        states[store.latest()] = now()
    for action, state in states.items():
        found = {i: str(label) for i, label in enumerate(store.current(action)) if label != "none"}
        assert found == state
    database.close()


def test_two_connections_lose_nothing(tmp_path):
    stores = [LabelStore(Database(tmp_path / "safemil.db"), "walks", 40) for _ in range(2)]
    for i in range(40):
        stores[i % 2].mark([i], "non_preferred", author="ab"[i % 2])
    for store in stores:
        assert (store.current() == "non_preferred").all()
        assert len(store.history()) == 40


WRITER = """
import sys
from pathlib import Path
from safemil_core.data.database import Database
from safemil_core.data.labels import LabelStore
path, author, first = sys.argv[1:]
store = LabelStore(Database(Path(path)), "walks", 60)
for i in range(20):
    store.mark([int(first) + i], "preferred", author=author)
store.mark([int(first)], "non_preferred", author=author)
store.undo(author=author)
"""


def test_three_processes_at_once_lose_nothing(tmp_path):
    path = tmp_path / "safemil.db"  # which the three make at the same time, too
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), author, str(first)])
        for author, first in (("ann", 0), ("bob", 20), ("cat", 40))
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    store = LabelStore(Database(path), "walks", 60)
    assert (store.current() == "preferred").all()
    assert len(store.history()) == 3 * 22


def test_what_is_marked_outlives_the_connection(tmp_path):
    database = Database(tmp_path / "safemil.db")
    LabelStore(database, "walks", N).mark([2], "non_preferred", author="ann")
    database.close()
    assert letters(LabelStore(Database(tmp_path / "safemil.db"), "walks", N)) == "--n---"


def test_a_mark_that_fails_changes_nothing(labels):
    with pytest.raises(InvalidLabels, match="there is no trajectory 6; they are 0 to 5"):
        labels.mark([0, 6], "non_preferred", author="ann")
    with pytest.raises(InvalidLabels, match="there is no trajectory -1; they are 0 to 5"):
        labels.mark([-1], "non_preferred", author="ann")
    with pytest.raises(InvalidLabels, match="unknown label 'bad'; the labels are non_preferred, preferred, none"):
        labels.mark([0], "bad", author="ann")
    with pytest.raises(InvalidLabels, match="no trajectory was given; name at least one"):
        labels.mark([], "non_preferred", author="ann")
    with pytest.raises(InvalidLabels, match="there is no label action 7 in this dataset"):
        labels.restore(7, author="ann")
    assert labels.history() == []


def test_the_author_is_the_environments_word_or_the_account(monkeypatch):
    monkeypatch.setenv("SAFEMIL_AUTHOR", "Dr. Ann")
    assert default_author() == "Dr. Ann"
    monkeypatch.delenv("SAFEMIL_AUTHOR")
    monkeypatch.setenv("LOGNAME", "ann")
    assert default_author() == "ann"


def test_numbers_as_people_write_them():
    assert parse_numbers("3,17,40-43") == [3, 17, 40, 41, 42, 43]
    assert parse_numbers(" 5 , 4-6 ,, 5") == [5, 4, 6]
    assert parse_numbers("7-7") == [7]
    assert parse_numbers("") == []


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 20)), max_size=10))
def test_numbers_are_those_of_their_ranges_once_each(ranges):
    spec = ",".join(f"{low}-{low + width}" if width else str(low) for low, width in ranges)
    found = parse_numbers(spec)
    assert len(found) == len(set(found))
    assert set(found) == {number for low, width in ranges for number in range(low, low + width + 1)}


@pytest.mark.parametrize("spec", ["x", "3;4", "-3", "3-", "1.5", "3--4", "1 2", "9" * 30, "²"])
def test_what_is_not_a_number_is_named(spec):
    with pytest.raises(InvalidLabels, match="is not a trajectory number or range; write them like 3,17,40-60"):
        parse_numbers(spec)


@pytest.mark.parametrize("spec", ["5-3", "0-99999999999"])
def test_a_range_backwards_or_without_end_is_refused(spec):
    with pytest.raises(InvalidLabels, match=f"the range '{spec}' runs backwards or too far"):
        parse_numbers(spec)


@given(st.text(max_size=30))
def test_any_text_is_numbers_or_refused(spec):
    try:
        assert all(number >= 0 for number in parse_numbers(spec))
    except InvalidLabels as problem:
        assert str(problem)


@given(
    st.dictionaries(st.integers(0, 10**6), st.sampled_from(LABELS), min_size=1),
    st.permutations(["trajectory", "label", "comment"]),
    st.booleans(),
    st.sampled_from(["\r\n", "\n"]),
)
def test_a_csv_file_comes_back_as_it_was_written(labels, columns, has_mark, line_end):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator=line_end)
    writer.writeheader()
    for trajectory, label in labels.items():
        writer.writerow({"trajectory": trajectory, "label": f" {label} ", "comment": 'said "no", twice'})
    assert parse_csv(text.getvalue().encode("utf-8-sig" if has_mark else "utf-8")) == labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected the columns trajectory,label and at least one row"),
        (b"trajectory,label\n", "expected the columns trajectory,label and at least one row"),
        (b"trajectory;label\n1;none\n", "expected the columns trajectory,label and at least one row"),
        (b"trajectory,label\n1,none\ntwo,none\n", "row 2: 'two' is not a trajectory number"),
        (b"trajectory,label\n-1,none\n", "row 1: '-1' is not a trajectory number"),
        (b"trajectory,label\n" + b"9" * 5000 + b",none\n", "is not a trajectory number"),
        (b"trajectory,label\n1,bad\n", "row 1: unknown label 'bad'; the labels are non_preferred, preferred, none"),
        (b"trajectory,label\n1\n", "row 1: unknown label"),
        (b"\xff\xfe\x00\x00", "this is not a CSV file in UTF-8"),
        (b"trajectory,label\n1," + b"n" * 200_000 + b"\n", "this is not a CSV file in UTF-8"),
    ],
)
def test_a_csv_file_that_makes_no_sense_is_refused_with_its_row(content, message):
    with pytest.raises(InvalidLabels, match=message):
        parse_csv(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_labels_or_refused(content):
    for start in (b"", b"trajectory,label\n"):
        try:
            assert set(parse_csv(start + content).values()) <= set(LABELS)
        except InvalidLabels as problem:
            assert str(problem)


def test_columns_of_a_table_may_be_of_any_type():
    assert parse_table(np.array([3, 4]), np.array(["none", "preferred"])) == {3: "none", 4: "preferred"}
