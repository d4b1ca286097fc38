export default function ({ data, parentElement, setStateValue }) {
  // One instance per name and browser page, as it may begin anew on another element; what was pressed in between goes on.
  // Only who stays away has left, and what was still pressed there is void.
  return lifetime((window.__safemilKeys ??= {}), data.name, begin, (own) => {
    own.host = parentElement;
    own.send = setStateValue;
    own.take(data);
    const seen = (parentElement.host ?? parentElement).dataset; // browser tests wait for it
    seen.listening = "true";
    seen.about = data.about;
  });
}

const MOVES = ["j", "k", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];

// Whether what has the focus would do something with this key itself. A checkbox takes no text. Arrows mean nothing to
// links and buttons that are no more than that, nor to a table without a cell of its own to move.
function isTaken(target, key) {
  if (!target || target === document.body) return false;
  if (/^(input|textarea|select|video)$/i.test(target.tagName) && target.type !== "checkbox" || target.isContentEditable) return true;
  if (!key.startsWith("Arrow")) return false;
  if (target.getRootNode() !== document) return true; // the trajectory stage has buttons too
  const table = target.closest("[data-testid=data-grid-canvas]");
  if (table) return Boolean(table.querySelector("[role=gridcell][aria-selected=true]"));
  return !target.matches("a, button:not([role], [aria-haspopup]), [type=checkbox]");
}

function begin() {
  // Python applies what is newer than its `ack`, and the queue forgets the rest.
  const own = { host: null, send: null, take, end }, born = Date.now() * 1000;
  let queue = [], count = 0, keys = [], boxes = {}, about = null;

  function take(data) {
    ({ keys, boxes, about } = data);
    count = Math.max(count, data.ack - born); // a clock may have been set back
    queue = queue.filter((event) => event.number > data.ack);
  }

  function listen(event) {
    if (!own.host.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (Object.values(boxes).some((box) => target.matches?.(box)) && leave(target, event.key)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (isTaken(target, event.key)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const box = boxes[key] && document.querySelector(boxes[key]);
    if (!box && !keys.includes(key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (box) return box.focus();
    if (event.repeat && !MOVES.includes(key)) return; // a key that is held judges once
    queue.push({ number: born + ++count, key, about });
    queue = queue.slice(-500);
    report();
  }

  function leave(box, key) { // the next key is no text any more: Streamlit takes what stands in a box that is left as said
    if (key === "Enter") box.blur();
    if (key !== "Escape") return key === "Enter";
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(box, "");
    box.dispatchEvent(new Event("input", { bubbles: true }));
    queueMicrotask(() => box.blur()); // Streamlit hears of the empty box first
    return true;
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
