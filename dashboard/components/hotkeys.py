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
  }
  own.keys = data.keys;
  own.send = setStateValue;
  own.queue = own.queue.filter((event) => event.number > data.ack);
  return () => {
    document.removeEventListener("keydown", own.listen, true);
    parentElement.__hotkeys = null;
  };
}
"""

_hotkeys = st.components.v2.component("safemil_hotkeys", js=_JS)


def hotkeys(key: str, keys: Collection[str], on_press: Callable[[str], None]) -> None:
    """Listen for keys; `on_press` gets each press in order, in a callback before the page is drawn again."""
    done = f"{key}.done"

    def apply() -> None:
        events = (state.widget_value(key) or {}).get("events") or []
        print("APPLY", [(e["key"], e["number"] % 1000) for e in events], state.recall(done, 0) % 1000, flush=True)
        for event in events:
            if event["number"] > state.recall(done, 0) and event["key"] in keys:
                state.remember(done, event["number"])
                print("press", event["key"], state.trajectory.get(), flush=True)
                on_press(event["key"])
                print("now", state.trajectory.get(), flush=True)

    _hotkeys(
        key=key,
        data={"keys": list(keys), "ack": state.recall(done, 0)},
        default={"events": []},
        on_events_change=apply,
        height="content",
    )
