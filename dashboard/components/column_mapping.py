"""Which column of a table is what: a guess to correct, over the first rows."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from safemil_core.data.intake.confined import Inspected

_ONE = {
    "trajectory": ("Trajectory", "Which trajectory a row belongs to. Rows of one must follow each other."),
    "step": ("Step (optional)", "Counts up within a trajectory; checked."),
    "reward": ("Reward (optional)", "Shown and used in evaluation, never in training."),
    "cost": ("True cost (optional)", "Shown and used in evaluation, never in training."),
    "terminated": ("Terminated (optional)", "True at the last step of an episode that the environment ended."),
    "truncated": ("Cut off (optional)", "True at the last step of an episode that a time limit ended."),
}
_MANY = {
    "observations": ("Observation", "In the order in which the networks see them."),
    "actions": ("Action", "In the order in which the simulator takes them."),
}


def column_mapping(key: str, inspected: Inspected) -> dict[str, tuple[str, ...]]:
    """Widgets for every role; returns the columns of each role, none where it was left empty."""
    names = [name for name, _ in inspected.columns]
    guess = inspected.guess or {}
    st.dataframe(pd.DataFrame(inspected.preview), hide_index=True, height=150)
    chosen: dict[str, tuple[str, ...]] = {}
    with st.container(border=True):
        st.markdown("**What is in the columns?**")
        for role, (label, help_text) in _MANY.items():
            guessed = [name for name in guess.get(role, ()) if name in names]
            chosen[role] = tuple(st.multiselect(label, names, default=guessed, key=f"{key}.{role}", help=help_text))
        left, right = st.columns(2)
        for place, (role, (label, help_text)) in enumerate(_ONE.items()):
            guessed = [name for name in guess.get(role, ()) if name in names]
            with (left, right)[place % 2]:
                name = st.selectbox(
                    label,
                    names,
                    index=names.index(guessed[0]) if guessed else None,
                    key=f"{key}.{role}",
                    placeholder="None",
                    help=help_text,
                )
            chosen[role] = (name,) if name else ()
    return chosen
