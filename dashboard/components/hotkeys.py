"""Keys that work anywhere on a page, none of them lost: Streamlit's own shortcuts drop what comes during a rerun."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import streamlit as st

from dashboard import state
from dashboard.components.browser import source
from dashboard.telling import callback

_hotkeys = st.components.v2.component("safemil_hotkeys", js=source("component.js", "hotkeys.js"))


def hotkeys(
    key: str,
    keys: Collection[str],
    on_press: Callable[[str], None],
    *,
    about: str,
    boxes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Listen for keys; `on_press` gets each press in order, in a callback before the page is drawn again.

    Args:
        key: of the component.
        keys: those to listen for.
        on_press: what a press does.
        about: names what the keys judge. What was pressed while the browser still showed another is void.
        boxes: further keys, each of which leads into the text input of this widget key. Enter and Escape lead out.
    """
    done = f"{key}.done"

    @callback
    def apply() -> None:
        events = (state.widget_value(key) or {}).get("events") or []
        for event in events:
            if event["number"] > state.recall(done, 0) and event["key"] in keys:
                state.remember(done, event["number"])  # first: one that fails must not come again
                if event["about"] == about:
                    on_press(event["key"])

    _hotkeys(
        key=key,
        data={
            "name": key,
            "keys": list(keys),
            "boxes": {pressed: f".st-key-{box.replace('.', '-')} input" for pressed, box in boxes.items()},
            "about": about,
            "ack": state.recall(done, 0),
        },
        default={"events": []},
        on_events_change=apply,
        height="content",
    )
