"""Names and notes of runs: kept with author and time, changed apart from each other."""

from datetime import UTC, datetime

import pytest

from safemil_core.data.database import Database
from safemil_core.data.labels.records import LONGEST_NAME, LONGEST_NOTE
from safemil_core.errors import InvalidLabels
from safemil_core.running.run_notes import RunNote, RunNotes


@pytest.fixture
def notes(tmp_path):
    return RunNotes(Database(tmp_path / "safemil.db"))


def test_a_run_that_nobody_spoke_of_has_neither_name_nor_note(notes):
    assert notes.of("r1") == RunNote("", "", "", "")
    assert notes.all() == {}


def test_name_and_note_change_apart_and_carry_who_changed_them_last_and_when(notes, tmp_path):
    notes.write("r1", author="ann", name="small bags")
    notes.write("r1", author="bob", note="  worse than K = 128\nsee r0 ")
    notes.write("r2", author="ann", name="large bags")
    found = RunNotes(Database(tmp_path / "safemil.db")).of("r1")  # as another process reads it
    assert (found.name, found.text, found.author) == ("small bags", "worse than K = 128\nsee r0", "bob")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(found.at)).total_seconds()) < 60
    assert {run: note.name for run, note in notes.all().items()} == {"r1": "small bags", "r2": "large bags"}


def test_a_name_is_one_line_and_can_be_taken_back(notes):
    assert notes.write("r1", author="ann", name=" two\n lines\t").name == "two lines"
    assert notes.write("r1", author="ann", name="").name == ""


def test_saying_the_same_again_is_no_change(notes):
    first = notes.write("r1", author="ann", name="a", note="b")
    assert notes.write("r1", author="bob", name="a", note="b ") == first
    assert notes.of("r1").author == "ann"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"name": "n" * (LONGEST_NAME + 1)}, f"the name of a run has {LONGEST_NAME + 1} characters"),
        ({"note": "n" * (LONGEST_NOTE + 1)}, f"a note has {LONGEST_NOTE + 1} characters"),
        ({"name": "bell \a"}, "the name of a run has control characters"),
        ({"note": "half a character \ud800"}, "a note has control characters"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_changes_nothing(notes, said, why):
    with pytest.raises(InvalidLabels, match=why):
        notes.write("r1", author="ann", **said)
    assert notes.of("r1") == RunNote()


def test_markup_and_quotes_are_kept_as_they_are(notes):
    text = "<b>'); DROP TABLE run_notes; -- ![x](y) `code` :red[z]"
    notes.write("r1", author="ann", name=text, note=text)
    assert (notes.of("r1").name, notes.of("r1").text) == (text, text)


def test_a_forgotten_run_leaves_the_others(notes):
    notes.write("r1", author="ann", name="a")
    notes.write("r2", author="ann", name="b")
    notes.forget("r1")
    assert list(notes.all()) == ["r2"]
