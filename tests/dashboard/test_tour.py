"""The tour: where it begins, where it leads, and that it ends for good."""

from __future__ import annotations

import json

import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard.components.tour import STOPS


@pytest.fixture(autouse=True)
def info(workspace):
    return runs.add_dataset(workspace)


def card(app):
    """What the card is drawn from, None where the tour is closed."""
    cards = [it.proto for it in app.get("bidi_component") if it.proto.component_name == "safemil_tour"]
    return json.loads(cards[0].json) if cards else None


def test_it_opens_by_itself_in_a_new_workspace():
    assert card(open_page("datasets"))["title"] == STOPS[0].title


def test_it_stays_closed_where_somebody_has_ended_it(workspace):
    workspace.tour_ended.touch()
    assert card(open_page("datasets")) is None


def test_the_button_in_the_sidebar_begins_it_again_on_its_first_page(workspace):
    workspace.tour_ended.touch()
    app = open_page("train")
    app.button(key="tour.begin").click().run()
    assert app.title[0].value == "Datasets"
    assert (card(app)["number"], card(app)["of"]) == (0, len(STOPS))


@pytest.mark.parametrize("number", range(1, len(STOPS)))
def test_every_card_is_on_its_page(number):
    app = open_page("datasets")
    app.session_state["kept.tour.stop"] = number
    app.session_state["kept.tour.go_to"] = STOPS[number].page
    app.run()
    assert not app.exception
    assert app.title[0].value.lower() == STOPS[number].page
    assert card(app)["words"] == STOPS[number].words
    assert f'[data-testid="stSidebarNavLink"][href$="/{STOPS[number].page}"]' in card(app)["targets"]


def test_whoever_leaves_the_page_of_a_card_may_stay_there():
    app = open_page("datasets")
    app.session_state["kept.tour.stop"] = 1
    app.switch_page("views/label.py").run()
    assert app.title[0].value == "Label"
    assert card(app)["title"] == STOPS[1].title


def test_whoever_follows_a_link_is_not_bothered():
    assert card(open_page("label")) is None


def test_a_card_leads_to_its_page_until_it_is_there():
    app = open_page("datasets")
    app.session_state["kept.tour.stop"] = 2
    app.session_state["kept.tour.go_to"] = "train"
    app.run()
    assert app.title[0].value == "Train"
    app.switch_page("views/label.py").run()
    assert app.title[0].value == "Label"
