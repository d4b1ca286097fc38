"""What came of an action on labels, told once with the next run of a page about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from dashboard import state
from safemil_core.errors import SafeMILError

P = ParamSpec("P")

_MESSAGE = "label.message"


def tell(words: str) -> None:
    """In a callback: what came of it, in Markdown."""
    state.remember(_MESSAGE, words)


def told(act: Callable[P, None]) -> Callable[P, None]:
    """Let a callback finish, and tell what stood in its way: a note that is too long, a dataset that is gone."""

    @wraps(act)
    @state.uninterrupted()
    def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except SafeMILError as problem:
            tell(str(problem))

    return whole


def show_message() -> None:
    """What was told since the page was last drawn, if anything."""
    if message := state.forget(_MESSAGE):
        st.toast(message)
