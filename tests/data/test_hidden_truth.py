"""HiddenTruth: kept with who and when, per content, followed by versions; what was seen once is not forgotten."""

import pytest
from factories import dsrl_arrays, store_of, write_dsrl

from safemil_core.data.database import Database
from safemil_core.data.hidden_truth import HiddenTruth, TruthEvent, given_blind, was_hidden
from safemil_core.data.labels.records import LabelAction, LabelState, Standing
from safemil_core.workspace import Workspace


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path / "safemil.db")


def test_it_is_shown_until_somebody_hides_it_and_another_process_sees_that(tmp_path, database):
    truth = HiddenTruth(database, "walks")
    assert not truth.is_hidden
    truth.hide("ann")
    again = HiddenTruth(Database(tmp_path / "safemil.db"), "walks")
    assert again.is_hidden
    again.reveal("bob")
    assert not truth.is_hidden
    assert [(event.hides, event.author) for event in truth.history()] == [(True, "ann"), (False, "bob")]
    assert not HiddenTruth(database, "runs").history()


def test_saying_what_holds_already_is_no_event(database):
    truth = HiddenTruth(database, "walks")
    truth.reveal("ann")
    truth.hide("ann")
    truth.hide("bob")
    assert [event.author for event in truth.history()] == ["ann"]


def test_a_version_is_hidden_with_what_it_was_made_of_until_it_is_revealed_itself(tmp_path):
    datasets = store_of(Workspace(tmp_path))
    database = Database(Workspace(tmp_path).database)
    whole = datasets.add(write_dsrl(tmp_path / "walks.hdf5", dsrl_arrays()))
    HiddenTruth.of(database, whole).hide("ann")
    part = datasets.derive(whole.name, [0, 2], new_name="part", how="two of them")
    assert HiddenTruth.of(database, part).is_hidden
    HiddenTruth.of(database, part).reveal("ann")
    assert not HiddenTruth.of(database, part).is_hidden
    assert HiddenTruth.of(database, whole).is_hidden


def test_a_version_of_a_version_is_hidden_with_the_first_and_knows_its_history_once(tmp_path):
    datasets = store_of(Workspace(tmp_path))
    database = Database(Workspace(tmp_path).database)
    whole = datasets.add(write_dsrl(tmp_path / "walks.hdf5", dsrl_arrays()))
    HiddenTruth.of(database, whole).hide("ann")
    datasets.derive(whole.name, [0, 2], new_name="part", how="two of them")
    datasets.derive(whole.name, [1], new_name="rest", how="the other")
    last = datasets.derive("part", [1], new_name="last", how="one of these")
    both = datasets.merge(["part", "rest"], new_name="both")
    for version in (last, both):
        truth = HiddenTruth.of(database, version)
        assert truth.is_hidden
        assert [event.author for event in truth.history()] == ["ann"]
    HiddenTruth.of(database, datasets.info("part")).reveal("bob")
    assert not HiddenTruth.of(database, last).is_hidden  # as what it was made of
    assert HiddenTruth.of(database, both).is_hidden  # its other parent still is


def test_only_what_was_said_between_the_first_hiding_and_the_first_reveal_was_said_without_the_truth():
    events = [TruthEvent(True, "ann", "2026-01-02"), TruthEvent(False, "ann", "2026-01-04"),
              TruthEvent(True, "ann", "2026-01-06")]  # fmt: skip
    days = ["2026-01-01", "2026-01-03", "2026-01-05", "2026-01-07"]
    assert [was_hidden(events, day) for day in days] == [False, True, False, False]


def test_of_the_labels_that_stand_those_that_were_given_while_it_was_hidden():
    events = [TruthEvent(True, "ann", "2026-01-02"), TruthEvent(False, "ann", "2026-01-04")]
    actions = [LabelAction(number, f"2026-01-0{number}", "ann", "hand", "", None, 1, 0) for number in (5, 3, 1)]
    said = LabelState.of(
        [
            Standing(0, "label", "non_preferred", "", 1, "ann"),
            Standing(1, "label", "preferred", "", 3, "ann"),
            Standing(2, "label", "non_preferred", "", 3, "ann"),
            Standing(3, "label", "none", "", 3, "ann"),
            Standing(4, "label", "unsure", "", 5, "ann"),
        ],
        6,
    )
    assert given_blind(events, said, actions) == (2, 4)
    assert given_blind(events, LabelState.of([], 6), actions) == (0, 0)
