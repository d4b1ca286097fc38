// One trajectory on a stage, driven by keys. What it shows comes ahead of time and waits in a cache; which of it is
// shown is Python's word alone, and that comes after the label of the one before is on disk.

export default function ({ data, parentElement, setStateValue }) {
  // Called again on every rerun with fresh data: one instance lives on the element.
  const own = (parentElement.__review ??= begin(parentElement));
  own.send = (report) => setStateValue("report", report);
  clearTimeout(own.leaving);
  own.take(data);
  // A busy page may end and begin the same element anew: keys, cache, brush and film stay. Another one is ended.
  return () => { own.leaving = setTimeout(() => { own.end(); parentElement.__review = null; }, 3000); };
}

const TO_PYTHON = ["n", "p", "u", "s", "r", "z", "j", "k"];
const USES_KEYS = "button, a, summary, canvas, [role=tab], [role=option], [role=slider], [role=radio], [role=dialog]";
const STEPS_PER_SECOND = 60; // of a trajectory without a video

function begin(host) {
  const find = (selector) => host.querySelector(selector);
  const root = find(".review"), video = find("video"), timeline = find(".timeline"), path = find(".path");
  const cache = new Map(); // what came ahead, by the names in data.keep
  const own = { send: null, leaving: 0, take, end };
  // Keys belong to the browser's page: whoever mounts this element anew must not lose those on their way.
  const kept = (window.__safemilReview ??= { queue: [], count: 0, born: Date.now() * 1000 });
  const mount = `${Date.now()}-${Math.random()}`;
  let data = null, item = null, film = null;
  let pressedAt = null;
  let step = 0, frame = 0, playing = null, url = null;
  let draft = null, reason = null, isBrushing = false, drag = null;

  // ---- Keys: a queue that Python acknowledges; what it has not applied after a while is sent again.

  function report() {
    const missing = data ? data.keep.filter((name) => !cache.has(name)) : [];
    own.send({ mount, missing, events: kept.queue.slice() });
  }

  function tell(key, segment = null) {
    if (!item) return;
    const number = kept.born + ++kept.count;
    kept.queue.push({ number, key, dataset: data.dataset, trajectory: item.trajectory, reason, segment });
    kept.queue = kept.queue.slice(-500);
    pressedAt ??= performance.now();
    if ("npu".includes(key) || key === "Enter") reason = null;
    report();
    write();
  }

  function listen(event) {
    if (!root.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (target && (/^(input|textarea|select)$/i.test(target.tagName) || target.isContentEditable)) return;
    const isElsewhere = !event.composedPath().includes(root) && target.closest?.(USES_KEYS);
    if (isElsewhere && (event.key.length > 1 || event.key === " ")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (target === timeline && key.startsWith("Arrow")) seek(step + (key === "ArrowRight" ? 1 : -1));
    else if (!press(key, event.repeat)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  function press(key, isHeld = false) {
    key = { ArrowRight: "j", ArrowLeft: "k" }[key] ?? key;
    const ours = draft && item && draft.trajectory === item.trajectory ? [draft.first, draft.last] : null;
    if (TO_PYTHON.includes(key)) {
      if (isHeld && !"jk".includes(key)) return true; // a key held down must not judge what nobody has looked at
      tell(key, key === "n" ? ours : null);
      if (key === "n") draft = null;
      flash(key);
    } else if (key === "Enter" && ours) {
      tell("Enter", ours);
      draft = null;
    } else if (key === "Backspace") {
      if (draft) draft = null;
      else if (segmentHere()) tell("Backspace", segmentHere());
    } else if (key === "w") setBrushing(!isBrushing);
    else if (key === "?") find(".help").hidden = !find(".help").hidden;
    else if (key === "Escape") { find(".help").hidden = true; draft = null; setBrushing(false); }
    else if (key === " ") toggle();
    else if (key === "," || key === ".") { pause(); seek(step + (key === "." ? 1 : -1)); }
    else if (/^[1-9]$/.test(key) && data?.reasons[key - 1]) {
      reason = reason === data.reasons[key - 1] ? null : data.reasons[key - 1];
    } else return false;
    write();
    draw();
    return true;
  }

  function flash(key) {
    const button = find(`[data-key="${key}"]`);
    button.classList.add("flash");
    setTimeout(() => button.classList.remove("flash"), 120);
  }

  const setBrushing = (on) => { isBrushing = on; root.classList.toggle("brushing", on); };
  const segmentHere = () => {
    const all = data?.status.segments ?? [];
    return all.find(([first, last]) => first <= step && step <= last) ?? all[all.length - 1] ?? null;
  };

  // ---- Data from Python.

  function take(fresh) {
    const before = data;
    data = fresh;
    kept.count = Math.max(kept.count, data.ack - kept.born); // a clock may have been set back
    if (before && before.queue !== data.queue) document.activeElement?.blur?.(); // keys go to the stage again
    for (const [name, value] of Object.entries(data.items)) cache.set(name, unpacked(value));
    for (const name of cache.keys()) if (!data.keep.includes(name)) cache.delete(name);
    kept.queue = kept.queue.filter((event) => event.number > data.ack);
    const next = data.shown ? cache.get(data.shown) : null;
    const isOther = (next?.trajectory ?? null) !== (item?.trajectory ?? null);
    const newFilm = data.film ? cache.get(data.film) : null;
    item = next ?? (data.shown ? item : null);
    if (isOther) { draft = drag = null; reason = null; step = 0; }
    if (isOther || newFilm !== film) load(newFilm ?? null, isOther);
    if (!before || data.keep.some((name) => !cache.has(name))) setTimeout(report, 0); // says who it is and what it lacks
    write();
    draw();
    if (pressedAt !== null && !kept.queue.length) { // from the key to what it led to, as the user sees it
      const start = pressedAt;
      pressedAt = null;
      requestAnimationFrame(() => setTimeout(() => performance.measure("review", { start, end: performance.now() })));
    }
  }

  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const counts = (text) => new Uint32Array(bytes(text).buffer);

  function unpacked(value) {
    if (value.kind === "film") return { ...value, blob: new Blob([bytes(value.video)], { type: "video/mp4" }) };
    if (value.kind === "scene") return { ...value, x: floats(value.x), y: floats(value.y) };
    const line = (one) => ({ ...one, steps: counts(one.steps), values: floats(one.values) });
    const way = { steps: counts(value.path.steps), x: floats(value.path.x), y: floats(value.path.y) };
    return { ...value, path: way, lanes: value.lanes.map((lane) => ({ ...lane, lines: lane.lines.map(line) })) };
  }

  // ---- One cursor: the film moves it, or a clock where there is none.

  const clamp = (value) => Math.max(0, Math.min((item?.steps ?? 1) - 1, value));
  const rate = () => Number(find(".rate").value);

  function load(next, fromStart) {
    pause();
    film = next;
    if (url) URL.revokeObjectURL(url);
    url = film ? URL.createObjectURL(film.blob) : null;
    if (url) video.src = url;
    else if (video.hasAttribute("src")) { video.removeAttribute("src"); video.load(); }
    if (film) video.playbackRate = rate();
    seek(fromStart ? 0 : step, true);
  }

  function seek(wanted, isQuiet = false) {
    step = clamp(wanted);
    if (film) {
      const last = Math.ceil(item.steps / film.stride) - 1;
      // The middle of a frame: at its edge, rounding would show the one before.
      video.currentTime = (Math.min(last, Math.round(step / film.stride)) + 0.5) / film.fps;
    }
    if (!isQuiet) { write(); draw(); }
  }

  function toggle() {
    if (playing) return pause();
    if (!item) return;
    if (step >= item.steps - 1) seek(0);
    playing = { since: performance.now(), from: step };
    if (film) video.play().catch(() => pause());
    sign();
    frame = requestAnimationFrame(move);
  }

  function pause() {
    playing = null;
    cancelAnimationFrame(frame);
    video.pause();
    sign();
  }

  function move() {
    if (!playing) return;
    if (film) step = clamp(Math.round((video.currentTime * film.fps - 0.5) * film.stride));
    else step = clamp(playing.from + Math.round(((performance.now() - playing.since) / 1000) * STEPS_PER_SECOND * rate()));
    if (film ? video.ended : step >= item.steps - 1) pause();
    writeStep();
    draw();
    if (playing) frame = requestAnimationFrame(move);
  }

  const sign = () => { find(".play").textContent = playing ? "❚❚" : "▶"; };

  // ---- Words.

  function write() {
    if (!data) return;
    const { status, progress } = data, share = progress.n ? progress.judged / progress.n : 0;
    find(".name").textContent = item ? `Trajectory ${item.trajectory}` : "Nothing left to review";
    const badge = find(".badge");
    badge.textContent = status.words;
    badge.hidden = !item;
    badge.style.setProperty("--label", status.colour);
    find(".details").textContent = status.details;
    find(".why").textContent = status.why;
    find(".progress").textContent = progress.words;
    find(".meter i").style.width = `${100 * share}%`;
    find(".panels").classList.toggle("two", data.hasScreen);
    find(".waiting").textContent = film ? "" : data.message;
    find(".waiting").classList.toggle("still", !data.busy);
    find(".about").textContent = film && !film.exact ? "approximate" : "";
    find(".about").title = film?.note ?? "";
    const said = find(".said"), isLate = kept.queue.length && performance.now() - pressedAt > 400;
    said.textContent = isLate ? "Saving…" : draft ? "It went wrong here: Enter keeps it · N keeps it and goes on · ⌫ drops it"
      : isBrushing ? "Drag on the timeline where it went wrong" : data.said.text;
    said.classList.toggle("bad", !isLate && !draft && !isBrushing && data.said.bad);
    find(".last").textContent = data.last ? `(${data.last})` : "";
    find('[data-key="r"]').disabled = !data.last;
    find('[data-key="w"]').classList.toggle("on", isBrushing);
    for (const button of host.querySelectorAll(".judge")) {
      button.style.setProperty("--label", data.colours[button.dataset.key]);
    }
    writeReasons();
    writeStep();
    Object.assign(root.dataset, { trajectory: item?.trajectory ?? "", label: status.label, pending: kept.queue.length,
      judged: progress.judged, segments: JSON.stringify(status.segments), draft: draft ? `${draft.first}-${draft.last}` : "",
      lanes: (item?.lanes ?? []).flatMap((lane) => lane.lines.map((one) => one.name)).join(), reason: reason ?? "" });
  }

  function writeReasons() {
    find(".reasons").replaceChildren(...data.reasons.slice(0, 9).map((words, i) => {
      const button = document.createElement("button"), key = document.createElement("kbd");
      key.textContent = i + 1;
      button.type = "button";
      button.append(key, words);
      button.dataset.key = i + 1;
      button.classList.toggle("on", words === reason);
      return button;
    }));
  }

  function writeStep() {
    find(".step").textContent = item ? `step ${step} of ${item.steps - 1}` : "";
    timeline.setAttribute("aria-valuemin", 0);
    timeline.setAttribute("aria-valuemax", item ? item.steps - 1 : 0);
    timeline.setAttribute("aria-valuenow", step);
  }

  // ---- Pictures.

  const GUTTER = 168, LANE = 46;

  function pen(canvas, height) {
    if (height) canvas.style.height = `${height}px`;
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, tall = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(tall * ratio);
    const to = canvas.getContext("2d"), style = getComputedStyle(canvas);
    to.setTransform(ratio, 0, 0, ratio, 0, 0);
    to.font = `12px ${style.fontFamily}`;
    const ink = style.color, accent = style.getPropertyValue("--st-primary-color").trim() || ink;
    return { to, width, height: tall, ink, accent };
  }

  function draw() {
    if (!data || !root.clientWidth) return;
    drawTimeline();
    drawPath();
  }

  const segments = () => {
    const kept = data.status.segments.map(([first, last]) => ({ first, last, isKept: true }));
    return draft ? [...kept, { ...draft, isKept: false }] : kept;
  };

  function drawTimeline() {
    const lanes = item?.lanes ?? [], { to, width, height, ink, accent } = pen(timeline, Math.max(1, lanes.length) * LANE + 8);
    if (!item) return;
    const x = (at) => GUTTER + (at / item.steps) * (width - GUTTER - 6);
    for (const { first, last, isKept } of segments()) {
      to.fillStyle = isKept ? data.colours.n : accent;
      to.globalAlpha = 0.2;
      to.fillRect(x(first), 0, Math.max(2, x(last + 1) - x(first)), height);
      to.globalAlpha = 0.9;
      to.fillRect(x(first), 0, Math.max(2, x(last + 1) - x(first)), 3);
      to.globalAlpha = 1;
    }
    lanes.forEach((lane, row) => {
      const top = 4 + row * LANE, span = lane.high - lane.low || 1;
      const y = (value) => top + LANE - 5 - ((value - lane.low) / span) * (LANE - 12);
      to.globalAlpha = 0.13;
      to.fillStyle = ink;
      if (row) to.fillRect(0, top - 0.5, width, 1);
      to.globalAlpha = 1;
      let words = top + 17;
      for (const line of lane.lines) {
        trace(to, line, x, y, item.steps, y(Math.max(lane.low, 0)));
        to.fillStyle = line.colour ?? ink;
        to.fillRect(10, words - 8, 7, 7);
        to.fillStyle = ink;
        to.globalAlpha = 0.75;
        to.fillText(shortened(to, line.name, GUTTER - 90), 23, words);
        to.globalAlpha = 1;
        to.textAlign = "right";
        to.fillText(figure(valueAt(line, step)), GUTTER - 12, words);
        to.textAlign = "left";
        words += 17;
      }
    });
    to.fillStyle = ink;
    to.fillRect(x(step + 0.5) - 0.75, 0, 1.5, height);
    root.dataset.step = step;
  }

  function trace(to, line, x, y, steps, base) {
    to.beginPath();
    const { values, steps: at } = line;
    for (let i = 0; i < at.length; i++) {
      to.lineTo(x(at[i]), y(values[i]));
      to.lineTo(x(i + 1 < at.length ? at[i + 1] : steps), y(values[i]));
    }
    to.strokeStyle = to.fillStyle = line.colour ?? getComputedStyle(timeline).color;
    if (line.filled) {
      to.lineTo(x(steps), base);
      to.lineTo(x(at[0]), base);
      to.globalAlpha = 0.4;
      to.fill();
    } else {
      to.lineWidth = 1.5;
      to.globalAlpha = line.colour ? 1 : 0.75;
      to.stroke();
    }
    to.globalAlpha = 1;
  }

  function placeOf(steps, wanted) { // the last of the sorted `steps` that is not after `wanted`
    let low = 0, high = steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (steps[middle] <= wanted) low = middle; else high = middle - 1;
    }
    return low;
  }
  const valueAt = (line, wanted) => line.values[placeOf(line.steps, wanted)];
  function figure(value) {
    if (Math.abs(value) >= 1000) return value.toFixed(0);
    return (Math.abs(value) < 0.0005 ? 0 : Number(value.toPrecision(3))).toString();
  }
  function shortened(to, words, room) {
    while (to.measureText(words).width > room && words.length > 2) words = `${words.slice(0, -2)}…`;
    return words;
  }

  function drawPath() {
    const { to, width, height, ink } = pen(path), scene = cache.get(data.scene);
    if (!item || !scene || !width) return;
    const [low, high, bottom, top] = bounds(scene), edge = { left: 46, right: 14, top: 12, bottom: 32 };
    const x = (value) => edge.left + ((value - low) / (high - low)) * (width - edge.left - edge.right);
    const y = (value) => height - edge.bottom - ((value - bottom) / (top - bottom)) * (height - edge.top - edge.bottom);
    axes(to, scene, [low, high, bottom, top], x, y, width, height, ink);
    line(to, scene.x, scene.y, x, y, ink, 1, 0.16);
    const way = item.path, colour = data.status.pathColour;
    line(to, way.x, way.y, x, y, colour, 2.2, 1);
    for (const { first, last, isKept } of segments()) {
      const from = placeOf(way.steps, first), until = placeOf(way.steps, last) + 1;
      line(to, way.x.subarray(from, until), way.y.subarray(from, until), x, y, isKept ? data.colours.n : ink, 5, 0.75);
    }
    const n = way.x.length - 1, at = placeOf(way.steps, step);
    to.fillStyle = to.strokeStyle = colour;
    to.lineWidth = 2;
    to.beginPath(); to.arc(x(way.x[0]), y(way.y[0]), 6, 0, 7); to.stroke();
    to.fillRect(x(way.x[n]) - 5, y(way.y[n]) - 5, 10, 10);
    to.fillStyle = ink;
    to.beginPath(); to.arc(x(way.x[at]), y(way.y[at]), 5, 0, 7); to.fill();
    path.setAttribute("aria-label", `The path of trajectory ${item.trajectory}`);
  }

  function bounds(scene) {
    const span = (theirs, ours) => {
      let low = theirs[0], high = theirs[1];
      for (const value of ours) { if (value < low) low = value; if (value > high) high = value; }
      const room = (high - low || 1) * 0.04;
      return [low - room, high + room];
    };
    return [...span(scene.xRange, item.path.x), ...span(scene.yRange, item.path.y)];
  }

  function line(to, xs, ys, x, y, colour, thick, alpha) {
    to.beginPath();
    let isDown = false; // NaN parts one line from the next
    for (let i = 0; i < xs.length; i++) {
      if (Number.isNaN(xs[i])) isDown = false;
      else if (isDown) to.lineTo(x(xs[i]), y(ys[i]));
      else { to.moveTo(x(xs[i]), y(ys[i])); isDown = true; }
    }
    to.strokeStyle = colour; to.lineWidth = thick; to.globalAlpha = alpha; to.lineJoin = "round";
    to.stroke();
    to.globalAlpha = 1;
  }

  function axes(to, scene, [low, high, bottom, top], x, y, width, height, ink) {
    to.fillStyle = ink;
    const marks = (from, until) => {
      const raw = (until - from) / 4, power = 10 ** Math.floor(Math.log10(raw));
      const pace = power * ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10), all = [];
      for (let at = Math.ceil(from / pace) * pace; at <= until; at += pace) all.push(Math.abs(at) < pace / 1e6 ? 0 : at);
      return all;
    };
    for (const at of marks(low, high)) {
      to.globalAlpha = 0.1; to.fillRect(x(at), 12, 1, height - 44);
      to.globalAlpha = 0.6; to.textAlign = "center"; to.fillText(figure(at), x(at), height - 18);
    }
    for (const at of marks(bottom, top)) {
      to.globalAlpha = 0.1; to.fillRect(46, y(at), width - 60, 1);
      to.globalAlpha = 0.6; to.textAlign = "right"; to.fillText(figure(at), 41, y(at) + 4);
    }
    to.globalAlpha = 0.75; to.textAlign = "center"; to.fillText(scene.xName, width / 2, height - 4);
    to.textAlign = "left"; to.fillText(scene.yName, 50, 14);
    to.globalAlpha = 1;
  }

  // ---- Pointer.

  const toStep = (event) => {
    const box = timeline.getBoundingClientRect();
    return clamp(Math.floor(((event.clientX - box.left - GUTTER) / (box.width - GUTTER - 6)) * item.steps));
  };
  timeline.addEventListener("pointerdown", (event) => {
    if (!item || event.button) return;
    event.preventDefault(); // no focus: arrows go on to mean next and previous
    timeline.setPointerCapture(event.pointerId);
    pause();
    drag = { from: toStep(event), isBrush: isBrushing || event.shiftKey };
    if (drag.isBrush) brush(event);
    else seek(drag.from);
  });
  timeline.addEventListener("pointermove", (event) => {
    if (drag && item) drag.isBrush ? brush(event) : seek(toStep(event));
  });
  timeline.addEventListener("pointerup", () => { drag = null; });
  function brush(event) {
    const to = toStep(event);
    draft = { trajectory: item.trajectory, first: Math.min(drag.from, to), last: Math.max(drag.from, to) };
    seek(to);
  }
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.key) { press(button.dataset.key); button.blur(); } // else Enter would press it again
    if (event.target.closest(".help")) find(".help").hidden = true;
  });
  find(".play").addEventListener("click", () => { toggle(); find(".play").blur(); });
  find(".rate").addEventListener("change", () => {
    video.playbackRate = rate();
    if (playing) playing = { since: performance.now(), from: step };
    find(".rate").blur();
  });
  video.addEventListener("click", toggle);

  document.addEventListener("keydown", listen, true);
  const resize = new ResizeObserver(draw);
  resize.observe(root);
  const scheme = new MutationObserver(() => requestAnimationFrame(draw)); // another theme: other inks
  scheme.observe(document.documentElement, { attributes: true });
  const timer = setInterval(() => { if (root.isConnected && kept.queue.length) { report(); write(); } }, 700);
  sign();
  (host.host ?? host).dataset.listening = "true"; // browser tests wait for it

  function end() {
    document.removeEventListener("keydown", listen, true);
    clearInterval(timer);
    resize.disconnect();
    scheme.disconnect();
    pause();
    if (url) URL.revokeObjectURL(url);
  }
  return own;
}
