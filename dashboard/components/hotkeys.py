"""Keys that work anywhere on a page, none of them lost: Streamlit's own shortcuts drop what comes during a rerun."""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st

from dashboard import state

_JS = r"""
export default function ({ data, parentElement, setStateValue }) {
  // One instance per name and browser page. A busy page may end a component and begin it anew, even on another element;
  // what was pressed in between goes on. Only who stays away has left, and what was still pressed there is void.
  const all = (window.__safemilKeys ??= {}), name = data.name;
  const own = (all[name] ??= begin());
  const visit = ++own.visit;
  own.host = parentElement;
  own.send = setStateValue;
  own.take(data);
  const seen = (parentElement.host ?? parentElement).dataset; // browser tests wait for it
  seen.listening = "true";
  seen.about = data.about;
  return () => setTimeout(() => { if (own.visit === visit) { own.end(); delete all[name]; } }, 3000);
}

const MOVES = ["j", "k", "ArrowLeft", "ArrowRight"];

function begin() {
  // Python applies what is newer than its `ack`, and the queue forgets the rest.
  const own = { host: null, send: null, visit: 0, take, end }, born = Date.now() * 1000;
  let queue = [], count = 0, keys = [], about = null;

  function take(data) {
    ({ keys, about } = data);
    count = Math.max(count, data.ack - born); // a clock may have been set back
    queue = queue.filter((event) => event.number > data.ack);
  }

  function listen(event) {
    if (!own.host.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (target && (/^(input|textarea|select|video)$/i.test(target.tagName) || target.isContentEditable)) return;
    if (event.key.startsWith("Arrow") && target !== document.body) return; // tables and tabs use them too
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!keys.includes(key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat && !MOVES.includes(key)) return; // a key that is held judges once
    queue.push({ number: born + ++count, key, about });
    queue = queue.slice(-500);
    report();
  }

  const report = () => { if (own.host.isConnected && queue.length) own.send("events", queue.slice()); };
  // What Python has not applied after a while is sent again: an event can be lost with a run that was stopped.
  const timer = setInterval(report, 700);
  document.addEventListener("keydown", listen, true);

  function end() {
    document.removeEventListener("keydown", listen, true);
    clearInterval(timer);
  }
  return own;
}
"""

_hotkeys = st.components.v2.component("safemil_hotkeys", js=_JS)


def hotkeys(key: str, keys: Collection[str], on_press: Callable[[str], None], *, about: str) -> None:
    """Listen for keys; `on_press` gets each press in order, in a callback before the page is drawn again.

    `about` names what the keys judge. What was pressed while the browser still showed another is void.
    """
    done = f"{key}.done"

    @state.uninterrupted()
    def apply() -> None:
        events = (state.widget_value(key) or {}).get("events") or []
        for event in events:
            if event["number"] > state.recall(done, 0) and event["key"] in keys:
                state.remember(done, event["number"])  # first: one that fails must not come again
                if event["about"] == about:
                    on_press(event["key"])

    _hotkeys(
        key=key,
        data={"name": key, "keys": list(keys), "about": about, "ack": state.recall(done, 0)},
        default={"events": []},
        on_events_change=apply,
        height="content",
    )
