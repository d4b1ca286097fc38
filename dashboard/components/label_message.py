"""What came of an action on labels, told once with the next run of a page about them."""

from __future__ import annotations

import streamlit as st

from dashboard import state

_MESSAGE = "label.message"


def tell(words: str) -> None:
    """In a callback: what came of it, in Markdown."""
    state.remember(_MESSAGE, words)


def show_message() -> None:
    """What was told since the page was last drawn, if anything."""
    if message := state.forget(_MESSAGE):
        st.toast(message)
