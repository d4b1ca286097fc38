"""What a view of a trajectory shows of it: the axes of its path and the curves on its timeline."""

from __future__ import annotations

import streamlit as st

from dashboard.components import pickers
from dashboard.components.trajectory_content import Display
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

N_CURVES = 6
"""Dimensions on the timeline, at most: more would not fit the screen."""


def display_choices(info: DatasetInfo, key: str, run: Run | None, *, is_blind: bool = False) -> Display:
    """A button that opens the choices of a view.

    Args:
        info: the dataset whose dimensions there are to choose from.
        key: of the view.
        run: whose learned cost is shown.
        is_blind: shows no scores.
    """
    with st.popover("Display", icon=":material/tune:"):
        return _choices(info, key, run, is_blind=is_blind)


def _choices(info: DatasetInfo, key: str, run: Run | None, *, is_blind: bool) -> Display:
    x, y = pickers.dimension_pickers(info, place=key)
    z = st.selectbox(
        "Third dimension",
        range(len(info.coordinate_names)),
        index=None,
        format_func=info.coordinate_names.__getitem__,
        placeholder="None: the path is flat",
        help="Drag on the path to turn it.",
        key=f"{key}.z.{info.id}",
        persist_state="session",
    )
    curves = pickers.curve_picker(info, key=f"{key}.curves.{info.id}", most=N_CURVES)
    return Display(x, y, curves, None if is_blind else run, not is_blind, is_blind, z)
