"""The frame around every page."""

import pytest
from run_fixtures import add_dataset, open_page
from streamlit import delta_generator_singletons as generators
from streamlit.cursor import RunningCursor
from streamlit.delta_generator import DeltaGenerator
from streamlit.proto.RootContainer_pb2 import RootContainer
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from safemil_core.running.dataset_removal import remove_dataset


@pytest.fixture
def fragment_before(monkeypatch):
    """Every run begins in a thread in which a fragment has just ended that wrote into the ninth element of its page."""
    run_script = ScriptRunner._run_script

    def after_a_fragment(self, rerun_data):
        main = generators.get_dg_singleton_instance().main_dg
        within = RunningCursor(root_container=RootContainer.MAIN, parent_path=(8,))
        container = DeltaGenerator(root_container=RootContainer.MAIN, cursor=within, parent=main)
        generators.context_dg_stack.set((main, container))
        run_script(self, rerun_data)

    monkeypatch.setattr(ScriptRunner, "_run_script", after_a_fragment)


@pytest.mark.usefixtures("info", "fragment_before")
def test_a_page_begins_at_its_top_wherever_a_fragment_before_it_has_written():
    app = open_page("audit")
    assert not app.exception
    assert app.title[0].value == "Audit"
    assert min(app.main.children) == 0


@pytest.mark.usefixtures("info")
def test_a_link_counts_unless_it_says_what_was_chosen_earlier_on_the_same_page():
    app = open_page("review", x=0)
    app.selectbox(key="widget.x").set_value(1).run()
    for said, shown in (("0", "1"), ("2", "2")):  # what was chosen before, late; and something else
        app.query_params["x"] = said
        app.run()
        assert app.query_params["x"] == shown
    app.switch_page("views/datasets.py")
    app.query_params["x"] = "0"
    app.run()
    assert app.query_params["x"] == "0"


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("dataset", "There is no dataset `nope`; this is `walks`."),
        ("run", "There is no run `nope` of this dataset; this is "),
        ("trajectory", "There is no trajectory `99999` in `walks`; they are 0 to 23."),
    ],
)
def test_a_link_to_what_is_not_there_is_said_and_another_is_shown(choice, words):
    app = open_page("label", **{choice: {"trajectory": "99999"}.get(choice, "nope")})
    assert not app.exception
    assert app.toast[0].value.startswith(words)
    assert len(app.toast) == 1
    app.run()
    assert not app.toast


@pytest.mark.usefixtures("info")
def test_a_run_that_was_the_only_one_and_is_gone_is_told_once():
    app = open_page("costs", run="gone")
    assert [toast.value for toast in app.toast] == ["There is no run `gone` of this dataset."]
    assert "run" not in app.query_params
    assert not app.run().toast


@pytest.mark.usefixtures("info")
def test_what_was_chosen_in_a_dataset_goes_with_it(workspace):
    add_dataset(workspace, "other")
    app = open_page("label", dataset="other", trajectory=7)
    remove_dataset(workspace, "other")
    app.run()
    assert [toast.value for toast in app.toast] == ["There is no dataset `other`; this is `walks`."]
    assert (app.query_params["dataset"], app.query_params["trajectory"]) == ("walks", "0")


@pytest.mark.usefixtures("info")
def test_a_browser_that_begins_the_input_of_the_name_anew_shows_it():
    app = open_page("label")
    name = app.text_input(key="author").set_value("eve").run().text_input(key="author")
    assert (name.value, name.proto.default) == ("eve", "eve")
