"""One trajectory in full: its path among others, its video, and its costs over time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from dashboard import charts_data, resources, run_resources
from dashboard.charts_theme import LEARNED_COST, TRUE_COST
from dashboard.components import pickers
from dashboard.components.figure import figure
from dashboard.components.replay import Curve, replay_with_timeline
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import NotReady
from safemil_core.running import tasks
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task


def trajectory_view(
    info: DatasetInfo,
    trajectory: int,
    *,
    key: str,
    run: Run | None = None,
    beside: int | None = None,
    step: int | None = None,
    can_label: bool = True,
) -> None:
    """One trajectory in full, on any page.

    Args:
        info: its dataset.
        trajectory: its number.
        key: the view's identity on the page.
        run: whose learned cost is shown; None: the chosen one's.
        beside: another trajectory to show with it, under the same cursor.
        step: where the cursor is put.
        can_label: whether a brush makes a segment label.
    """
    path, video = st.columns(2)
    with path:
        trajectory_path(info, trajectory, key=f"{key}.path")
    with video:
        trajectory_replay(info, trajectory, key=f"{key}.replay")


def trajectory_path(
    info: DatasetInfo,
    trajectory: int,
    *,
    key: str,
    label: str = "none",
    others: tuple[int, ...] = (),
    has_costs: bool = True,
) -> None:
    """The path of one trajectory through two chosen dimensions, before those that are selected with it.

    Args:
        info: its dataset.
        trajectory: its number.
        key: the chart's identity on the page.
        label: gives its colour; without, it is shown as unlabelled.
        others: what is selected with it.
        has_costs: whether steps of true cost stand out.
    """
    x, y = pickers.dimension_pickers(info)
    recorded = resources.trajectories(info)[trajectory]
    if not has_costs:
        recorded = replace(recorded, costs=None)
    figure(
        charts_data.path_figure(
            recorded,
            label,
            resources.background_paths(info, x, y),
            x,
            y,
            info.coordinate_names,
            height=400,
            selected=resources.paths_of(info, x, y, others) if others else None,
        ),
        key=key,
        config={"displayModeBar": False},
        alt=f"The path of trajectory {trajectory}",
    )
    if len(others) > resources.N_PREVIEWED:
        st.caption(f"{resources.N_PREVIEWED} of the {len(others)} selected paths are drawn.")


def trajectory_replay(
    info: DatasetInfo, trajectory: int, *, key: str, ahead: Sequence[int] = (), has_costs: bool = True
) -> None:
    """The video over its costs; until it is rendered, a fragment looks for it every second.

    Args:
        info: the dataset.
        trajectory: its number.
        key: the component's identity on the page.
        ahead: those that will be looked at next, whose videos are asked for too.
        has_costs: whether costs are shown.
    """
    wanted = [trajectory, *ahead]
    if info.can_replay:
        tasks.want_replays(resources.workspace(), info, wanted)
    is_waiting = info.can_replay and resources.replay(info, trajectory) is None

    @st.fragment(run_every=1.0 if is_waiting else None)
    def screen() -> None:
        replay = resources.replay(info, trajectory)
        if is_waiting and replay is not None:
            st.rerun()  # once, and the polling ends
        progress = Task.of_dataset("replay", resources.workspace(), info).progress
        if is_waiting and progress is not None and progress.state == "done":
            tasks.want_replays(resources.workspace(), info, wanted)  # it ended just before it heard of this wish
        has_failed = progress is not None and progress.state in ("failed", "lost")
        message = "Rendering the replay…"
        if not info.can_replay:
            message = "No replay: this dataset names no environment. Import the file again with its name."
        elif progress is not None and has_failed:
            message = f"No replay: {progress.message}"
        replay_with_timeline(
            f"{info.id}/{trajectory}",
            replay,
            _curves(info, trajectory) if has_costs else [],
            len(resources.trajectories(info)[trajectory]),
            key=key,
            message=message,
            is_busy=is_waiting and not has_failed,
        )
        if replay is not None and not replay.exact:
            st.badge("approximate", color="yellow", help=replay.note)

    screen()


def _curves(info: DatasetInfo, trajectory: int) -> list[Curve]:
    """The true cost of each step where it is known, and the learned cost of the chosen run where it has one."""
    trajectories = resources.trajectories(info)
    curves = []
    true_costs = trajectories[trajectory].costs
    if true_costs is not None:
        curves.append(Curve("true cost", true_costs, TRUE_COST, is_filled=True))
    run = pickers.chosen_run(info)
    if run is not None:
        steps = slice(*trajectories.offsets[trajectory : trajectory + 2])
        with suppress(NotReady):  # it still trains
            curves.append(Curve("learned cost", run_resources.run_costs(run)[steps], LEARNED_COST))
    return curves
