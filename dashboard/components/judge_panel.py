"""One trajectory to judge without anybody's label, score or cost beside it, with buttons and keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import state
from dashboard.charts_theme import LABEL_KEYS
from dashboard.components.hotkeys import hotkeys
from dashboard.components.trajectory_view import trajectory_view
from dashboard.telling import callback
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import Label

_OPEN = "judge.open"
_WORDS = {"n": "Non-preferred `N`", "p": "Preferred `P`", "u": "Unsure `U`"}


@callback
def open_panel(key: str | None) -> None:
    """Let the panel of this key be the one that judges, or (None) none: two would both hear every key."""
    state.remember(_OPEN, key)


def is_open(key: str) -> bool:
    """Whether that panel is to be drawn."""
    return bool(state.recall(_OPEN) == key)


def judge_panel(
    info: DatasetInfo,
    trajectory: int,
    *,
    key: str,
    progress: str,
    on_judge: Callable[[int, Label], None],
    ahead: Sequence[int] = (),
) -> None:
    """Show the trajectory and ask.

    Args:
        info: its dataset.
        trajectory: its number.
        key: of the widgets.
        progress: how far this series is, in words.
        on_judge: gets the trajectory that was on the screen and what was said of it, in a callback. A key that is
            pressed twice says it twice of the same trajectory; the second time has to be ignored.
        ahead: what comes next, so that its video is rendered meanwhile.
    """
    hotkeys(
        f"{key}.keys",
        tuple(LABEL_KEYS),
        lambda pressed: on_judge(trajectory, LABEL_KEYS[pressed]),
        about=f"{info.id} {trajectory}",
    )
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"**{progress}** · trajectory {trajectory}", width="content")
            st.space("stretch")
            for pressed, label in LABEL_KEYS.items():
                st.button(_WORDS[pressed], key=f"{key}.{label}", on_click=on_judge, args=(trajectory, label))
            st.button("End", key=f"{key}.end", on_click=open_panel, args=(None,), type="tertiary")
        trajectory_view(info, trajectory, key=f"{key}.view", can_label=False, ahead=ahead, is_blind=True)
