"""What the stage shows of a recorded trajectory: path, curves and replay, each under a name that says it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dashboard import resources, run_resources
from dashboard.charts_theme import LEARNED_COST, TRUE_COST
from dashboard.components import stage_items
from dashboard.components.stage_items import Lane, Line, Scene
from dashboard.components.trajectory_stage import Window
from safemil_core.assessment.evidence import evidence
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.trajectories import Trajectory
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
    z: int | None = None
    """The coordinate that makes the path one in space."""

    def hides_scores(self, label: str) -> bool:
        """Whether a trajectory with this label must not show its scores."""
        return self.is_blind and label == "none"

    @property
    def axes(self) -> tuple[int, ...]:
        """The two coordinates of the path, or three."""
        return (self.x, self.y) if self.z is None else (self.x, self.y, self.z)


@dataclass(frozen=True)
class Content:
    """Names of what the browser should have, see `trajectory_stage.show`, and how each is made."""

    wanted: dict[str, Callable[[], dict[str, Any]]]
    scene: str
    shown: tuple[str, ...]
    """The item of each trajectory."""
    films: tuple[str | None, ...]
    """Of each that is rendered."""
    detail: str | None
    """A part of the first trajectory, where it is too long to be sent whole."""


def content(
    info: DatasetInfo,
    display: Display,
    trajectories: Iterable[int],
    labels: np.ndarray,
    window: Window | None = None,
) -> Content:
    """What to have in the browser for these trajectories, the shown one first, and for the part that it looks at."""
    scene = scene_name(info, display)
    wanted: dict[str, Callable[[], dict[str, Any]]] = {scene: partial(packed_scene, info, display)}
    shown: list[str] = []
    films: list[str | None] = []
    detail = None
    for trajectory in trajectories:
        with_scores = not display.hides_scores(labels[trajectory])
        name = _name(info, display, trajectory, with_scores=with_scores)
        wanted[name] = partial(_item, info, display, trajectory, with_scores=with_scores)
        if not shown and window is not None and window.item == name:
            detail = f"detail/{name}/{window.first}-{window.last}"
            wanted[detail] = partial(_detail, info, display, trajectory, window, with_scores=with_scores)
        film = None
        if resources.has_replay(info, trajectory):
            film = f"film/{info.replays}/{trajectory}"
            wanted[film] = partial(_film, info, trajectory)
        shown.append(name)
        films.append(film)
    return Content(wanted, scene, tuple(shown), tuple(films), detail)


def score_lanes(steps: Trajectory, learned: Line | None, *, shows_truth: bool) -> list[Lane]:
    """Both costs, on a scale that reaches to 1 at least, so that noise does not fill it; the reward.

    A true cost that is not within 0 and 1, as the learned one is, has a lane of its own: it would flatten the other.
    """
    lanes, costs = [], [] if learned is None else [learned]
    if shows_truth and steps.costs is not None:
        true = Line("true cost", steps.costs, TRUE_COST, is_filled=True)
        if steps.costs.max() <= 1:
            costs.insert(0, true)
        else:
            lanes.append(Lane((true,), 0.0, 1.0))
    if costs:
        lanes.insert(0, Lane(tuple(costs), 0.0, 1.0))
    if shows_truth and steps.rewards is not None:
        lanes.append(Lane((Line("reward", steps.rewards),), 0.0, 0.0))
    return lanes


def curve_lanes(info: DatasetInfo, steps: Trajectory, curves: Iterable[int]) -> list[Lane]:
    """Dimensions of observation and action, each on the scale that it has over the whole dataset."""
    ranges, names, lanes = resources.dimension_ranges(info), info.number_names, []
    for curve in curves:
        beyond = curve - info.n_observations
        values = steps.observations[:, curve] if beyond < 0 else steps.actions[:, beyond]
        low, high = ranges[curve].tolist()
        lanes.append(Lane((Line(names[curve], values),), low, high))
    return lanes


def _name(info: DatasetInfo, display: Display, trajectory: int, *, with_scores: bool) -> str:
    costs = "" if display.run is None or not display.run.has_costs else run_resources.results_name(display.run)
    truth = display.shows_truth and resources.shows_truth(info)
    what = (*display.axes, "of", *display.curves, costs, truth, with_scores)
    return f"{info.id}/{trajectory}/{'/'.join(map(str, what))}"


def scene_name(info: DatasetInfo, display: Display) -> str:
    """Of what lies behind the paths."""
    return f"scene/{info.id}/{'/'.join(map(str, display.axes))}"


def packed_scene(info: DatasetInfo, display: Display) -> dict[str, Any]:
    """A few of the dataset's trajectories, behind the paths."""
    background, heights = resources.background_paths(info, display.x, display.y), None
    if display.z is not None:
        heights = resources.background_paths(info, display.x, display.z).y
    return stage_items.scene(Scene(tuple(info.coordinate_names[axis] for axis in display.axes), background, heights))


def _item(info: DatasetInfo, display: Display, trajectory: int, *, with_scores: bool) -> dict[str, Any]:
    learned = _learned_cost(info, display.run, trajectory) if with_scores else None
    return stage_items.item(
        trajectory,
        resources.trajectories(info)[trajectory].coordinates[:, list(display.axes)],
        _lanes(info, display, trajectory, with_scores=with_scores),
        None if learned is None else evidence(learned.values),
    )


def _film(info: DatasetInfo, trajectory: int) -> dict[str, Any]:
    return stage_items.film(resources.replay(info, trajectory))


def _detail(
    info: DatasetInfo, display: Display, trajectory: int, window: Window, *, with_scores: bool
) -> dict[str, Any]:
    last = min(window.last, len(resources.trajectories(info)[trajectory]) - 1)
    lanes = _lanes(info, display, trajectory, with_scores=with_scores)
    return stage_items.detail(min(window.first, last), last, lanes)


def _lanes(info: DatasetInfo, display: Display, trajectory: int, *, with_scores: bool) -> list[Lane]:
    shown = resources.trajectories(info)[trajectory]
    curves = curve_lanes(info, shown, display.curves)
    if not with_scores:
        return curves
    return [*score_lanes(shown, _learned_cost(info, display.run, trajectory), shows_truth=display.shows_truth), *curves]


def _learned_cost(info: DatasetInfo, run: Run | None, trajectory: int) -> Line | None:
    """With the band of the ensemble, where there is one."""
    if run is None:
        return None
    try:
        costs, spread = run_resources.run_costs(run), run_resources.run_cost_spread(run)
    except NotReady:  # it still trains
        return None
    steps = slice(*resources.trajectories(info).offsets[trajectory : trajectory + 2])
    return Line("learned cost", costs[steps], LEARNED_COST, spread=None if spread is None else spread[steps])
