"""The stage that shows trajectories, wherever they are shown: its source for the browser, and how it and Python talk.

All drawing, playing and seeking happens in the browser. What it will need travels ahead of time and waits there in a
cache; Python sends what the browser does not have yet, says what to show, and hears of what should be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import state
from dashboard.components import downloads
from dashboard.components.browser import source
from dashboard.components.figure import file_stem
from dashboard.telling import callback

_SCRIPTS = (
    *("component.js", "canvas.js", "stage_arrays.js", "stage_messages.js"),
    *("stage_timeline.js", "stage_path.js", "stage_films.js", "trajectory_stage.js"),
)
"""One after the other they are one script; a component's own follows."""
PLACE = "<!-- stage -->"
"""Where a component's HTML has the stage."""

Wanted = Mapping[str, Callable[[], dict[str, Any]]]


@dataclass(frozen=True)
class Press:
    """One key, and what the user was looking at when pressing it."""

    key: str
    dataset: str
    """Its id."""
    trajectory: int
    reason: str = ""
    segment: tuple[int, int] | None = None
    """First and last step."""


@dataclass(frozen=True)
class Window:
    """A part of a long trajectory that someone looks at closely."""

    item: str
    """Its name in `Wanted`."""
    first: int
    last: int


def script() -> str:
    """The stage's JavaScript; it exports nothing."""
    return downloads.SCRIPT + source(*_SCRIPTS)


def register(name: str, file: str) -> Callable[..., Any]:
    """A component that has the stage in it, out of the HTML, CSS and JavaScript files of this name."""
    return st.components.v2.component(
        name,
        html=source(f"{file}.html").replace(PLACE, source("trajectory_stage.html")),
        css=source("trajectory_stage.css") + source(f"{file}.css") + downloads.STYLE,
        js=script() + source(f"{file}.js"),
    )


def show(
    component: Callable[..., Any],
    key: str,
    wanted: Wanted,
    facts: Mapping[str, Any],
    keys: Collection[str],
    on_press: Callable[[Press], None],
) -> None:
    """Show a component that has the stage in it.

    Args:
        component: what `register` gave.
        key: its identity on the page.
        wanted: by name, what the browser should have by now: what is shown and what comes next. Each name stands for
            one unchanging content; it is made only where the browser lacks it.
        facts: all else, small and always sent; `shown`, `scene`, `film` and their like are names out of `wanted`.
        keys: those that Python is to hear of.
        on_press: gets each press in order, none twice, in a callback before the page is drawn again.
    """

    @callback
    def apply() -> None:
        report = _report(key)
        _hear_what_is_missing(key, report)
        for number, press in presses(report, keys):
            if number > state.recall(f"{key}.done", 0):
                state.remember(f"{key}.done", number)  # first: one that fails must not come again
                on_press(press)

    has = _what_the_browser_has(key)
    component(
        key=key,
        data={
            **facts,
            "name": key,
            "file": file_stem(key),
            "ack": state.recall(f"{key}.done", 0),
            "keep": list(wanted),
            "items": {name: make() for name, make in wanted.items() if name not in has},
        },
        default={"report": {}},
        on_report_change=apply,
        height="content",
    )
    state.remember(f"{key}.sent", (_report(key).get("mount"), frozenset(wanted)))


def window(key: str) -> Window | None:
    """The part that the browser lacks of what it shows closely."""
    match _report(key).get("window"):
        case [str(item), int(first), int(last)] if 0 <= first <= last:
            return Window(item, first, last)
        case _:
            return None


def presses(report: Mapping[str, Any], keys: Collection[str]) -> list[tuple[int, Press]]:
    """The presses of a report with their numbers; what no browser of ours would say is left out."""
    found = []
    for event in report.get("events") or []:
        match event:
            case {
                "number": int(number),
                "key": str(key),
                "dataset": str(dataset),
                "trajectory": int(trajectory),
            } if key in keys:
                reason = event.get("reason")
                press = Press(key, dataset, trajectory, reason if isinstance(reason, str) else "", _segment(event))
                found.append((number, press))
    return found


def _report(key: str) -> dict[str, Any]:
    """What the browser last said: who it is, what it lacks, and which keys it has not seen applied."""
    report = (state.widget_value(key) or {}).get("report")
    return report if isinstance(report, dict) else {}


def _what_the_browser_has(key: str) -> Collection[str]:
    """The names sent to this very browser page. It asks again for what did not reach it."""
    mount, names = state.recall(f"{key}.sent", (None, frozenset()))
    now = _report(key).get("mount")
    return names if mount in (None, now) else frozenset()


def _hear_what_is_missing(key: str, report: Mapping[str, Any]) -> None:
    mount, names = state.recall(f"{key}.sent", (None, frozenset()))
    missing = {name for name in report.get("missing") or [] if isinstance(name, str)}
    state.remember(f"{key}.sent", (mount, names - missing))


def _segment(event: Mapping[str, Any]) -> tuple[int, int] | None:
    match event.get("segment"):
        case [int(first), int(last)]:
            return first, last
        case _:
            return None
