"""Pages and parts of them that cannot be drawn, and whose dataset or run is gone meanwhile."""

import pytest
import run_fixtures as runs
from run_fixtures import add_dataset, open_page
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.components import pickers
from safemil_core.running.dataset_removal import remove_dataset


def page_of_parts():
    import streamlit as st

    from dashboard.drawing import fragment
    from safemil_core.errors import NotFound

    @fragment()
    def missing() -> None:
        raise NotFound("there is no run 'x'")

    missing()
    st.markdown("below")


def test_a_part_that_cannot_be_drawn_says_so_in_its_place_and_the_rest_is_drawn(workspace):
    app = AppTest.from_function(page_of_parts).run()
    assert not app.exception
    assert [error.value for error in app.error] == ["there is no run 'x'"]
    assert [markdown.value for markdown in app.markdown] == ["below"]


@pytest.mark.parametrize("page", ["label", "review", "audit"])
def test_a_page_whose_dataset_is_removed_while_it_is_drawn_is_drawn_of_another(workspace, info, monkeypatch, page):
    add_dataset(workspace, "other", n=runs.N + 1)
    label_state = resources.label_state

    def removed_first(of):
        if of.name == "walks":
            remove_dataset(workspace, "walks")
        return label_state(of)

    monkeypatch.setattr(resources, "label_state", removed_first)
    app = open_page(page, dataset="walks")
    assert (len(app.exception), len(app.error)) == (0, 0)
    assert [toast.value for toast in app.toast] == ["There is no dataset `walks`; this is `other`."]
    assert app.query_params["dataset"] == "other"


def test_a_page_is_of_the_dataset_that_the_sidebar_names_or_both_are_of_another(workspace, info, monkeypatch):
    add_dataset(workspace, "other", n=runs.N + 1)

    def removed_between(of):
        if of.name == "walks":
            remove_dataset(workspace, "walks")

    monkeypatch.setattr(pickers, "truth_switch", removed_between)
    app = open_page("label", dataset="walks")
    assert (app.selectbox(key="widget.dataset").value, app.query_params["dataset"]) == ("other", "other")
    assert [toast.value for toast in app.toast] == ["There is no dataset `walks`; this is `other`."]


def test_a_page_whose_last_dataset_is_removed_while_it_is_drawn_says_that_there_is_none(workspace, info, monkeypatch):
    label_state = resources.label_state

    def removed_first(of):
        remove_dataset(workspace, "walks")
        return label_state(of)

    monkeypatch.setattr(resources, "label_state", removed_first)
    app = open_page("label", dataset="walks")
    assert (len(app.exception), len(app.error)) == (0, 0)
    assert "There is no dataset in this workspace yet." in [caption.value for caption in app.caption]


def test_a_page_whose_run_is_deleted_while_it_is_drawn_is_drawn_without_it(workspace, info, run, monkeypatch):
    costs, store = resources.trajectories, resources.runs()

    def deleted_first(of):
        if store.list():
            store.delete(run.id)
            store.open(run.id)
        return costs(of)

    monkeypatch.setattr(resources, "trajectories", deleted_first)
    app = open_page("label", dataset="walks", run=run.id)
    assert (len(app.exception), len(app.error)) == (0, 0)
    assert app.title[0].value == "Label"
