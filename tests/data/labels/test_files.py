"""Labels to and from files: CSV of what stands, JSON lines of the whole history, numbers as people type them."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.data.database import Database
from safemil_core.data.labels import files
from safemil_core.data.labels.files import csv_text, ledger_lines, parse_csv, parse_ledger, parse_numbers
from safemil_core.data.labels.store import LABELS, LabelStore
from safemil_core.errors import InvalidLabels


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


def test_a_range_backwards_is_refused():
    with pytest.raises(InvalidLabels, match="the range '5-3' runs backwards; write the smaller number first"):
        parse_numbers("5-3")


@pytest.mark.parametrize(
    ("spec", "part"),
    [("0-99999999999", "0-99999999999"), ("0-1000000", "0-1000000"), ("7,0-600000,0-399998,3", "0-399998")],
)
def test_more_numbers_than_there_are_trajectories_anywhere_are_refused_unwritten(spec, part):
    with pytest.raises(InvalidLabels, match=f"up to '{part}' these are more than 1,000,000 numbers; name fewer"):
        parse_numbers(spec)
    assert len(parse_numbers("0-600000,0-399998")) == 600_001


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
    assert parse_csv(text.getvalue().encode("utf-8-sig" if has_mark else "utf-8")).labels == labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected the columns trajectory,label and at least one row"),
        (b"trajectory,label\n", "expected the columns trajectory,label and at least one row"),
        (b"trajectory;label\n1;none\n", "expected the columns trajectory,label and at least one row"),
        (b"trajectory,label\n1,none\ntwo,none\n", "row 2: 'two' is not a trajectory number"),
        (b"trajectory,label\n-1,none\n", "row 1: '-1' is not a trajectory number"),
        (b"trajectory,label\n" + b"9" * 5000 + b",none\n", "is not a trajectory number"),
        (
            b"trajectory,label\n1,bad\n",
            "row 1: unknown label 'bad'; the labels are non_preferred, preferred, unsure",
        ),
        (b"trajectory,label\n1\n", "row 1: unknown label"),
        (b"\xff\xfe\x00\x00", "this is not a text file in UTF-8"),
        (b"trajectory,label\n1," + b"n" * 200_000 + b"\n", "this is not a CSV file in UTF-8"),
    ],
)
def test_a_csv_file_that_makes_no_sense_is_refused_with_its_row(content, message):
    with pytest.raises(InvalidLabels, match=message):
        parse_csv(content)


@pytest.mark.parametrize(
    "content",
    ["trajectory,label\n" + "1,none\n" * 4, "trajectory,label,tags,segments\n1,none,a;b,1-2\n2,none,,\n"],
)
def test_a_csv_file_that_says_too_much_is_refused_before_it_is_all_read(monkeypatch, content):
    monkeypatch.setattr(files, "MOST", 5)
    parse_csv(content.encode())
    with pytest.raises(InvalidLabels, match="it says more than 5 things of trajectories; split it"):
        parse_csv((content + "3,none\n3,none\nnot read\n").encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_labels_or_refused(content):
    for start in (b"", b"trajectory,label\n"):
        try:
            assert set(parse_csv(start + content).labels.values()) <= set(LABELS)
        except InvalidLabels as problem:
            assert str(problem)


@pytest.fixture
def store(tmp_path):
    store = LabelStore(Database(tmp_path / "safemil.db"), "walks", 8)
    store.mark([0, 1, 2], "non_preferred", author="ann", reason='a "bad", one', note="two\nlines")
    store.mark([2], "preferred", author="bob")
    store.mark([3], "none", author="bob")
    store.mark_segment(0, 3, 9, n_steps=50, author="ann", reason="skids")
    store.mark_segment(0, 20, 30, n_steps=50, author="ann")
    store.tag([0, 5], "wet; cold", author="ann")
    store.tag([5, 6], "night", author="bob")
    store.tag([6], "night", author="bob", on=False)
    store.mark([7], "unsure", author="ann")
    store.undo(author="ann")
    store.redo(author="ann")
    store.mark([4], "preferred", author="ann")
    store.undo(author="ann")
    return store


@pytest.fixture
def other(tmp_path):
    return LabelStore(Database(tmp_path / "other.db"), "walks", 8)


def assert_same(one, another):
    for key in ("labels", "reasons"):
        assert getattr(one, key).tolist() == getattr(another, key).tolist()
    assert (one.segments, one.tags) == (another.segments, another.tags)


def test_the_csv_of_a_state_by_hand(store):
    assert csv_text(store.state()) == (
        "trajectory,label,reason,tags,segments\n"
        '0,non_preferred,,"""wet; cold""",3-9;20-30\n'
        '1,non_preferred,"a ""bad"", one",,\n'
        "2,preferred,,,\n"
        '5,none,,"night;""wet; cold""",\n'
        "7,unsure,,,\n"
    )


def test_a_spreadsheet_computes_nothing_of_a_csv_and_it_comes_back_the_same(other):
    texts = ["=1+1", "+1", "-5 degrees", "@a", "'=1", "'tis", "a=b", "it's"]
    for trajectory, text in enumerate(texts):
        other.mark([trajectory], "unsure", author="ann", reason=text)
        other.tag([0, trajectory], text, author="ann")
    text = csv_text(other.state())
    assert "0,unsure,'=1+1,''=1;'tis;'+1;'-5 degrees;'=1+1;'@a;a=b;it's," in text.splitlines()
    file = parse_csv(text.encode())
    assert [file.reasons[trajectory] for trajectory in range(8)] == texts
    assert file.tags == other.state().tags


def test_a_state_comes_back_from_its_csv(store, other):
    file = parse_csv(csv_text(store.state()).encode())
    other.bring_in(**vars(file), author="cat", note="labels.csv")
    assert_same(other.state(), store.state())
    before = store.state()
    store.bring_in(**vars(file), author="cat")
    assert_same(store.state(), before)


def test_a_state_comes_back_from_the_json_lines_of_its_history(store, other):
    lines = "".join(ledger_lines(store))
    other.bring_in(**vars(parse_ledger(lines.encode(), "walks")), author="cat")
    assert_same(other.state(), store.state())
    (action,) = other.history()
    assert (action.author, action.origin) == ("cat", "file")
    before = store.state()
    store.bring_in(**vars(parse_ledger(lines.encode(), "walks")), author="cat")
    assert_same(store.state(), before)


def test_a_line_of_a_history_by_hand(other):
    other.mark([3], "non_preferred", author="ann", note="fell", reason="skids")
    other.undo(author="ann")
    mark, undo = (json.loads(line) for line in ledger_lines(other))
    at, later = mark.pop("at"), undo.pop("at")
    assert at <= later
    assert mark == {
        "dataset": "walks", "action": 1, "author": "ann", "origin": "hand", "note": "fell", "undoes": None,
        "trajectory": 3, "aspect": "label", "value": "non_preferred", "reason": "skids",
    }  # fmt: skip
    assert undo == {
        "dataset": "walks", "action": 2, "author": "ann", "origin": "undo", "note": "takes back action 1", "undoes": 1,
        "trajectory": None, "aspect": None, "value": None, "reason": None,
    }  # fmt: skip


LINE = {
    "dataset": "walks", "action": 1, "at": "", "author": "ann", "origin": "hand", "note": "", "undoes": None,
    "trajectory": 3, "aspect": "label", "value": "preferred", "reason": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "runs"}, "line 2: it is of dataset 'runs', expected 'walks'"),
        ({"trajectory": -1}, "line 2: '-1' is not a whole number"),
        ({"trajectory": True}, "line 2: 'True' is not a whole number"),
        ({"action": "1"}, "line 2: '1' is not a whole number"),
        ({"undoes": 1.5}, "line 2: '1.5' is not a whole number"),
        ({"aspect": "colour"}, "line 2: 'colour' cannot be 'preferred'"),
        ({"aspect": "tag x"}, "line 2: 'tag x' cannot be 'preferred'"),
        ({"aspect": "tag " + "x" * 90, "value": "on"}, "line 2: a tag has 90 characters"),
        ({"aspect": "segment 5-3"}, "line 2: trajectory 3 cannot have a segment from step 5 to 3"),
        ({"aspect": "segment x"}, "line 2: this is not an event of labels; export the file again"),
        ({"aspect": 3}, "line 2: this is not an event of labels; export the file again"),
        ({"reason": ["x"]}, "line 2: this is not an event of labels; export the file again"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(change, message):
    content = json.dumps(LINE) + "\n" + json.dumps({**LINE, **change})
    with pytest.raises(InvalidLabels, match=message):
        parse_ledger(content.encode(), "walks")


@pytest.mark.parametrize("line", ["{", "[]", "3", "{}", "[" * 100_000, '{"action": 1' + "0" * 5000 + "}"])
def test_a_line_that_is_no_event_is_named(line):
    with pytest.raises(InvalidLabels, match="line 1: "):
        parse_ledger(line.encode(), "walks")


@given(st.dictionaries(st.sampled_from([*LINE]), st.none() | st.integers() | st.text(max_size=9) | st.floats()))
def test_any_line_is_labels_or_refused(change):
    try:
        file = parse_ledger(json.dumps({**LINE, **change}).encode(), "walks")
    except InvalidLabels as problem:
        assert str(problem)
    else:
        assert set(file.labels.values()) <= set(LABELS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,none,,,10", "row 1: '10' is not a segment; write its first and last step like 10-40"),
        ("1,none,,,10-x", "row 1: '10-x' is not a segment"),
        ("1,none,,,9-3", "row 1: trajectory 1 cannot have a segment from step 9 to 3"),
        ("1,none,,a;;b,", "row 1: a tag is empty"),
        (f"1,none,{'r' * 81},,", "row 1: the reason has 81 characters"),
    ],
)
def test_a_row_with_a_bad_segment_tag_or_reason_is_named(row, message):
    with pytest.raises(InvalidLabels, match=message):
        parse_csv(f"trajectory,label,reason,tags,segments\n{row}\n".encode())


def test_tags_may_stand_on_lines_of_their_own_as_spreadsheets_write_them():
    file = parse_csv(b'trajectory,label,reason,tags,segments\n3,preferred,x,"wet\nslow; far",\n')
    assert file.tags == {"wet": (3,), "slow": (3,), "far": (3,)}
