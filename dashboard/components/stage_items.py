"""What the trajectory stage draws, packed for the browser: float32 arrays in base64. How it is drawn is JavaScript's.

Up to `N_EXACT` steps the browser gets every value and keeps the peaks itself where the screen is too narrow. Of a
longer trajectory it gets the peaks, and all of a part of it when someone looks closer (`detail`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.components.browser import encoded
from dashboard.decimation import decimated
from safemil_core.assessment.evidence import Evidence
from safemil_core.assessment.replays import Replay
from safemil_core.assessment.state_axes import are_alike
from safemil_core.assessment.summaries import Paths

N_EXACT = 20_000
"""Steps of which the browser gets every value: some 80 kB for each line."""
N_POINTS = 4_000
"""Of a line that is longer, at most: as many as the widest screens have pixels."""


@dataclass(frozen=True)
class Line:
    """One value per step of a trajectory."""

    name: str
    values: np.ndarray
    """[T]"""
    colour: str | None = None
    """None: that of the text."""
    is_filled: bool = False
    spread: np.ndarray | None = None
    """[T] half the width of the band around it, which is cut where the lane's scale ends."""


@dataclass(frozen=True)
class Lane:
    """A strip of the timeline; its lines share a scale from `low` to `high`, widened where a value lies beyond."""

    lines: tuple[Line, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Scene:
    """What lies behind every path: a few others, and the names of the two dimensions or three."""

    names: tuple[str, ...]
    background: Paths
    heights: np.ndarray | None = None
    """[M] the third dimension of the background."""


def item(trajectory: int, path: np.ndarray, lanes: Sequence[Lane], evidence: Evidence | None = None) -> dict[str, Any]:
    """A trajectory as the browser draws it: its path `[T, 2 or 3]`, its lanes, and which steps make it costly."""
    steps = _kept(*path.T)
    return {
        "kind": "item",
        "trajectory": trajectory,
        "steps": len(path),
        "exact": len(path) <= N_EXACT,
        "path": {"steps": _counts(steps), **_axes(path if steps is None else path[steps])},
        "lanes": [_lane(lane) for lane in lanes],
        "evidence": None if evidence is None else _evidence(evidence, len(path)),
    }


def detail(first: int, last: int, lanes: Sequence[Lane]) -> dict[str, Any]:
    """The steps `first` to `last` of a trajectory that is too long to be sent whole."""
    return {
        "kind": "detail",
        "first": first,
        "last": last,
        "exact": last - first < N_EXACT,
        "lanes": [_lane(lane, first, last) for lane in lanes],
    }


def scene(drawn: Scene) -> dict[str, Any]:
    """What lies behind the path, as the browser draws it."""
    axes = {"x": drawn.background.x, "y": drawn.background.y}
    if drawn.heights is not None:
        axes["z"] = drawn.heights
    named = {f"{axis}Name": name for axis, name in zip(axes, drawn.names, strict=True)}
    ranges = {f"{axis}Range": [float(np.nanmin(values)), float(np.nanmax(values))] for axis, values in axes.items()}
    values = {axis: _floats(of_axis) for axis, of_axis in axes.items()}
    return {"kind": "scene", "z": None, **values, **named, **ranges, "isAlike": are_alike(drawn.names)}


def paths(drawn: Paths, heights: np.ndarray | None = None) -> dict[str, Any]:
    """Paths that stand out from the rest, in the dimensions of the scene."""
    z = None if heights is None else _floats(heights)
    return {"kind": "paths", "x": _floats(drawn.x), "y": _floats(drawn.y), "z": z}


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


def _evidence(found: Evidence, n_steps: int) -> dict[str, Any]:
    share = f"{found.share:.0%}".replace("%", " %")
    words = "no step carries any cost"
    if 2 * found.n_steps > n_steps:
        words = f"the cost is spread: {share} of it takes {found.n_steps:,} of {n_steps:,} steps"
    elif found.n_steps:
        steps = "this step carries" if found.n_steps == 1 else f"these {found.n_steps:,} steps carry"
        words = f"{steps} {share} of the cost"
    return {"words": words, "spikes": [[spike.first, spike.last, spike.share] for spike in found.spikes]}


def _lane(lane: Lane, first: int = 0, last: int | None = None) -> dict[str, Any]:
    return {
        "low": min(lane.low, *(float(line.values.min()) for line in lane.lines)),
        "high": max(lane.high, *(float(line.values.max()) for line in lane.lines)),
        "lines": [_line(line, first, len(line.values) if last is None else last + 1) for line in lane.lines],
    }


def _line(line: Line, first: int, end: int) -> dict[str, Any]:
    values = line.values[first:end]
    spread = None if line.spread is None else line.spread[first:end]
    steps = _kept(values) if spread is None else _kept(values, values - spread, values + spread)
    if steps is not None:
        values, spread = values[steps], None if spread is None else spread[steps]
    if steps is not None or first:
        steps = first + (np.arange(len(values)) if steps is None else steps)
    return {
        "name": line.name,
        "colour": line.colour,
        "filled": line.is_filled,
        "steps": _counts(steps),
        "values": _floats(values),
        "spread": None if spread is None else _floats(spread),
    }


def _kept(*curves: np.ndarray) -> np.ndarray | None:
    """The steps to send of curves `[T]` each, with the ends and the peaks of all of them; None: every one."""
    n_steps = len(curves[0])
    if n_steps <= N_EXACT:
        return None
    peaks = [decimated(curve, (N_POINTS - 2) // len(curves)) for curve in curves]
    return np.unique(np.concatenate([[0, n_steps - 1], *peaks]))


def _axes(path: np.ndarray) -> dict[str, str | None]:
    x, y, *rest = path.T
    return {"x": _floats(x), "y": _floats(y), "z": _floats(rest[0]) if rest else None}


def _floats(values: np.ndarray) -> str:
    return encoded(values, "<f4")


def _counts(values: np.ndarray | None) -> str | None:
    return None if values is None else encoded(values, "<u4")
