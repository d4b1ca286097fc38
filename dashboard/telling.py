"""What a page tells: what came of an action, and what stood in the way of anything.

A callback must not write: Streamlit may end it there to serve a later event. What it tells is kept, and shown by what
is drawn next.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from dashboard import state
from dashboard.words import harmless
from safemil_core.errors import SafeMILError

P = ParamSpec("P")

_TOLD = "told"


def tell(words: str) -> None:
    """What came of an action, in Markdown."""
    _keep(words, None)


def tell_problem(problem: object) -> None:
    """What stood in its way, in plain text."""
    _keep(harmless(str(problem)), ":material/error:")


def _keep(words: str, icon: str | None) -> None:
    state.remember(_TOLD, [*state.recall(_TOLD, []), (words, icon)])


def show_told() -> None:
    """Show what was told since the last time. The frame does so, and every part of a page that is drawn by itself."""
    told = state.recall(_TOLD, [])
    for words, icon in told:
        st.toast(words, icon=icon, duration="long")
    if told:  # only now: the run may have been ended between
        with state.uninterrupted():
            state.forget(_TOLD)


def callback(act: Callable[P, None]) -> Callable[P, None]:
    """For a callback: let it finish, and tell what stood in its way: a note too long, a dataset that is gone."""

    @wraps(act)
    @state.uninterrupted()
    def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except SafeMILError as problem:
            tell_problem(problem)

    return whole


def show_problem(problem: object) -> None:
    """Why something is not there, in plain text, in its place."""
    st.error(harmless(str(problem)))
