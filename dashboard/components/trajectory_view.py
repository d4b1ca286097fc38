"""One trajectory in full, on any page: replay, path and timeline under one cursor, alone or beside another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import resources
from dashboard.charts_theme import LABEL_WORDS, LEARNED_COST, NON_PREFERRED, PATH_COLOURS
from dashboard.components import pickers, segment_labels, stage_items, trajectory_stage
from dashboard.components.last_said import Said, last_said
from dashboard.components.replay_screen import replay_screen
from dashboard.components.trajectory_content import Content, Display, content
from dashboard.components.trajectory_display import display_choices
from dashboard.components.trajectory_stage import Press, Wanted
from dashboard.drawing import fragment
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

KEYS = ("Enter", "Backspace", "z")
"""Those that Python hears of: a segment is kept, removed, taken back."""
_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("film", "detail", "others", "beside", "besideFilm", "cursor")),
    **dict.fromkeys(("hasScreen", "hasBesideScreen", "busy", "canLabel", "keysAreEverywhere"), False),
    "message": "",
    "besideMessage": "",
    "said": Said().facts,
    "colours": {"n": NON_PREFERRED, "cost": LEARNED_COST},
}
"""What the stage takes for granted of whoever does not say otherwise."""

_view = trajectory_stage.register("safemil_trajectory", "trajectory_view")


@dataclass(frozen=True)
class _Shown:
    """What a view is about."""

    trajectory: int
    beside: int | None
    others: tuple[int, ...]
    ahead: tuple[int, ...]
    step: int | None
    can_label: bool
    display: Display

    @property
    def near(self) -> list[int]:
        """The trajectories that are shown, and those that come next."""
        shown = [self.trajectory] if self.beside is None else [self.trajectory, self.beside]
        return [*shown, *self.ahead]


def trajectory_view(
    info: DatasetInfo,
    trajectory: int,
    *,
    key: str,
    run: Run | None = None,
    step: int | None = None,
    can_label: bool = True,
    others: Sequence[int] = (),
    ahead: Sequence[int] = (),
    is_blind: bool = False,
) -> None:
    """Show a trajectory. Playing, seeking, zooming and spikes happen in the browser, without a run of the page.

    Args:
        info: its dataset.
        trajectory: its number.
        key: the view's identity on the page.
        run: whose learned cost is shown; None: the chosen one's.
        step: where the cursor is put.
        can_label: whether a brush makes a segment label.
        others: trajectories whose paths stand out from the rest, as those that are selected with it.
        ahead: those that will be looked at next, whose replays are rendered meanwhile.
        is_blind: shows neither costs nor rewards, nor anybody's label.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        display = display_choices(info, key, run or pickers.chosen_run(), is_blind=is_blind)
        companion = None if is_blind else _companion(info, trajectory, key)
    shown = _Shown(trajectory, companion, tuple(others), tuple(ahead), step, can_label and not is_blind, display)
    is_waiting = info.can_replay and not all(resources.has_replay(info, each) for each in _on_stage(shown))

    @fragment(run_every=1.0 if is_waiting else None)
    def stage() -> None:
        _stage(info, key, shown)
        if is_waiting and all(resources.has_replay(info, each) for each in _on_stage(shown)):
            st.rerun()  # once, and the polling ends

    stage()
    if len(others) > resources.N_PREVIEWED:
        st.caption(f"{resources.N_PREVIEWED} of the {len(others)} selected paths are drawn.")


def show_stage(
    key: str, wanted: Wanted, facts: Mapping[str, Any], on_press: Callable[[Press], None] = lambda _: None
) -> None:
    """The view without its choices, for whatever has the form of a trajectory; see `trajectory_stage.show`."""
    trajectory_stage.show(_view, key, wanted, {**_NOTHING, **facts}, KEYS, on_press)


def _companion(info: DatasetInfo, trajectory: int, key: str) -> int | None:
    chosen = st.number_input(
        "Compare with",
        0,
        info.n_trajectories - 1,
        value=None,
        step=1,
        placeholder="Compare with…",
        label_visibility="collapsed",
        width=190,
        key=f"{key}.beside.{info.id}",
        persist_state="session",
        help="The number of a trajectory that is shown beside it, step by step.",
    )
    companion = None if chosen is None else int(chosen)
    return None if companion == trajectory else companion


def _on_stage(shown: _Shown) -> list[int]:
    return shown.near[: 1 if shown.beside is None else 2]


def _stage(info: DatasetInfo, key: str, shown: _Shown) -> None:
    labels = resources.label_state(info)
    ready = content(info, shown.display, _on_stage(shown), labels.labels, trajectory_stage.window(key))
    others = None
    if shown.others:
        others = f"others/{info.id}/{shown.display.axes}/{hash(shown.others)}"
        ready.wanted[others] = lambda: _others(info, shown)
    show_stage(
        key,
        ready.wanted,
        {
            "dataset": info.id,
            "scene": ready.scene,
            "others": others,
            "cursor": None if shown.step is None else [shown.trajectory, shown.step],
            "canLabel": shown.can_label,
            "said": last_said(key, info).facts,
            **_facts(info, shown, ready),
            **replay_screen(key, info, shown.near, is_waiting=None in ready.films),
        },
        lambda press: segment_labels.apply(key, info, press) if shown.can_label else None,
    )


def _facts(info: DatasetInfo, shown: _Shown, ready: Content) -> dict[str, Any]:
    """What is said of the trajectory, and of the one beside it."""
    said = resources.label_state(info)
    both = [(each, "none" if shown.display.is_blind else str(said.labels[each])) for each in _on_stage(shown)]
    legend = [f"trajectory {each}" + ("" if shown.display.is_blind else f" · {LABEL_WORDS[label]}")
              for each, label in both]  # fmt: skip
    return {
        "shown": ready.shown[0],
        "film": ready.films[0],
        "detail": ready.detail,
        "beside": ready.shown[1] if len(both) > 1 else None,
        "besideFilm": ready.films[1] if len(both) > 1 else None,
        "hasBesideScreen": len(both) > 1,
        "besideMessage": "Rendering the replay…" if info.can_replay else "No replay.",
        "besideColour": PATH_COLOURS[both[-1][1]],
        "legend": legend,
        "status": {
            "segments": () if shown.display.is_blind else said.segments.get(shown.trajectory, ()),
            "pathColour": PATH_COLOURS[both[0][1]],
        },
    }


def _others(info: DatasetInfo, shown: _Shown) -> dict[str, Any]:
    x, y, *z = shown.display.axes
    paths = resources.paths_of(info, x, y, shown.others)
    return stage_items.paths(paths, resources.paths_of(info, x, z[0], shown.others).y if z else None)
