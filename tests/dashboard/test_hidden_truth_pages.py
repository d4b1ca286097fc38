"""Hidden truth: no page shows a true cost or a return while it is hidden, and a reload reveals nothing."""

import json
import re
from io import BytesIO
from zipfile import ZipFile

import pytest
import run_fixtures as runs
import streamlit as st
from run_fixtures import open_page

from dashboard import resources

TRUTH = re.compile(r"true cost|true_cost|\breturn|reward|\bAUC (?!\(hidden truth\) hidden)", re.IGNORECASE)
ALLOWED = ("hidden until you reveal", "which are hidden", "never by reward or cost", "are never used",
           "weights that reward short")  # fmt: skip


@pytest.fixture
def hidden(workspace, info, run):
    workspace.tour_ended.touch()  # its words speak of rewards
    resources.hidden_truth(info).hide("ann")
    return info


def shown(app):
    """All that a page gives to the browser: words, columns of tables, charts, components.

    Not the table of runs (with a `seed` each): its returns are of rollouts.
    """
    parts = [*(words.value for words in [*app.markdown, *app.caption]), *(f"{m.label} {m.value}" for m in app.metric)]
    parts += [str(list(frame.value.columns)) for frame in app.dataframe if "seed" not in frame.value]
    charts = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    parts += [str([chart["data"], *(chart["layout"].get(axis) for axis in ("xaxis", "yaxis"))]) for chart in charts]
    parts += [component.proto.json for component in app.get("bidi_component")]
    parts += [str(widget.options) for widget in [*app.selectbox, *app.multiselect, *app.segmented_control]]
    parts += [widget.label for widget in [*app.slider, *app.button]]
    return [part for part in parts if not any(words in part for words in ALLOWED)]


@pytest.mark.parametrize("page", ["datasets", "review", "label", "audit", "train", "costs", "weights", "doctor"])
def test_a_page_shows_neither_true_costs_nor_returns_while_they_are_hidden(hidden, run, page):
    app = open_page(page, run=run.id, trajectory=20)
    assert not app.exception
    for part in shown(app):
        found = TRUTH.search(part)
        assert not found, part[max(0, found.start() - 100) : found.end() + 100]


def test_the_same_search_finds_the_truth_where_it_is_shown(info, run):
    for page in ("datasets", "label", "train", "costs", "weights"):
        app = open_page(page, run=run.id, trajectory=20)
        assert any(TRUTH.search(part) for part in shown(app)), page


def test_the_table_of_compared_runs_leaves_out_how_well_they_agree_with_the_truth(workspace, hidden, run):
    runs.finish(runs.new_run(workspace, hidden), workspace)
    columns = open_page("compare").dataframe[0].value.columns
    assert "safe_return" in columns
    assert not {"step_auc", "trajectory_spearman"} & set(columns)
    resources.hidden_truth(hidden).reveal("ann")
    assert {"step_auc", "trajectory_spearman"} <= set(open_page("compare").dataframe[0].value.columns)


def test_the_event_file_leaves_it_out(hidden, run, monkeypatch):
    makers = {}
    monkeypatch.setattr(st, "download_button", lambda label, data, **_: makers.update({label: data}))

    def event_file():
        open_page("train", run=run.id)
        archive = ZipFile(BytesIO(makers["TensorBoard"]()))
        return archive.read(archive.namelist()[0])

    assert b"outcome/" not in event_file()
    resources.hidden_truth(hidden).reveal("ann")
    assert b"outcome/step_auc" in event_file()


def test_the_switch_hides_and_reveals_for_every_session_and_says_who(info):
    app = open_page("label")
    assert "return" in str(app.dataframe[0].value.columns)
    app.toggle(key=f"truth.{info.id}").set_value(True).run()
    assert "return" not in str(app.dataframe[0].value.columns)
    again = open_page("label")
    assert again.toggle(key=f"truth.{info.id}").value is True
    assert "return" not in str(again.dataframe[0].value.columns)
    again.toggle(key=f"truth.{info.id}").set_value(False).run()
    assert "return" in str(again.dataframe[0].value.columns)
    assert [event.hides for event in resources.hidden_truth(info).history()] == [True, False]


def test_a_list_that_was_ordered_by_the_truth_is_ordered_by_number_once_it_is_hidden(info):
    app = open_page("label")
    app.selectbox(key="label.order").set_value("true_cost").run()
    app.toggle(key=f"truth.{info.id}").set_value(True).run()
    assert not app.exception
    assert app.dataframe[0].value["#"].tolist() == list(range(runs.N))


def test_a_dataset_without_truth_has_nothing_to_hide(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    assert f"truth.{info.id}" not in [toggle.key for toggle in open_page("datasets").toggle]
