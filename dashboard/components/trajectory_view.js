// The plain view: the stage on any page. Its keys work while the focus is in it, so that they do not take those of the page.

export default function ({ data, parentElement, setStateValue }) {
  return lifetime(parentElement, "__view", () => begin(parentElement, data.name), (own) => {
    own.send(setStateValue);
    own.take(data);
  });
}

function begin(host, name) {
  const find = (selector) => host.querySelector(selector);
  const root = find(".view"), messages = messagesOf(name);
  const stage = stageOf(host, root, {
    onPress: (key, more) => { messages.press(key, stage.item.trajectory, more); write(); },
    onWindow: (window) => { messages.window = window; messages.report(); },
    onWrite: write,
  });
  const own = { take, end, send: (set) => { messages.send = (report) => set("report", report); } };
  let data = null;

  function take(fresh) {
    const isFirst = data === null;
    data = fresh;
    const missing = messages.take(data);
    // Most have all they need at once; then Python need not hear, and the page need not run again.
    if (missing.length || (isFirst && messages.pending)) setTimeout(messages.report, 0);
    stage.take(data, messages.cache);
  }

  function write() {
    if (!data) return;
    legend(".first", data.legend[0], data.status.pathColour);
    legend(".second", data.legend[1] ?? "", data.besideColour);
    const { draft, isBrushing } = stage;
    find(".said").textContent = messages.pending ? "Saving…" : draft ? `It went wrong from step ${draft.first} to ${draft.last}`
      : isBrushing ? "Drag on the timeline where it went wrong" : data.said.text;
    find(".said").classList.toggle("bad", !draft && !isBrushing && data.said.bad);
    for (const tool of host.querySelectorAll(".labelling")) tool.hidden = !data.canLabel;
    find('[data-key="z"]').hidden = !data.canLabel || !data.said.canUndo;
    Object.assign(root.dataset, { pending: messages.pending, screens: find(".panels").dataset.screens });
  }

  function legend(place, words, colour) {
    find(place).textContent = words;
    find(place).style.setProperty("--label", colour);
    find(place).hidden = !words;
  }

  function undo() { messages.press("z", stage.item.trajectory); write(); }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0], key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^(select|button)$/i.test(target.tagName) && (key === " " || key === "Enter")) return; // they use them
    if (key === "z" && data.canLabel && data.said.canUndo) undo();
    else if (!stage.press(key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  find('[data-key="z"]').addEventListener("click", undo);
  const timer = setInterval(() => { if (root.isConnected && messages.pending) messages.report(); }, 700);
  (host.host ?? host).dataset.view = "ready"; // browser tests wait for it

  function end() {
    clearInterval(timer);
    stage.end();
  }
  return own;
}
