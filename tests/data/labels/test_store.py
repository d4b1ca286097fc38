"""Labels: an append-only history that can be undone and restored, shared by several people and processes."""

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safemil_core.data.database import Database
from safemil_core.data.labels.files import ledger_lines, parse_ledger
from safemil_core.data.labels.records import span_of
from safemil_core.data.labels.store import LABELS, LabelStore, default_author
from safemil_core.errors import AlreadyExists, InvalidLabels, NotFound

N = 6
LETTERS = {"non_preferred": "n", "preferred": "p", "unsure": "u", "none": "-"}


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path / "safemil.db")


@pytest.fixture
def labels(database):
    return LabelStore(database, "walks", N)


def letters(store, until=None):
    """The labels of all trajectories as one word: n(on-preferred), p(referred), u(nsure), - (none)."""
    return "".join(LETTERS[label] for label in store.current(until))


def facts(store, until=None):
    """All that stands, by trajectory and aspect, with segments as they are kept."""
    with store._database.read() as connection:
        standing = store._ledger.state(connection, until)
    return {event[:2]: event.value for event in standing if event.value not in ("none", "off")}


def said_in(state):
    """A state without who said it and when."""
    return (state.labels.tolist(), state.reasons.tolist(), dict(state.segments), dict(state.tags))


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


def test_restore_brings_back_why_too(labels):
    first = labels.mark([0], "non_preferred", author="ann", reason="skids")
    labels.mark([0], "non_preferred", author="bob", reason="hits wall")
    labels.restore(first, author="cat")
    assert labels.state().reasons[0] == "skids"
    assert labels.state(first + 1).reasons[0] == "hits wall"


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
segments = st.tuples(
    st.just("segment"),
    st.sampled_from(["ann", "bob"]),
    st.tuples(st.integers(0, 1), st.integers(0, 12), st.integers(0, 5)),
)
tags = st.tuples(st.just("tag"), st.sampled_from(["ann", "bob"]), st.tuples(st.integers(0, N - 1), st.booleans()))
undos = st.tuples(st.just("undo"), st.sampled_from(["ann", "bob"]), st.none())
redos = st.tuples(st.just("redo"), st.sampled_from(["ann", "bob"]), st.none())
restores = st.tuples(st.just("restore"), st.sampled_from(["ann", "bob"]), st.floats(0, 1))


@settings(max_examples=40)
@given(script=st.lists(st.one_of(marks, marks, segments, tags, undos, undos, redos, restores), max_size=14))
def test_any_history_amounts_to_what_a_plain_dictionary_says(tmp_path_factory, script):
    database = Database(tmp_path_factory.mktemp("labels") / "safemil.db")
    store = LabelStore(database, "walks", N)
    said = []  # [author, change, stands] of each action
    redo = {"ann": [], "bob": []}  # what each may redo, the last of them first
    states = {0: {}}

    def fold():
        """What the actions that stand amount to, in order."""
        facts = {}
        for _, change, stands in said:
            facts |= change if stands else {}
        return {key: value for key, value in facts.items() if value not in ("none", "off")}

    for kind, author, what in script:
        if kind in ("mark", "tag", "segment"):
            redo[author] = []
            if kind == "mark":
                store.mark_each(what, author=author)
                change = {(t, "label"): label for t, label in what.items()}
            elif kind == "tag":
                store.tag([what[0]], "odd", author=author, on=what[1])
                change = {(what[0], "tag odd"): "on" if what[1] else "off"}
            else:
                t, span = what[0], (what[1], what[1] + what[2])
                old = [key for key, value in fold().items() if key[0] == t and key[1].startswith("segment")]
                store.mark_segment(t, *span, n_steps=20, author=author)
                union = {step for first, last in store.state().segments[t] for step in range(first, last + 1)}
                steps = {step for key in old for step in range(span_of(key[1])[0], span_of(key[1])[1] + 1)}
                assert union == steps | set(range(span[0], span[1] + 1))
                # How spans are joined has tests of its own; here it counts that they are taken back as one.
                action = store.latest()
                change = {event[:2]: event.value for at, event in store.ledger()[1] if at == action}
            said.append([author, change, True])
        elif kind == "undo":
            own = [entry for entry in said if entry[0] == author and entry[2]]
            assert (store.undo(author=author) is not None) == bool(own)
            if own:
                own[-1][2] = False
                redo[author].append(own[-1])
        elif kind == "redo":
            assert (store.redo(author=author) is not None) == bool(redo[author])
            if redo[author]:
                redo[author].pop()[2] = True
        else:
            target = sorted(states)[int(what * (len(states) - 1))]
            before = fold()
            if store.restore(target, author=author) is not None:
                redo[author] = []
                keys = {k for k in {*before, *states[target]} if before.get(k) != states[target].get(k)}
                nothing = {k: "off" if k[1].startswith("tag") else "none" for k in keys}
                said.append([author, {k: states[target].get(k, nothing[k]) for k in keys}, True])
            assert facts(store) == states[target]
        assert facts(store) == fold()
        states[store.latest()] = fold()
    for action, state in states.items():
        assert facts(store, action) == state
    moments = sorted(states)
    for earlier, later in pairwise(moments):
        keys = {key for key in {*states[earlier], *states[later]} if states[earlier].get(key) != states[later].get(key)}
        assert {(change.trajectory, change.aspect) for change in store.diff(earlier, later)} == keys
    file = parse_ledger("".join(ledger_lines(store)).encode(), "walks")
    again = LabelStore(Database(tmp_path_factory.mktemp("labels") / "safemil.db"), "walks", N)
    again.bring_in(**vars(file), author="cat")
    assert said_in(again.state()) == said_in(store.state())
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
from safemil_core.data.labels.store import LabelStore
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


BULK_WRITER = """
import sys
from pathlib import Path
from safemil_core.data.database import Database
from safemil_core.data.labels.store import LABELS, LabelStore
path, author = sys.argv[1:]
store = LabelStore(Database(Path(path)), "walks", 60)
for i in range(60):
    store.mark(range(60), LABELS[i % 3], author=author)
    if i % 4 == 0:
        store.undo(author=author)
        store.redo(author=author)
"""


def test_nobody_sees_half_an_action_of_two_processes_at_once(tmp_path):
    path = tmp_path / "safemil.db"
    store = LabelStore(Database(path), "walks", 60)
    writers = [subprocess.Popen([sys.executable, "-c", BULK_WRITER, str(path), author]) for author in ("ann", "bob")]
    while None in [writer.poll() for writer in writers]:
        assert len({*store.state().marked_at.tolist()}) == 1
    assert [writer.wait() for writer in writers] == [0, 0]
    history = store.history()
    assert [sum(action.author == author for action in history) for author in ("ann", "bob")] == [90, 90]
    assert {action.n_trajectories for action in history} == {60}
    assert store.current().tolist() == store.current(store.latest()).tolist()


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
    with pytest.raises(
        InvalidLabels, match="unknown label 'bad'; the labels are non_preferred, preferred, unsure, none"
    ):
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


def test_unsure_is_a_label_of_its_own(labels):
    labels.mark([2], "unsure", author="ann")
    assert letters(labels) == "--u---"


def test_the_state_says_who_gave_each_label_when_and_why(labels):
    first = labels.mark([0, 1], "non_preferred", author="ann", reason="hits wall")
    second = labels.mark([1], "preferred", author="bob")
    state = labels.state()
    assert state.labels.tolist() == ["non_preferred", "preferred", *["none"] * 4]
    assert state.reasons.tolist() == ["hits wall", *[""] * 5]
    assert state.authors.tolist() == ["ann", "bob", *[""] * 4]
    assert state.marked_at.tolist() == [first, second, 0, 0, 0, 0]
    labels.undo(author="bob")
    assert labels.state().reasons.tolist()[:2] == ["hits wall", "hits wall"]
    assert labels.state().marked_at.tolist()[:2] == [first, first]
    assert labels.state(second).authors.tolist()[:2] == ["ann", "bob"]
    assert [action.reason for action in labels.history()] == ["", "", "hits wall"]


def test_redo_lets_stand_what_was_taken_back_until_one_does_something_else(labels):
    assert labels.redo(author="ann") is None
    labels.mark([0], "non_preferred", author="ann")
    labels.mark([1], "non_preferred", author="ann")
    labels.undo(author="ann")
    labels.undo(author="ann")
    assert labels.redo(author="bob") is None
    assert labels.redo(author="ann").id == 1
    assert letters(labels) == "n-----"
    assert labels.redo(author="ann").id == 2
    assert letters(labels) == "nn----"
    assert labels.redo(author="ann") is None
    labels.undo(author="ann")
    labels.mark([5], "preferred", author="bob")  # others do not get in the way
    labels.mark([4], "preferred", author="ann")
    assert labels.redo(author="ann") is None
    assert letters(labels) == "n---pp"
    assert [action.origin for action in labels.history()] == [
        "hand", "hand", "undo", "redo", "redo", "undo", "undo", "hand", "hand",
    ]  # fmt: skip
    assert [action.n_trajectories for action in labels.history()] == [1] * 9


def test_undo_and_redo_outlive_the_connection(tmp_path, database, labels):
    labels.mark([0], "non_preferred", author="ann")
    labels.undo(author="ann")
    database.close()
    again = LabelStore(Database(tmp_path / "safemil.db"), "walks", N)
    again.redo(author="ann")
    assert letters(again) == "n-----"


def test_tags_come_and_go_and_each_change_is_one_undo(labels):
    labels.tag([4, 1, 4], " in the rain ", author="ann")
    labels.tag([1], "night", author="bob")
    labels.tag([1], "in the rain", author="ann", on=False)
    assert labels.state().tags == {"in the rain": (4,), "night": (1,)}
    labels.undo(author="ann")
    assert labels.state().tags == {"in the rain": (1, 4), "night": (1,)}
    assert letters(labels) == "------"


def test_a_segment_makes_its_trajectory_non_preferred_as_one_action(labels):
    labels.mark_segment(3, 10, 40, n_steps=100, author="ann", reason="skids")
    assert labels.state().segments == {3: ((10, 40),)}
    assert (letters(labels), labels.state().reasons[3]) == ("---n--", "skids")
    assert labels.history()[0].n_trajectories == 1
    labels.undo(author="ann")
    assert labels.state().segments == {}
    assert letters(labels) == "------"


def test_segments_that_overlap_become_one_and_those_that_only_touch_do_not(labels):
    for first, last in ((10, 20), (40, 50), (21, 30)):
        labels.mark_segment(3, first, last, n_steps=100, author="ann")
    assert labels.state().segments == {3: ((10, 20), (21, 30), (40, 50))}
    labels.mark_segment(3, 20, 44, n_steps=100, author="bob")
    assert labels.state().segments == {3: ((10, 50),)}
    labels.mark_segment(3, 12, 13, n_steps=100, author="ann")
    assert labels.state().segments == {3: ((10, 50),)}
    labels.undo(author="bob")  # ann has spoken of 10-50 since, so it stays
    assert labels.state().segments[3] == ((10, 50),)
    labels.undo(author="ann")
    assert labels.state().segments == {3: ((10, 20), (21, 30), (40, 50))}


def test_a_segment_is_no_concern_of_one_that_does_not_touch_it(labels):
    labels.mark_segment(3, 0, 5, n_steps=100, author="ann")
    labels.mark_segment(3, 40, 50, n_steps=100, author="bob")
    labels.undo(author="ann")  # bob has not spoken of 0-5, so it goes
    assert labels.state().segments == {3: ((40, 50),)}


def test_segments_are_removed_one_by_one(labels):
    labels.mark_segment(3, 0, 5, n_steps=10, author="ann")
    labels.mark_segment(3, 8, 9, n_steps=10, author="ann")
    labels.remove_segment(3, 0, 5, author="bob")
    assert labels.state().segments == {3: ((8, 9),)}
    with pytest.raises(InvalidLabels, match="trajectory 3 has no segment from step 0 to 5"):
        labels.remove_segment(3, 0, 5, author="bob")
    labels.undo(author="bob")
    labels.remove_segment(3, 0, 5, author="bob")
    labels.remove_segment(3, 8, 9, author="bob")
    assert labels.state().segments == {}
    assert letters(labels) == "---n--"


def test_a_segment_that_an_undo_brings_back_under_another_is_shown_and_removed_as_one(labels):
    labels.mark_segment(0, 0, 10, n_steps=50, author="ann")
    labels.remove_segment(0, 0, 10, author="ann")
    labels.mark_segment(0, 5, 20, n_steps=50, author="bob")
    labels.undo(author="ann")
    assert labels.state().segments == {0: ((0, 20),)}
    labels.remove_segment(0, 0, 20, author="bob")
    assert labels.state().segments == {}


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (3, 10), (5, 4)])
def test_a_segment_outside_its_trajectory_is_refused(labels, first, last):
    message = f"trajectory 2 cannot have a segment from step {first} to {last}; its steps are 0 to 9"
    with pytest.raises(InvalidLabels, match=message):
        labels.mark_segment(2, first, last, n_steps=10, author="ann")
    assert labels.latest() == 0


def test_what_a_file_says_comes_in_as_one_action(labels):
    labels.mark_segment(1, 4, 6, n_steps=10, author="ann")
    action = labels.bring_in(
        {0: "non_preferred", 2: "unsure"},
        {0: ((3, 5), (4, 8)), 1: ((6, 9),), 3: ()},
        {"night": (5, 5, 0)},
        author="bob",
        reasons={0: "skids"},
        lengths=[10] * N,
        note="walks.hdf5",
    )
    state = labels.state()
    assert letters(labels) == "nnu---"
    assert state.segments == {0: ((3, 8),), 1: ((4, 9),)}
    assert state.tags == {"night": (0, 5)}
    assert state.reasons.tolist() == ["skids", *[""] * 5]
    assert (labels.history()[0].id, labels.history()[0].origin) == (action, "file")
    labels.undo(author="bob")
    assert labels.state().segments == {1: ((4, 6),)}
    assert labels.state().tags == {}
    assert labels.bring_in({}, {3: ()}, {"night": ()}, author="bob") is None
    with pytest.raises(InvalidLabels, match="trajectory 1 cannot have a segment from step 0 to 10; its steps are 0 to"):
        labels.bring_in({}, {1: ((0, 10),)}, {}, author="bob", lengths=[10] * N)


def test_a_file_may_say_the_same_thing_twice(labels):
    labels.bring_in({}, {2: ((1, 2), (1, 2))}, {"night": (1,), " night ": (1, 2)}, author="ann")
    assert labels.state().tags == {"night": (1, 2)}
    assert labels.state().segments == {2: ((1, 2),)}


def test_a_difference_says_what_changed_and_who_changed_it(labels):
    start = labels.mark([0, 1, 2], "non_preferred", author="ann")
    labels.mark([1], "preferred", author="bob")
    labels.tag([2], "night", author="bob")
    labels.mark([0], "none", author="eve")
    labels.mark([0], "non_preferred", author="bob")  # as it was
    middle = labels.latest()
    labels.undo(author="ann")
    changes = [(c.trajectory, c.aspect, c.before, c.after, c.author) for c in labels.diff(start)]
    assert changes == [
        (1, "label", "non_preferred", "preferred", "bob"),
        (2, "label", "non_preferred", "none", "ann"),
        (2, "tag night", "off", "on", "bob"),
    ]
    assert [(c.trajectory, c.aspect) for c in labels.diff(start, middle)] == [(1, "label"), (2, "tag night")]
    assert [(c.trajectory, c.before, c.after) for c in labels.diff(middle, 0) if c.aspect == "label"] == [
        (0, "non_preferred", "none"), (1, "preferred", "none"), (2, "non_preferred", "none"),
    ]  # fmt: skip
    assert labels.diff(start, start) == []


def test_a_snapshot_has_a_name_that_is_given_once(labels):
    assert labels.save_snapshot("empty", author="ann").action == 0
    action = labels.mark([0], "non_preferred", author="ann")
    saved = labels.save_snapshot("first-try", author="bob")
    labels.mark([0], "none", author="ann")
    assert labels.snapshot("first-try") == saved
    assert (saved.action, saved.author) == (action, "bob")
    assert letters(labels, saved.action) == "n-----"
    assert {snapshot.name for snapshot in labels.snapshots()} == {"empty", "first-try"}
    with pytest.raises(AlreadyExists, match="a snapshot named 'empty' is already here; choose another name"):
        labels.save_snapshot("empty", author="ann")
    with pytest.raises(InvalidLabels, match=r"'Not so!' cannot name a snapshot; .* like 'not-so'"):
        labels.save_snapshot("Not so!", author="ann")
    with pytest.raises(NotFound, match="there is no snapshot 'second' of these labels; there are: "):
        labels.snapshot("second")


def test_the_vocabulary_of_reasons_grows_and_belongs_to_the_workspace(database, labels):
    labels.add_reason("skids")
    labels.mark([0, 1], "non_preferred", author="ann", reason=" hits wall ")
    labels.mark([1], "preferred", author="ann")
    labels.add_reason("skids")
    assert labels.reasons() == ["skids", "hits wall"]
    assert LabelStore(database, "runs", N).reasons() == ["skids", "hits wall"]


def test_a_second_judgement_is_kept_beside_the_first_and_changes_no_label(labels):
    labels.mark([0, 1], "non_preferred", author="ann")
    labels.mark([0], "preferred", author="bob")
    labels.record_retest(0, "preferred", author="ann")
    (kept,) = labels.retests()
    assert (kept.trajectory, kept.author, kept.before, kept.again) == (0, "ann", "non_preferred", "preferred")
    assert letters(labels) == "pn----"
    for trajectory, label in ((2, "preferred"), (1, "none")):
        with pytest.raises(InvalidLabels, match=f"ann has not judged trajectory {trajectory} twice"):
            labels.record_retest(trajectory, label, author="ann")


def test_each_author_keeps_an_own_word_whatever_others_say(labels):
    labels.mark([0, 1, 2], "non_preferred", author="ann")
    labels.mark([0, 1], "preferred", author="bob", origin="bulk")
    labels.mark([3], "preferred", author="bob")
    labels.undo(author="bob")
    labels.mark([2], "none", author="ann")
    labels.mark([4], "non_preferred", author="ann", origin="example")
    labels.restore(0, author="eve")
    assert labels.by_author() == {
        "ann": {0: "non_preferred", 1: "non_preferred"},
        "bob": {0: "preferred", 1: "preferred"},
    }
    labels.mark([0], "preferred", author="ann", origin="settle")
    assert labels.by_author()["ann"] == {0: "preferred", 1: "non_preferred"}
    assert [(j.label, j.is_settlement) for j in labels.judgements() if (j.author, j.trajectory) == ("ann", 0)] == [
        ("non_preferred", False), ("preferred", True),
    ]  # fmt: skip


def test_the_history_can_be_short(labels):
    for index in range(4):
        labels.mark([index], "preferred", author="ann")
    assert [action.id for action in labels.history(limit=2)] == [4, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.mark([0], "preferred", author="a" * 81), "the author has 81 characters, at most 80 can be kept"),
        (lambda s: s.mark([0], "preferred", author=" "), "the author is empty; give it at least one character"),
        (lambda s: s.mark([0], "preferred", author="a", note="n" * 2001), "a note has 2001 characters, at most 2000"),
        (lambda s: s.mark([0], "preferred", author="a", reason="a\0b"), "the reason has control characters in it"),
        (lambda s: s.mark([0], "preferred", author="\ud800"), "the author has control characters in it"),
        (lambda s: s.tag([0], "t" * 81, author="a"), "a tag has 81 characters, at most 80 can be kept; shorten it"),
        (lambda s: s.tag([0], "", author="a"), "a tag is empty; give it at least one character"),
        (lambda s: s.tag([6], "night", author="a"), "there is no trajectory 6; they are 0 to 5"),
        (lambda s: s.add_reason(""), "the reason is empty; give it at least one character"),
    ],
)
def test_texts_that_cannot_be_kept_are_refused_and_change_nothing(labels, change, message):
    with pytest.raises(InvalidLabels, match=message):
        change(labels)
    assert labels.latest() == 0
    assert labels.reasons() == []


def test_a_note_may_have_lines(labels):
    labels.mark([0], "preferred", author="ann", note="first\n\tsecond")
    assert labels.history()[0].note == "first\n\tsecond"


def test_two_states_differ_in_what_was_marked_again_and_in_what_has_other_segments(labels):
    labels.mark([0, 1], "preferred", author="ann")
    labels.mark_segment(2, 3, 7, n_steps=10, author="ann")
    before = labels.state()
    labels.mark([1], "preferred", author="bob")
    labels.mark_segment(2, 8, 9, n_steps=10, author="bob")
    labels.mark_segment(4, 0, 1, n_steps=10, author="bob")
    assert labels.state().differences(before) == before.differences(labels.state()) == [1, 2, 4]
    assert before.differences(before) == []
