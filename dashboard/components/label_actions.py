"""What can be done to the selected trajectories: label, tag, undo, go on. Each is one action and one undo.

All of it happens in callbacks, before the page is drawn again.
"""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state
from dashboard.charts_theme import LABEL_BADGES, LABEL_WORDS
from dashboard.components import pickers
from dashboard.components.label_history import action_words
from dashboard.components.selection import Listing, focus_on, listing
from dashboard.components.trajectory_map import similar_button
from dashboard.telling import callback, tell
from dashboard.words import code_span, plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import Label, Origin

FORWARD, BACK = ("j", "ArrowDown", "ArrowRight"), ("k", "ArrowUp", "ArrowLeft")
KEYS = ("n", "p", "u", "x", "z", "y", *FORWARD, *BACK)
"""The same as on the Review page, where both have them."""
NOTE_KEY, REASON_KEY, TAG_KEY, ADVANCE_KEY = "label.note", "label.reason", "label.tag", "label.advance"
GO_TO_KEY = "label.go_to"
BOXES = {"g": GO_TO_KEY}
"""Keys that lead into a text box."""


def action_bar(info: DatasetInfo, listed: Listing) -> None:
    """The trajectory in focus, what is selected with it, and what to do with them."""
    n = len(listed.selected)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button("↑ `K`", help="The one above it in the list: K, ↑ or ←.", key="label.previous",
                  on_click=_go, args=(info,), kwargs={"forward": False}, disabled=listed.previous is None)  # fmt: skip
        st.button("↓ `J`", help="The one below it in the list: J, ↓ or →.", key="label.next",
                  on_click=_go, args=(info,), kwargs={"forward": True}, disabled=listed.next is None)  # fmt: skip
        st.subheader(f"Trajectory {listed.focus}", anchor=False, width="content")
        st.badge(LABEL_WORDS[listed.label], color=LABEL_BADGES[listed.label])
        st.space("stretch")
        st.text_input("Go to", key=GO_TO_KEY, placeholder="Go to no. (G)", width=125, label_visibility="collapsed",
                      on_change=_go_to, args=(info,))  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="label.preview"):
        st.markdown(listed.preview if n > 1 else _said(listed), width="content")
        if n > 1:
            st.button("Deselect", on_click=focus_on, args=(listed.focus,), key="label.deselect", type="tertiary")
        st.space("stretch")
        st.button("Undo `Z`", on_click=_undo, args=(info,), key="label.undo", type="tertiary",
                  help="Takes back your last action, however many trajectories it was about.")  # fmt: skip
        st.button("Redo `Y`", on_click=_redo, args=(info,), key="label.redo", type="tertiary")
        st.toggle("Go on", key=ADVANCE_KEY, help="After marking one, go on to the next.", persist_state="session")
    of = f" {n}" if n > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button(f"Non-preferred{of} `N`", on_click=_mark, args=(info, "non_preferred"), key="label.non_preferred",
                  type="primary")  # fmt: skip
        st.button(f"Preferred{of} `P`", on_click=_mark, args=(info, "preferred"), key="label.preferred")
        st.button(f"Unsure{of} `U`", on_click=_mark, args=(info, "unsure"), key="label.unsure")
        st.button(f"Clear{of} `X`", on_click=_mark, args=(info, "none"), key="label.clear")
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        codes = resources.labels(info).reasons()
        st.selectbox("Reason", codes, index=None, key=REASON_KEY, placeholder="Reason (optional)", width=170,
                     accept_new_options=True, label_visibility="collapsed")  # fmt: skip
        st.text_input("Note", key=NOTE_KEY, placeholder="Note (optional)", label_visibility="collapsed", width=180)
        _tag_button(info, listed)
        similar_button(info, listed)


def press(info: DatasetInfo, key: str) -> None:
    """Do what a key stands for."""
    if state.dataset.get() != info.name:  # another one was chosen just before, and with it another trajectory
        return
    match key:
        case "n":
            _mark(info, "non_preferred")
        case "p":
            _mark(info, "preferred")
        case "u":
            _mark(info, "unsure")
        case "x":
            _mark(info, "none")
        case "z":
            _undo(info)
        case "y":
            _redo(info)
        case _:
            _go(info, forward=key in FORWARD)


def _said(listed: Listing) -> str:
    """Who labelled the trajectory in focus and why, and its tags."""
    reason, author = listed.said.reasons[listed.focus], listed.said.authors[listed.focus]
    tags = [tag for tag, members in listed.said.tags.items() if listed.focus in members]
    parts = [f"labelled by {code_span(author)}"] if author and listed.label != "none" else []
    parts += [f"because {code_span(reason)}"] if reason else []
    parts += [f":material/sell: {', '.join(map(code_span, tags))}"] if tags else []
    return " · ".join(parts) or ":gray[not labelled, no tag]"


def _tag_button(info: DatasetInfo, listed: Listing) -> None:
    n = len(listed.selected)
    with st.popover("Tag", icon=":material/sell:", key="label.tags"):
        st.selectbox("Tag", list(listed.said.tags), index=None, key=TAG_KEY, placeholder="A tag, old or new",
                     accept_new_options=True, label_visibility="collapsed")  # fmt: skip
        with st.container(horizontal=True):
            st.button(f"Add to {plural(n, 'trajectory')}", on_click=_tag, args=(info,), kwargs={"on": True},
                      key="label.tag.add")  # fmt: skip
            st.button("Remove", on_click=_tag, args=(info,), kwargs={"on": False}, key="label.tag.remove")


@callback
def _mark(info: DatasetInfo, label: Label) -> None:
    selected = listing(info).selected
    note, reason = (str(state.widget_value(key) or "").strip() for key in (NOTE_KEY, REASON_KEY))
    resources.labels(info).mark(
        selected,
        label,
        author=state.author(),
        note=note,
        reason=reason if label != "none" else "",
        origin="bulk" if len(selected) > 1 else "hand",
    )
    state.set_widget_value(NOTE_KEY, "")
    state.set_widget_value(REASON_KEY, None)
    if state.widget_value(ADVANCE_KEY) and len(selected) == 1:
        _go(info, forward=True)


@callback
def _tag(info: DatasetInfo, *, on: bool) -> None:
    selected, tag = listing(info).selected, str(state.widget_value(TAG_KEY) or "")
    origin: Origin = "bulk" if len(selected) > 1 else "hand"
    resources.labels(info).tag(selected, tag, author=state.author(), on=on, origin=origin)
    words = "Tagged" if on else "Took the tag off"
    tell(f"{words} {plural(len(selected), 'trajectory')}: {code_span(tag)}")


@callback
def _undo(info: DatasetInfo) -> None:
    undone = resources.labels(info).undo(author=state.author())
    words = f"Took back: {action_words(undone)}" if undone else f"{code_span(state.author())} has nothing to undo."
    tell(words)


@callback
def _redo(info: DatasetInfo) -> None:
    redone = resources.labels(info).redo(author=state.author())
    words = f"Did again: {action_words(redone)}" if redone else f"{code_span(state.author())} has nothing to redo."
    tell(words)


@callback
def _go(info: DatasetInfo, *, forward: bool) -> None:
    listed = listing(info)
    target = listed.next if forward else listed.previous
    if target is not None:
        focus_on(target)


@callback
def _go_to(info: DatasetInfo) -> None:
    """To the trajectory whose number was typed, whether or not it is listed; the box is empty for the next one."""
    asked_for = str(state.heard(GO_TO_KEY) or "").strip().removeprefix("#")
    state.set_widget_value(GO_TO_KEY, "")
    if not asked_for:
        return
    trajectory = int(asked_for) if asked_for.isdecimal() and len(asked_for) < 12 else -1
    if trajectory not in range(info.n_trajectories):
        tell(pickers.no_trajectory(info, asked_for))
        return
    focus_on(trajectory)
    if not listing(info).shown[trajectory]:
        tell(f"Trajectory {trajectory} is shown, but not in the list: the filters leave it out.")
