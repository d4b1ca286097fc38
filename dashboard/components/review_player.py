"""The stage of the Review page: one trajectory large, and the keys that judge it. What comes next is `review_queue`'s.

All drawing happens in the browser. The next trajectories travel ahead of time and wait there in a cache; Python sends
what the browser does not have yet, says what to show, and hears of every key with the trajectory it was pressed on.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import state
from dashboard.decimation import decimated
from safemil_core.assessment.replays import Replay
from safemil_core.assessment.summaries import Paths

N_POINTS = 600
"""Of a curve, at most: finer than the screen."""
KEYS = ("n", "p", "u", "s", "r", "z", "j", "k", "Enter", "Backspace")
"""Those that Python hears of; the others (play, brush, reasons, help) stay in the browser."""


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
class Line:
    """One value per step of a trajectory."""

    name: str
    values: np.ndarray
    """[T]"""
    colour: str | None = None
    """None: that of the text."""
    is_filled: bool = False


@dataclass(frozen=True)
class Lane:
    """A strip of the timeline; its lines share a scale from `low` to `high`, widened where a value lies beyond."""

    lines: tuple[Line, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Scene:
    """What lies behind every path: a few others, and the names of the two dimensions."""

    background: Paths
    names: tuple[str, str]


def item(trajectory: int, x: np.ndarray, y: np.ndarray, lanes: Sequence[Lane]) -> dict[str, Any]:
    """A trajectory as the browser draws it: its path through two dimensions `[T]` each, and its lanes."""
    way = np.unique(np.concatenate([[0, len(x) - 1], decimated(x, N_POINTS // 2 - 2), decimated(y, N_POINTS // 2)]))
    return {
        "kind": "item",
        "trajectory": trajectory,
        "steps": len(x),
        "path": {"steps": _counts(way), "x": _floats(x[way]), "y": _floats(y[way])},
        "lanes": [_lane(lane) for lane in lanes],
    }


def scene(drawn: Scene) -> dict[str, Any]:
    """What lies behind the path, as the browser draws it."""
    background, (x_name, y_name) = drawn.background, drawn.names
    return {
        "kind": "scene",
        "x": _floats(background.x),
        "y": _floats(background.y),
        "xName": x_name,
        "yName": y_name,
        "xRange": [float(np.nanmin(background.x)), float(np.nanmax(background.x))],
        "yRange": [float(np.nanmin(background.y)), float(np.nanmax(background.y))],
    }


def film(replay: Replay) -> dict[str, Any]:
    """A replay as the browser plays it."""
    return {
        "kind": "film",
        "video": base64.b64encode(replay.video).decode(),
        "fps": replay.fps,
        "stride": replay.stride,
        "exact": replay.exact,
        "note": replay.note,
    }


def review_player(
    key: str,
    wanted: Mapping[str, Callable[[], dict[str, Any]]],
    facts: Mapping[str, Any],
    on_press: Callable[[Press], None],
) -> None:
    """Show the stage.

    Args:
        key: the component's identity on the page.
        wanted: by name, what the browser should have by now: what is shown and what comes next. Each name stands for
            one unchanging content; it is made only where the browser lacks it.
        facts: all else, small and always sent; `shown`, `scene` and `film` are names out of `wanted`, or None.
        on_press: gets each press in order, none twice, in a callback before the page is drawn again.
    """

    @state.uninterrupted()
    def apply() -> None:
        report = _report(key)
        _hear_what_is_missing(key, report)
        for number, press in _presses(report):
            if number > state.recall(f"{key}.done", 0):
                on_press(press)
                state.remember(f"{key}.done", number)

    has = _what_the_browser_has(key)
    _player(
        key=key,
        data={
            **facts,
            "ack": state.recall(f"{key}.done", 0),
            "keep": list(wanted),
            "items": {name: make() for name, make in wanted.items() if name not in has},
        },
        default={"report": {}},
        on_report_change=apply,
        height="content",
    )
    state.remember(f"{key}.sent", (_report(key).get("mount"), frozenset(wanted)))


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


def _presses(report: Mapping[str, Any]) -> list[tuple[int, Press]]:
    """The presses with their numbers; what no browser of ours would say is left out."""
    presses = []
    for event in report.get("events") or []:
        match event:
            case {
                "number": int(number),
                "key": str(key),
                "dataset": str(dataset),
                "trajectory": int(trajectory),
            } if key in KEYS:
                reason = event.get("reason")
                press = Press(key, dataset, trajectory, reason if isinstance(reason, str) else "", _segment(event))
                presses.append((number, press))
    return presses


def _segment(event: Mapping[str, Any]) -> tuple[int, int] | None:
    match event.get("segment"):
        case [int(first), int(last)]:
            return first, last
        case _:
            return None


def _lane(lane: Lane) -> dict[str, Any]:
    lowest = min(float(line.values.min()) for line in lane.lines)
    highest = max(float(line.values.max()) for line in lane.lines)
    return {
        "low": min(lane.low, lowest),
        "high": max(lane.high, highest),
        "lines": [_line(line) for line in lane.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    steps = decimated(line.values, N_POINTS)
    return {
        "name": line.name,
        "colour": line.colour,
        "filled": line.is_filled,
        "steps": _counts(steps),
        "values": _floats(line.values[steps]),
    }


def _floats(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _counts(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<u4").tobytes()).decode()


def _source(ending: str) -> str:
    return Path(__file__).with_suffix(ending).read_text(encoding="utf-8")


_player = st.components.v2.component("safemil_review", html=_source(".html"), css=_source(".css"), js=_source(".js"))
