// One trajectory, or two in lock-step: films, path and timeline under one cursor, zoom, spikes and brush. Everything that
// plays, seeks and zooms happens here; Python hears of what should be kept, by `onPress(key, more)`.

const USES = { "]": "e", "[": "q", "=": "+", _: "-" };

function stageOf(host, root, { onPress, onWindow, onWrite }) {
  const find = (selector) => host.querySelector(selector);
  const timeline = find(".timeline"), path = find(".path"), screens = [...host.querySelectorAll(".screen")];
  const lanes = timelineOf(timeline), way = pathOf(path);
  const films = filmsOf(screens, (at) => { step = at; follow(); writeStep(); draw(); });
  let data = null, item = null, beside = null, detail = null, scene = null, others = null, cursor = "", who = "";
  let step = 0, view = { from: 0, until: 1 }, rank = null;
  let draft = null, isBrushing = false, drag = null, asking = 0, seekAt = null;
  const own = { take, press, end, draw, write, segmentHere, dropDraft, get item() { return item; }, get draft() { return draft; },
    get isBrushing() { return isBrushing; } };

  const menus = [["path", path, way, path.parentElement], ["timeline", timeline, lanes, find(".zoom")]].map(([what, canvas, drawn, place]) => {
    const size = () => [canvas.clientWidth, canvas.clientHeight];
    const files = downloads.ofDrawing({ element: canvas, size, draw: drawn.picture, rows: drawn.rows });
    const menu = downloads.menu(what, () => `${data.file}-${item.trajectory}-${what}`, files);
    place.append(menu);
    return (trajectory) => menu.name(`The ${what} of trajectory ${trajectory}`);
  });

  // ---- Data from Python.

  function take(fresh, cache) {
    const wasWhole = view.until - view.from === steps();
    data = fresh;
    item = data.shown ? cache.get(data.shown) ?? item : null; // what is on its way may take another moment
    [beside, detail, scene, others] = ["beside", "detail", "scene", "others"].map((name) => cache.get(data[name]) ?? null);
    const now = `${data.dataset}/${item?.trajectory}`, isOther = now !== who;
    who = now;
    if (isOther) { draft = drag = null; rank = null; step = 0; menus.forEach((menu) => menu(item?.trajectory)); }
    if (isOther || wasWhole || view.until > steps()) view = whole();
    const isOtherFilm = [data.film, data.besideFilm].map((film, i) => (
      films.show(i, cache.get(film) ?? null, (i ? beside : item)?.steps ?? 1))).some(Boolean);
    if (isOther || isOtherFilm) { films.pause(); seek(step, true); }
    if (JSON.stringify(data.cursor) !== cursor) {
      cursor = JSON.stringify(data.cursor);
      if (data.cursor && item && data.cursor[0] === item.trajectory) seek(data.cursor[1], true);
    }
    find(".panels").dataset.screens = !data.hasScreen ? 0 : beside && data.hasBesideScreen ? 2 : 1;
    spoil();
    write();
    draw();
  }

  const steps = () => Math.max(item?.steps ?? 1, beside?.steps ?? 1);
  const whole = () => ({ from: 0, until: steps() });
  const spoil = () => { lanes.spoil(); way.spoil(); };
  const spikes = () => item?.evidence?.spikes ?? [];

  // ---- The cursor.

  function seek(wanted, isQuiet = false) {
    step = Math.max(0, Math.min(steps() - 1, wanted));
    films.seek(step, steps());
    follow();
    if (isQuiet) return;
    writeStep();
    draw();
  }

  function follow() { // where it has left what is shown, this goes along
    if (view.from <= step && step < view.until) return;
    const span = view.until - view.from, from = Math.max(0, Math.min(steps() - span, step));
    look({ from, until: from + span });
  }

  function look(next) {
    if (next.from === view.from && next.until === view.until) return;
    view = next;
    lanes.spoil();
    if (!item || item.exact) return;
    clearTimeout(asking); // only Python has all of a long one; it is asked once the zooming rests
    asking = setTimeout(() => onWindow(view.until - view.from < steps() ? [data.shown, view.from, view.until - 1] : null), 200);
  }

  const zoom = (span, around = step + 0.5) => { look(span === null ? whole() : zoomed(view, span, around, steps())); draw(); };

  function spike(on) {
    const n = spikes().length;
    if (!n) return;
    rank = rank === null ? (on > 0 ? 0 : n - 1) : (rank + on + n) % n;
    lanes.spoil();
    films.pause();
    seek(spikes()[rank][0]);
  }

  // ---- Keys. True where a key is one of the stage's own.

  function press(key) {
    key = USES[key] ?? key;
    const ours = draft && item ? [draft.first, draft.last] : null;
    if (key === " ") films.toggle();
    else if (key === "," || key === ".") { films.pause(); seek(step + (key === "." ? 1 : -1)); }
    else if (key === "Home" || key === "End") { films.pause(); seek(key === "End" ? steps() - 1 : 0); }
    else if (key === "e" || key === "q") spike(key === "e" ? 1 : -1);
    else if (key === "+" || key === "-") zoom(key === "+" ? 0.5 : 2);
    else if (key === "0") zoom(null);
    else if (!data?.canLabel) return false;
    else if (key === "w") setBrushing(!isBrushing);
    else if (key === "Escape") { dropDraft(); setBrushing(false); }
    else if (key === "Enter" && ours) { onPress("Enter", { segment: ours }); dropDraft(); }
    else if (key === "Backspace" && draft) dropDraft();
    else if (key === "Backspace" && segmentHere()) onPress("Backspace", { segment: segmentHere() });
    else return false;
    write();
    draw();
    return true;
  }

  const setBrushing = (on) => { isBrushing = on; root.classList.toggle("brushing", on); };
  function dropDraft() { draft = null; spoil(); }
  function segmentHere() {
    const all = data?.status.segments ?? [];
    return all.find(([first, last]) => first <= step && step <= last) ?? all[all.length - 1] ?? null;
  }

  // ---- Words.

  function write() {
    if (!data) return;
    const evidence = item?.evidence;
    find(".evidence").hidden = !evidence;
    find(".evidence .words").textContent = evidence?.words ?? "";
    for (const button of host.querySelectorAll(".evidence button")) button.disabled = !spikes().length;
    for (const button of host.querySelectorAll(".drafted")) button.hidden = !draft;
    for (const button of host.querySelectorAll('[data-stage="w"]')) button.classList.toggle("on", isBrushing);
    writeStep();
    onWrite();
  }

  function writeStep() {
    const n = steps(), here = rank !== null ? spikes()[rank] : null;
    find(".step").textContent = item ? `step ${step} of ${n - 1}` : "";
    find(".spike").textContent = here ? `${rank + 1}. of ${spikes().length}: ${(100 * here[2]).toPrecision(2)} %` : "";
    films.badge(0, step, data?.message ?? "", data?.busy);
    films.badge(1, step, data?.besideMessage ?? "", data?.busy);
    find(".unseen").textContent = data?.hasScreen ? "" : "frames not available";
    find(".unseen").title = data?.message ?? "";
    timeline.setAttribute("aria-valuemin", 0);
    timeline.setAttribute("aria-valuemax", n - 1);
    timeline.setAttribute("aria-valuenow", step);
    timeline.setAttribute("aria-valuetext", `step ${step} of ${n - 1}`);
    path.setAttribute("aria-label", item ? `The path of trajectory ${item.trajectory}` : "No path");
  }

  // ---- Pictures.

  function draw() {
    if (!data || !root.clientWidth) return;
    const segments = data.status.segments.map(([first, last]) => ({ first, last, isKept: true }));
    if (draft) segments.push({ ...draft, isKept: false });
    const shows = detail && detail.first <= view.from && view.until <= detail.last + 1 ? detail : null;
    const state = { item, beside, detail: shows, view, step, steps: steps(), segments, spikes: spikes(), rank,
      scene, others, pathColour: data.status.pathColour, besideColour: data.besideColour, colours: data.colours };
    lanes.draw(state);
    way.draw(state);
    Object.assign(root.dataset, { step, trajectory: item?.trajectory ?? "", beside: beside?.trajectory ?? "", others: Boolean(others),
      view: `${view.from}-${view.until - 1}`, exact: lanes.isExact, draft: draft ? `${draft.first}-${draft.last}` : "",
      segments: JSON.stringify(data.status.segments), spike: rank === null ? "" : spikes()[rank].slice(0, 2).join("-"),
      values: JSON.stringify(lanes.readings()), badge: data.hasScreen ? find(".about").dataset.is : "not",
      lanes: (item?.lanes ?? []).flatMap((lane) => lane.lines.map((one) => one.name)).join() });
  }

  // ---- Pointer.

  timeline.addEventListener("pointerdown", (event) => {
    if (!item || event.button) return;
    if (data.keysAreEverywhere) event.preventDefault(); // no focus: arrows go on to mean next and previous
    timeline.setPointerCapture(event.pointerId);
    films.pause();
    seekAt = event.timeStamp;
    drag = { from: lanes.stepAt(event), isBrush: data.canLabel && (isBrushing || event.shiftKey) };
    if (drag.isBrush) brush(event); else seek(drag.from);
    requestAnimationFrame(() => setTimeout(() => performance.measure("seek", { start: seekAt, end: performance.now() })));
  });
  timeline.addEventListener("pointermove", (event) => {
    if (drag && item) drag.isBrush ? brush(event) : seek(lanes.stepAt(event));
  });
  for (const kind of ["pointerup", "pointercancel"]) timeline.addEventListener(kind, () => { drag = null; });
  timeline.addEventListener("dblclick", () => zoom(null));
  timeline.addEventListener("wheel", (event) => { // a page that scrolls past must not zoom
    if (!item || !(event.ctrlKey || timeline.getRootNode().activeElement === timeline)) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 0.8 : 1.25, lanes.stepAt(event) + 0.5);
  }, { passive: false });

  function brush(event) {
    const to = Math.min(lanes.stepAt(event), item.steps - 1), from = Math.min(drag.from, item.steps - 1);
    draft = { first: Math.min(from, to), last: Math.max(from, to) };
    spoil();
    seek(to, true);
    write();
    draw();
  }

  let turning = null;
  path.addEventListener("pointerdown", (event) => {
    if (!item || event.button) return;
    path.setPointerCapture(event.pointerId);
    turning = { x: event.clientX, y: event.clientY, isClick: true };
  });
  path.addEventListener("pointermove", (event) => {
    if (!turning) return;
    const across = event.clientX - turning.x, up = event.clientY - turning.y;
    if (turning.isClick && Math.hypot(across, up) < 4) return;
    if (way.isSpatial) { way.turn(across / 120, up / 120); draw(); }
    turning = { x: event.clientX, y: event.clientY, isClick: false };
  });
  path.addEventListener("pointerup", (event) => {
    if (turning?.isClick) { films.pause(); seek(way.nearest(event)); }
    turning = null;
  });
  path.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] }[event.key];
    if (!turn || !way.isSpatial) return;
    way.turn(...turn);
    draw();
    event.preventDefault();
    event.stopPropagation();
  });
  timeline.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    films.pause();
    seek(step + (event.key === "ArrowRight" ? 1 : -1) * (event.shiftKey ? 10 : 1));
    event.preventDefault();
    event.stopPropagation();
  });

  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-stage]");
    if (!button) return;
    press(button.dataset.stage);
    if (data.keysAreEverywhere) button.blur(); // else Enter would press it again
  });
  root.addEventListener("sign", () => {
    const play = find(".play");
    play.textContent = films.isPlaying ? "❚❚" : "▶";
    play.setAttribute("aria-label", films.isPlaying ? "Pause" : "Play");
  });
  find(".rate").addEventListener("change", (event) => {
    films.setRate(Number(event.target.value));
    if (data.keysAreEverywhere) event.target.blur();
  });

  const resize = new ResizeObserver(() => draw());
  resize.observe(root);
  const scheme = new MutationObserver(() => requestAnimationFrame(() => { spoil(); draw(); })); // another theme: other inks
  scheme.observe(document.documentElement, { attributes: true });

  function end() {
    resize.disconnect();
    scheme.disconnect();
    clearTimeout(asking);
    films.end();
  }
  return own;
}
