// The Review page: the stage, driven by keys from anywhere on the page. Which trajectory is shown is Python's word alone,
// and that comes after the label of the one before is on disk.

export default function ({ data, parentElement, setStateValue }) {
  return lifetime(parentElement, "__review", () => begin(parentElement), (own) => {
    own.send(setStateValue);
    own.take(data);
  });
}

const TO_PYTHON = ["n", "p", "u", "s", "r", "z", "j", "k"];
const USES_KEYS = "button, a, summary, canvas, [role=tab], [role=option], [role=slider], [role=radio], [role=dialog]";

function begin(host) {
  const find = (selector) => host.querySelector(selector);
  const root = find(".review"), messages = messagesOf("review");
  const stage = stageOf(host, root, { onPress: (key, more) => tell(key, more.segment), onWindow: ask, onWrite: write });
  const own = { take, end, send: (set) => { messages.send = (report) => set("report", report); } };
  let data = null, pressedAt = null, reason = null, trajectory = null;

  // ---- Keys.

  function tell(key, segment = null) {
    if (!stage.item) return;
    pressedAt ??= performance.now();
    messages.press(key, stage.item.trajectory, { reason, segment });
    if ("npu".includes(key) || key === "Enter") reason = null;
    write();
  }

  function ask(window) { messages.window = window; messages.report(); }

  function listen(event) {
    if (!root.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (target && (/^(input|textarea|select)$/i.test(target.tagName) || target.isContentEditable)) return;
    const isOurs = event.composedPath().includes(root);
    if (!isOurs && target.closest?.(USES_KEYS) && (event.key.length > 1 || event.key === " ")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (isOurs && target.tagName === "CANVAS" && key.startsWith("Arrow")) return; // along the timeline, around the path
    if (!press(key, event.repeat)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  function press(key, isHeld = false) {
    key = { ArrowRight: "j", ArrowLeft: "k" }[key] ?? key;
    if (TO_PYTHON.includes(key)) {
      if (isHeld && !"jk".includes(key)) return true; // a key held down must not judge what nobody has looked at
      const draft = key === "n" ? stage.draft : null;
      tell(key, draft && [draft.first, draft.last]);
      if (draft) stage.dropDraft();
      flash(key);
    } else if (key === "?") find(".help").hidden = !find(".help").hidden;
    else if (/^[1-9]$/.test(key) && data?.reasons[key - 1]) {
      reason = reason === data.reasons[key - 1] ? null : data.reasons[key - 1];
    } else {
      if (key === "Escape") find(".help").hidden = true;
      return stage.press(key);
    }
    stage.write();
    stage.draw();
    return true;
  }

  function flash(key) {
    const button = find(`[data-key="${key}"]`);
    button.classList.add("flash");
    setTimeout(() => button.classList.remove("flash"), 120);
  }

  // ---- Data from Python.

  function take(fresh) {
    const before = data;
    data = { ...fresh, keysAreEverywhere: true, canLabel: true };
    if (before && before.queue !== data.queue) document.activeElement?.blur?.(); // keys go to the stage again
    const missing = messages.take(data);
    if (!before || missing.length) setTimeout(messages.report, 0); // says who it is and what it lacks
    stage.take(data, messages.cache);
    if (trajectory !== stage.item?.trajectory) { reason = null; trajectory = stage.item?.trajectory; write(); }
    if (pressedAt !== null && !messages.pending) { // from the key to what it led to, as the user sees it
      const start = pressedAt;
      pressedAt = null;
      requestAnimationFrame(() => setTimeout(() => performance.measure("review", { start, end: performance.now() })));
    }
  }

  // ---- Words.

  function write() {
    if (!data) return;
    const { status, progress } = data, { item, draft, isBrushing } = stage, share = progress.n ? progress.judged / progress.n : 0;
    find(".name").textContent = item ? `Trajectory ${item.trajectory}` : "Nothing left to review";
    const badge = find(".badge");
    badge.textContent = status.words;
    badge.hidden = !item;
    badge.style.setProperty("--label", status.colour);
    find(".details").textContent = status.details;
    find(".why").textContent = status.why;
    find(".progress").textContent = progress.words;
    find(".meter i").style.width = `${100 * share}%`;
    const said = find(".said"), isLate = messages.pending && performance.now() - pressedAt > 400;
    said.textContent = isLate ? "Saving…" : draft ? "It went wrong here: Enter keeps it · N keeps it and goes on · ⌫ drops it"
      : isBrushing ? "Drag on the timeline where it went wrong" : data.said.text;
    said.classList.toggle("bad", !isLate && !draft && !isBrushing && data.said.bad);
    find(".last").textContent = data.last ? `(${data.last})` : "";
    find('[data-key="r"]').disabled = !data.last;
    for (const button of host.querySelectorAll(".judge")) {
      button.style.setProperty("--label", data.colours[button.dataset.key]);
    }
    writeReasons();
    Object.assign(root.dataset, { label: status.label, pending: messages.pending, judged: progress.judged, reason: reason ?? "" });
  }

  function writeReasons() {
    find(".reasons").replaceChildren(...data.reasons.slice(0, 9).map((words, i) => {
      const button = element("button"), key = element("kbd", "", i + 1);
      button.type = "button";
      button.append(key, words);
      button.dataset.key = i + 1;
      button.classList.toggle("on", words === reason);
      return button;
    }));
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.key) { press(button.dataset.key); button.blur(); } // else Enter would press it again
    if (event.target.closest(".help")) find(".help").hidden = true;
  });
  document.addEventListener("keydown", listen, true);
  const timer = setInterval(() => { if (root.isConnected && messages.pending) { messages.report(); write(); } }, 700);
  (host.host ?? host).dataset.listening = "true"; // browser tests wait for it

  function end() {
    document.removeEventListener("keydown", listen, true);
    clearInterval(timer);
    stage.end();
  }
  return own;
}
