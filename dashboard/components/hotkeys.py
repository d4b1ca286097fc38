"""Keys that work anywhere on a page, none of them lost: Streamlit's own shortcuts drop what comes during a rerun."""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st

from dashboard import state

_JS = r"""
export default function ({ data, parentElement, setStateValue }) {
  // One queue per mounted component. Python applies what is newer than its `ack`, and the queue forgets the rest.
  let own = parentElement.__hotkeys;
  if (!own) {
    own = parentElement.__hotkeys = { queue: [], count: 0, born: Date.now() * 1000 };
    own.listen = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.composedPath()[0];
      if (target && (/^(input|textarea|select|video)$/i.test(target.tagName) || target.isContentEditable)) return;
      if (event.key.startsWith("Arrow") && target !== document.body) return; // tables and tabs use them too
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (!own.keys.includes(key)) return;
      event.preventDefault();
      event.stopPropagation();
      own.queue.push({ number: own.born + ++own.count, key });
      own.queue = own.queue.slice(-500);
      own.send("events", own.queue.slice());
    };
    document.addEventListener("keydown", own.listen, true);
    (parentElement.host ?? parentElement).dataset.listening = "true"; // browser tests wait for it
    // What Python has not applied after a while is sent again: an event can be lost with a run that was stopped.
    own.timer = setInterval(() => own.queue.length && own.send("events", own.queue.slice()), 700);
  }
  own.keys = data.keys;
  own.send = setStateValue;
  own.queue = own.queue.filter((event) => event.number > data.ack);
  return () => {
    document.removeEventListener("keydown", own.listen, true);
    clearInterval(own.timer);
    parentElement.__hotkeys = null;
  };
}
"""

_hotkeys = st.components.v2.component("safemil_hotkeys", js=_JS)


def hotkeys(key: str, keys: Collection[str], on_press: Callable[[str], None]) -> None:
    """Listen for keys; `on_press` gets each press in order, in a callback before the page is drawn again."""
    done = f"{key}.done"

    @state.uninterrupted()
    def apply() -> None:
        events = (state.widget_value(key) or {}).get("events") or []
        for event in events:
            if event["number"] > state.recall(done, 0) and event["key"] in keys:
                on_press(event["key"])
                state.remember(done, event["number"])

    _hotkeys(
        key=key,
        data={"keys": list(keys), "ack": state.recall(done, 0)},
        default={"events": []},
        on_events_change=apply,
        height="content",
    )
