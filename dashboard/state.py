"""What the user has chosen: the only module that touches the session and the URL.

A `Choice` is what a link should carry: it lives in the URL, survives a reload, and stays when the page changes.
Everything else that must outlast one run of the script is remembered in the session only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx
from streamlit.runtime.state import get_session_state

from safemil_core.data.labels.store import default_author

T = TypeVar("T", str, int)

_ECHO_S = 1.5
"""How long a widget may send the value that it showed before the page gave it another."""
_IN_FLIGHT_S = 3.0
"""How long an event may be on its way from the browser."""


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a callback finish: otherwise Streamlit may end it at any access to the session, to serve a later event.

    What it had left to do is lost then, or it begins anew and does the rest twice: half of a form is filled, a label is
    given twice. Streamlit has no public way to say so (1.67); the attribute is the one its own session wrapper calls.
    """
    session = get_session_state()
    interrupt = session._yield_callback
    object.__setattr__(session, "_yield_callback", lambda: None)
    try:
        yield
    finally:
        object.__setattr__(session, "_yield_callback", interrupt)


class Choice(Generic[T]):
    """One choice in the URL.

    Within a browser session the session's value counts, and the URL follows it. Where the URL says otherwise, the user
    followed a link, edited it or went Back, and the URL wins; unless the page is the same and it says what was chosen
    earlier: then the browser sent an event before it had heard of the new value, on a busy machine many seconds before.
    """

    def __init__(self, name: str, kind: Callable[[str], T]) -> None:
        self.name = name
        self._kind: Callable[[str], T] = kind
        self._value = f"url.{name}"
        self._superseded = f"url.{name}.superseded"
        self._left = f"url.{name}.left"

    def get(self) -> T | None:
        """The value, whether or not it makes sense in the present dataset; None where nothing was chosen."""
        text = st.session_state.get(self._value, st.query_params.get(self.name))
        try:
            return None if text is None else self._kind(text)
        except ValueError:  # somebody edited the link
            return None

    def among(self, options: Sequence[T], default: T | None = None) -> T | None:
        """The value if it is one of the options, else the default, else the first option, else None."""
        value = self.get()
        if value is not None and value in options:
            return value
        return default if default is not None else next(iter(options), None)

    def set(self, value: T | None) -> None:
        """Choose; None forgets the choice. The URL follows with the next run of the page's script.

        Written here, in a callback, the URL would give Streamlit an occasion to stop the callback for a later event.
        """
        old, new = st.session_state.get(self._value), None if value is None else str(value)
        if old is not None and old != new:
            st.session_state.setdefault(self._superseded, set()).add(old)
            st.session_state[self._left] = old, time.monotonic()
        if new is None:
            st.session_state.pop(self._value, None)
        else:
            st.session_state[self._value] = new

    def keep(self, *, has_moved: bool) -> None:
        """Bring URL and session together, also after a change of page, which empties the URL."""
        theirs, ours = st.query_params.get(self.name), st.session_state.get(self._value)
        if theirs is None or (theirs in st.session_state.get(self._superseded, ()) and not has_moved):
            self.say()
        elif theirs != ours:
            st.session_state[self._value] = theirs

    def missing(self, options: Collection[T]) -> str | None:
        """What was chosen, where it is none of the options, in the URL's words; None where all is well."""
        value, text = self.get(), st.session_state.get(self._value)
        return text if value is None or value not in options else None

    def settle(self, value: T | None) -> None:
        """Take the value that a widget shows, so that the URL has it even where nobody chose it."""
        self.set(value)
        self.say()

    def say(self) -> None:
        """Let the URL follow. The frame does so in every run of the script; a fragment's own run does not pass it."""
        theirs, ours = st.query_params.get(self.name), st.session_state.get(self._value)
        if ours is None:
            st.query_params.pop(self.name, None)
        elif theirs != ours:
            st.query_params[self.name] = ours

    def widget(self, options: Sequence[T], default: T | None = None, *, place: str = "") -> dict[str, Any]:
        """Arguments `key` and `on_change` that tie a widget to this choice; it has no default value of its own.

        Several widgets on one page may be tied to it, each with a `place` of its own.
        """
        key = f"widget.{self.name}{place and f'.{place}'}"
        st.session_state[key] = self.among(options, default)
        return {"key": key, "on_change": self._adopt, "args": (key, options)}

    @uninterrupted()
    def _adopt(self, key: str, options: Sequence[T]) -> None:
        """Take what the user chose in the widget; not what it still showed when something else chose for it.

        A browser says the words of an option; where they have changed since, it says what is no option any more.
        """
        value, now = st.session_state[key], time.monotonic()
        if value not in options:
            return
        left, left_at = st.session_state.get(self._left, (None, -math.inf))
        if str(value) == left and now - left_at < _ECHO_S:
            return
        self.set(value)
        st.session_state.pop(self._left, None)  # the user may go straight back to what they leave


dataset = Choice("dataset", str)
run = Choice("run", str)
compared = Choice("runs", str)
"""The runs that are compared: their ids with commas between; empty: none."""
trajectory = Choice("trajectory", int)
step = Choice("step", int)
"""Of that trajectory, where the cursor is to be put."""
x = Choice("x", int)
"""The observation dimension on the horizontal axis."""
y = Choice("y", int)

map_x = Choice("map_x", int)
"""The axis of the state map along its columns, see `state_axes.axis_names`."""
map_y = Choice("map_y", int)
section = Choice("section", str)
"""Of the Costs page and of the Weights page: which of its parts is shown."""

experiment = Choice("experiment", str)
"""By its name."""

_OF_A_DATASET: tuple[Choice[Any], ...] = (run, compared, trajectory, step, x, y, map_x, map_y)


def keep_choices() -> None:
    """Called once in every run of the script, as soon as its page is known."""
    context = get_script_run_ctx()
    assert context is not None
    # A link to a page, Back and Forward may say anything.
    has_moved = context.is_history_navigation or context.page_script_hash != recall("page_hash")
    for choice in (dataset, section, experiment, *_OF_A_DATASET):
        choice.keep(has_moved=has_moved)
    remember("page_hash", context.page_script_hash)


@uninterrupted()
def choose_dataset(name: str | None) -> None:
    """Another dataset, or (None) the first that is there; what was chosen within the old one makes no sense then."""
    if name == dataset.get():  # Streamlit calls back without a change where it stopped a run half-way
        return
    dataset.set(name)
    for choice in _OF_A_DATASET:
        choice.set(None)


def leave_dataset() -> None:
    """Forget all that was chosen within a dataset that is not there, also in the URL."""
    for choice in _OF_A_DATASET:
        choice.settle(None)


def dataset_widget(options: Sequence[str]) -> dict[str, Any]:
    """Like `Choice.widget`, for the dataset."""
    arguments = dataset.widget(options)
    return {**arguments, "on_change": _adopt_dataset}


@uninterrupted()
def _adopt_dataset(key: str, _: Sequence[str]) -> None:
    choose_dataset(st.session_state[key])


def author_widget() -> dict[str, Any]:
    """Arguments for the text input in which the user says who they are.

    With a value: a browser that begins the input anew, as after an error, would show an empty one and say so next.
    """
    return {"key": "author", "value": author(), "persist_state": "session"}


def author() -> str:
    """Who labels and trains."""
    return str(st.session_state.get("author") or "").strip() or default_author()


@contextmanager
def only_this_page() -> Iterator[None]:
    """Draw a page; what another one has asked for meanwhile is not served.

    Until the browser has heard of the new page, the fragments of the old one still poll. Streamlit (1.67) serves them
    after the new page and names the old one to the browser, which then takes the new one away: a white page.
    """
    try:
        yield
    finally:
        context = get_script_run_ctx()
        if context is not None and context.script_requests is not None:
            _drop_polls_of_others(context.script_requests, context.page_script_hash)


def _drop_polls_of_others(requests: ScriptRequests, page: str) -> None:
    with requests._lock:
        waiting = requests._rerun_data
        if (
            requests._state is ScriptRequestType.RERUN
            and waiting.fragment_id_queue
            and waiting.page_script_hash != page
        ):
            requests._state = ScriptRequestType.CONTINUE


def remember(name: str, value: Any) -> None:
    """Keep a value for this browser session."""
    st.session_state[f"kept.{name}"] = value


def recall(name: str, default: Any = None) -> Any:
    """What `remember` kept."""
    return st.session_state.get(f"kept.{name}", default)


def forget(name: str) -> Any:
    """What `remember` kept, for the last time."""
    return st.session_state.pop(f"kept.{name}", None)


def widget_value(key: str) -> Any:
    """What the widget of this key holds, for use in its callback; None where it is not on the page."""
    return st.session_state.get(key)


def set_widget_value(key: str, value: Any) -> None:
    """Let the widget of this key show a value; call it before the widget is drawn or in a callback."""
    if st.session_state.get(key) == value:
        return
    now = time.monotonic()
    shown = [(v, until) for v, until in recall(f"{key}.shown", []) if until > now]
    # From now on the browser may still repeat each earlier value for a moment.
    remember(f"{key}.shown", [*((v, min(until, now + _IN_FLIGHT_S)) for v, until in shown), (value, math.inf)])
    st.session_state[key] = value


def heard(key: str) -> Any:
    """What the user says in a widget's callback; None where the browser repeats what it was shown or has said before.

    Streamlit also calls back where it stopped a run between `set_widget_value` and the widget, or before both.
    """
    value, now = st.session_state[key], time.monotonic()
    last, said_at = recall(f"{key}.heard", (None, -math.inf))
    shown = [(v, until) for v, until in recall(f"{key}.shown", []) if until > now]
    if value in [v for v, _ in shown] or (value == last and now - said_at < _IN_FLIGHT_S):
        return None
    remember(f"{key}.heard", (value, now))
    remember(f"{key}.shown", [(v, until) for v, until in shown if until < math.inf])  # the user may go straight back
    return value
