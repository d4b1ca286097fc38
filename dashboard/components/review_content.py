"""What the Review page shows of a trajectory: its path, its curves, its replay, each under a name that says it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dashboard import resources, run_resources
from dashboard.charts_theme import LEARNED_COST, TRUE_COST
from dashboard.components import review_player as player
from dashboard.components.review_player import Lane, Line, Scene
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import NotReady
from safemil_core.running.run_folder import Run


@dataclass(frozen=True)
class Display:
    """What the user wants to see."""

    x: int
    """The coordinate on the horizontal axis of the path."""
    y: int
    curves: tuple[int, ...]
    """Dimensions on the timeline; those from `n_observations` on are of the action."""
    run: Run | None
    """Whose learned cost is shown."""
    shows_truth: bool
    """Whether reward and true cost are shown."""
    is_blind: bool
    """Whether all scores of a trajectory are hidden until it is judged."""

    def hides_scores(self, label: str) -> bool:
        """Whether a trajectory with this label must not show its scores."""
        return self.is_blind and label == "none"


@dataclass(frozen=True)
class Content:
    """Names of what the browser should have, see `review_player.review_player`, and how each is made."""

    wanted: dict[str, Callable[[], dict[str, Any]]]
    scene: str
    shown: str
    film: str | None
    """Of the first trajectory, where it is rendered."""


def curve_names(info: DatasetInfo) -> list[str]:
    """What `Display.curves` can choose among, by number."""
    return [*info.observation_names, *info.action_names]


def content(info: DatasetInfo, display: Display, trajectories: Iterable[int], labels: np.ndarray) -> Content:
    """What to have in the browser for these trajectories, the shown one first."""
    scene = f"scene/{info.id}/{display.x}/{display.y}"
    wanted: dict[str, Callable[[], dict[str, Any]]] = {scene: partial(_scene, info, display)}
    shown: list[str] = []
    films: list[str | None] = []
    for trajectory in trajectories:
        with_scores = not display.hides_scores(labels[trajectory])
        name = _name(info, display, trajectory, with_scores=with_scores)
        wanted[name] = partial(_item, info, display, trajectory, with_scores=with_scores)
        replay = resources.replay(info, trajectory)
        film = None
        if replay is not None:
            film = f"film/{info.id}/{trajectory}"
            wanted[film] = partial(player.film, replay)
        shown.append(name)
        films.append(film)
    return Content(wanted, scene, shown[0], films[0])


def _name(info: DatasetInfo, display: Display, trajectory: int, *, with_scores: bool) -> str:
    run_id = display.run.id if display.run is not None and display.run.has_costs else ""
    what = (display.x, display.y, *display.curves, run_id, display.shows_truth, with_scores)
    return f"{info.id}/{trajectory}/{'/'.join(map(str, what))}"


def _scene(info: DatasetInfo, display: Display) -> dict[str, Any]:
    names = info.coordinate_names[display.x], info.coordinate_names[display.y]
    return player.scene(Scene(resources.background_paths(info, display.x, display.y), names))


def _item(info: DatasetInfo, display: Display, trajectory: int, *, with_scores: bool) -> dict[str, Any]:
    shown = resources.trajectories(info)[trajectory]
    lanes = _score_lanes(info, display, trajectory) if with_scores else []
    ranges, names = resources.dimension_ranges(info), curve_names(info)
    for curve in display.curves:
        beyond = curve - info.n_observations
        values = shown.observations[:, curve] if beyond < 0 else shown.actions[:, beyond]
        low, high = ranges[curve].tolist()
        lanes.append(Lane((Line(names[curve], values),), low, high))
    return player.item(trajectory, shown.coordinates[:, display.x], shown.coordinates[:, display.y], lanes)


def _score_lanes(info: DatasetInfo, display: Display, trajectory: int) -> list[Lane]:
    """Both costs on one scale, which reaches to 1 at least, so that a curve of noise does not fill it; the reward."""
    trajectories = resources.trajectories(info)
    shown = trajectories[trajectory]
    costs = []
    if display.shows_truth and shown.costs is not None:
        costs.append(Line("true cost", shown.costs, TRUE_COST, is_filled=True))
    learned = _learned_costs(display.run)
    if learned is not None:
        first, last = trajectories.offsets[trajectory : trajectory + 2]
        costs.append(Line("learned cost", learned[first:last], LEARNED_COST))
    lanes = [Lane(tuple(costs), 0.0, 1.0)] if costs else []
    if display.shows_truth and shown.rewards is not None:
        lanes.append(Lane((Line("reward", shown.rewards),), 0.0, 0.0))
    return lanes


def _learned_costs(run: Run | None) -> np.ndarray | None:
    if run is None:
        return None
    try:
        return run_resources.run_costs(run)
    except NotReady:  # it still trains
        return None
