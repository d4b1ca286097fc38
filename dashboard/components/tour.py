"""A tour of the pages: a small card that says what each one answers, and points at where to begin.

It opens by itself on the first page of a workspace where nobody has ended it, and again with the button in the sidebar.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import resources, state
from dashboard.components.browser import source
from dashboard.components.empty_states import PageName
from dashboard.telling import callback

_KEY = "tour"
_STOP = "tour.stop"
_GO_TO = "tour.go_to"
_HEARD = "tour.heard"


@dataclass(frozen=True)
class Stop:
    """One card of the tour."""

    page: PageName
    title: str
    words: str
    targets: tuple[str, ...] = ()
    """What to point at, as CSS: the first that is on the page."""


STOPS = (
    Stop(
        "datasets",
        "Good demonstrations, and a few bad ones",
        "Each point is a recorded trajectory. car_circle is here to try: a car that is rewarded for driving fast in a "
        "circle, and unsafe beyond an invisible wall. Bring files of your own on the right.",
        (".st-key-figure-datasets-scatter",),
    ),
    Stop(
        "review",
        "Mark what nobody should imitate",
        "Watch a trajectory and press N for non-preferred, P for preferred, S to skip. A few dozen marks are enough. "
        "Label marks many at once; Audit asks whether the marks can be trusted.",
        (".st-key-review-player", ".st-key-review-stage"),
    ),
    Stop(
        "train",
        "Learn a cost from whole trajectories",
        "Start a run. It learns which steps cost, from marks on whole trajectories alone: no reward, no true cost. "
        "Then it weights the others by that and clones a safe policy. Seconds to a minute, in a process of its own.",
        (".st-key-new-run", ".st-key-run-panel"),
    ),
    Stop(
        "costs",
        "Where is it dangerous?",
        "The learned cost over the state, over time, and as a function. Every figure leads on: a point is a step, a "
        "step is a frame, and the frame belongs to a trajectory that you can label.",
        (".st-key-section", ".st-key-widget-section"),
    ),
    Stop(
        "doctor",
        "Is the cost right?",
        "What is wrong with a run, the most harmful first: evidence, probable cause, and a button that starts the "
        "corrected run and then says whether it helped.",
    ),
    Stop(
        "weights",
        "Who is imitated, and how much?",
        "Every trajectory has a weight. Move the settings and see at once who gains and who loses, or ask what would "
        "change if a mark were not there.",
        (".st-key-figure-weights-scatter",),
    ),
    Stop(
        "rollouts",
        "Watch the policy that came out",
        "Roll out the safe policy and plain cloning from the same starts, and compare return, cost and films. "
        "This tour waits in the sidebar.",
    ),
)


def tour(page: str) -> None:
    """The card, where the tour is open.

    Args:
        page: the file's name of the page that is shown.
    """
    place = st.container(key="tour-place")  # there with or without the card: what follows keeps its place
    go_to = state.recall(_GO_TO)
    if go_to is not None and go_to != page:  # remembered until it is there: an event in between keeps Streamlit here
        st.switch_page(f"views/{go_to}.py")
    state.forget(_GO_TO)
    number = state.recall(_STOP)
    if number is None:  # it begins by itself on its first page alone: whoever followed a link wants something else
        number = 0 if page == STOPS[0].page and not resources.workspace().tour_ended.exists() else -1
    if number >= 0:
        with place:
            _card(key=_KEY, data=_drawn(number), default={"move": None}, on_move_change=_move)


def tour_button() -> None:
    """Begin the tour again."""
    st.button("Tour", key="tour.begin", icon=":material/explore:", type="tertiary", on_click=_go, args=(0,))


def _drawn(number: int) -> dict[str, object]:
    stop = STOPS[number]
    own_link = f'[data-testid="stSidebarNavLink"][href$="/{stop.page}"]'
    return {
        "number": number,
        "of": len(STOPS),
        "title": stop.title,
        "words": stop.words,
        "targets": [*stop.targets, own_link],
        "heard": state.recall(_HEARD),
    }


@callback
def _move() -> None:
    """To another card; to -1 from one that is left, past the last one when all were seen. Said until it is heard."""
    move = (state.widget_value(_KEY) or {}).get("move")
    if move and move["at"] != state.recall(_HEARD):
        state.remember(_HEARD, move["at"])
        _go(int(move["number"]))


@callback
def _go(number: int) -> None:
    if 0 <= number < len(STOPS):
        state.remember(_STOP, number)
        state.remember(_GO_TO, STOPS[number].page)
        return
    if number == len(STOPS):
        state.remember(_GO_TO, STOPS[0].page)  # where one begins; the last page is empty as yet
    state.remember(_STOP, -1)
    resources.workspace().tour_ended.touch()


SCRIPT = source("component.js", "tour.js")

_card = st.components.v2.component("safemil_tour", css=source("tour.css"), js=SCRIPT)
