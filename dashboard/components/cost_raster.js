// All trajectories by time on a canvas. Python sends a picture whose cells keep their highest step; zooming draws from it
// at once and asks for the window itself where the picture is coarser than the screen. A click chooses a step.

export default function ({ data, parentElement, setStateValue }) {
  return lifetime(parentElement, "__raster", () => begin(parentElement), (own) => {
    own.tell = setStateValue;
    own.show(data);
  });
}

const ASK_MS = 140; // after the last turn of the wheel
const { HEIGHT, within } = rasterDrawing;

function begin(host) {
  const root = host.querySelector(".raster"), find = (name) => root.querySelector(name);
  const cells = find(".cells"), over = find(".over"), said = find(".said"), covers = find(".covers");
  const own = { tell: null, show, end };
  let data = null, whole = null, detail = null, view = null; // view: rows and times from and to, as fractions
  let asked; // the view that Python was asked for last: null is all of it, undefined none yet
  let cursor = null, drag = null, chosen = null, asking = 0, frame = 0, painted = null;

  function show(next) {
    const isSame = data?.key === next.key;
    const rows = isSame ? data.rows : {
      order: decoded(next.order, Int32Array), origins: decoded(next.origins, Int32Array), labels: decoded(next.labels, Uint8Array),
    };
    data = { ...next, rows };
    if (!isSame) { whole = detail = view = cursor = null; asked = undefined; legend(); }
    const picture = rasterDrawing.unpacked(next.picture), all = entire();
    if (same(picture, all)) whole = picture; else detail = picture;
    view ??= { ...pickWindow(picture) };
    chosen = next.chosen;
    root.dataset.key = next.key;
    redraw(true);
  }

  const entire = () => ({ top: 0, bottom: data.rows.order.length, from: data.times[0], to: data.times[1] });
  const layout = () => rasterDrawing.makeLayout(view, over.clientWidth);
  const shown = () => (detail && covering(detail, view) ? detail : whole ?? detail);

  function look() {
    const style = getComputedStyle(over), colour = (name) => style.getPropertyValue(`--st-${name}-color`).trim();
    return { text: colour("text"), ground: colour("background"), line: colour("border"), accent: colour("primary"), font: style.fontFamily };
  }

  function redraw(isNew = false) {
    if (isNew) painted = null;
    frame ||= requestAnimationFrame(() => { frame = 0; draw(); });
  }

  function draw() {
    const width = over.clientWidth, ratio = window.devicePixelRatio || 1, place = `${width} ${ratio}`;
    if (!data || !width) return;
    if (painted?.place !== place) {
      painted = { place, ...rasterDrawing.painted(data, shown(), layout(), ratio) };
      rasterDrawing.plot(sharpPen(cells, width, HEIGHT), data, layout(), painted, look());
    }
    drawPointer(sharpPen(over, width, HEIGHT));
    say();
  }

  function drawPointer(pen) {
    const row = chosen ? rowOf(chosen.trajectory) : -1;
    const mark = row < 0 ? null : { row, time: chosen.step === null ? null : chosen.step - data.rows.origins[row] };
    const zoomed = drag?.to && drag.kind === "zoom" ? [drag, drag.to] : null;
    rasterDrawing.pointer(pen, layout(), { chosen: mark, cell: drag ? null : cellHere(), zoom: zoomed }, look());
  }

  // ---- what is under a point
  function cellAt(row, time) {
    const cell = rasterDrawing.cellAt(shown(), view, row, time);
    return cell && {
      ...cell, trajectory: data.rows.order[cell.row], step: cell.time + data.rows.origins[cell.row],
      value: (cell.level - 1) / 254 * data.high, label: data.label_keys[data.rows.labels[cell.row]],
    };
  }

  const cellHere = () => (cursor ? cellAt(cursor.row, cursor.time) : null);

  function rowOf(trajectory) {
    if (data.rows.found?.trajectory !== trajectory) data.rows.found = { trajectory, row: data.rows.order.indexOf(trajectory) };
    return data.rows.found.row;
  }

  function say() {
    const picture = shown(), cell = cellHere();
    const isExact = picture.isExact, isWhole = same(view, entire());
    said.textContent = !cell ? "Point at a step. Click: its trajectory. Drag: zoom."
      : !cell.level ? `trajectory ${cell.trajectory} · ${cell.label.name} · no step here`
      : `trajectory ${cell.trajectory} · step ${cell.step} · ${data.name} ${short(cell.value)} · ${cell.label.name}`
        + (cell.of > 1 ? " · highest of its cell" : "");
    const rows = `${count.format(Math.round(view.bottom - view.top))} of ${count.format(data.rows.order.length)} trajectories`;
    covers.textContent = isExact ? `${rows}, every step`
      : `${rows}, a cell shows the highest of up to ${picture.height} × ${picture.width} steps`;
    find(".all").disabled = isWhole;
    root.dataset.window = [picture.top, picture.bottom, picture.from, picture.to].join(",");
    root.dataset.view = [view.top, view.bottom, view.from, view.to].map((edge) => +edge.toFixed(3)).join(",");
    root.dataset.exact = isExact;
    root.dataset.chosen = chosen ? `${chosen.trajectory},${chosen.step}` : "";
    root.dataset.first = data.rows.order[0];
  }

  function legend() {
    const keys = data.label_keys.filter((label) => label.n).map((label) => {
      const key = element("span"), swatch = element("i");
      swatch.style.background = label.colour;
      key.append(swatch, `${label.name} ${count.format(label.n)}`);
      return key;
    });
    find(".labels").replaceChildren(...keys);
    find(".bar").style.background = `linear-gradient(90deg, ${data.scale.join(", ")})`;
    find(".high").textContent = short(data.high);
    find(".name").textContent = data.name;
    menu.name(title());
    over.setAttribute("aria-label", `${title()}: arrows move, Enter chooses a step, plus and minus zoom`);
  }

  // ---- moving about
  function go(next) {
    const all = entire();
    view = clamped(next, all);
    painted = null;
    redraw();
    clearTimeout(asking);
    asking = setTimeout(ask, ASK_MS);
  }

  function ask() { // for what is finer than the picture at hand
    const all = entire(), wanted = {
      top: Math.floor(view.top), bottom: Math.ceil(view.bottom), from: Math.floor(view.from), to: Math.ceil(view.to),
    };
    const isWhole = same(wanted, all), picture = shown();
    if (picture && covering(picture, view) && (picture.isExact || (isWhole && picture === whole))) return;
    const report = isWhole ? null : { key: data.key, rows: [wanted.top, wanted.bottom], times: [wanted.from, wanted.to] };
    if (JSON.stringify(report) === JSON.stringify(asked)) return;
    asked = report;
    own.tell("view", report);
  }

  const zoom = (factor, row, time, axes = "both") => go({
    top: axes === "times" ? view.top : row + (view.top - row) * factor,
    bottom: axes === "times" ? view.bottom : row + (view.bottom - row) * factor,
    from: axes === "rows" ? view.from : time + (view.from - time) * factor,
    to: axes === "rows" ? view.to : time + (view.to - time) * factor,
  });

  const middle = () => cursor ?? { row: (view.top + view.bottom) / 2, time: (view.from + view.to) / 2 };
  const zoomMiddle = (factor) => zoom(factor, middle().row, middle().time);

  function choose() {
    const cell = cellHere();
    if (!cell?.level) return;
    chosen = { trajectory: cell.trajectory, step: cell.step };
    redraw();
    own.tell("chosen", { key: data.key, ...chosen, at: Date.now() });
  }

  function step(rows, times) { // the cursor, to a neighbouring cell
    const cell = cellHere();
    if (!cell) cursor = { row: Math.floor((view.top + view.bottom) / 2) + .5, time: Math.floor((view.from + view.to) / 2) + .5 };
    else {
      const { top, bottom, from, to } = cell.box, all = entire();
      const [height, width] = [bottom - top, to - from];
      cursor = {
        row: within((rows < 0 ? top - .5 : rows > 0 ? bottom + .5 : cursor.row) + (rows - Math.sign(rows)) * height, .5, all.bottom - .5),
        time: within((times < 0 ? from - .5 : times > 0 ? to + .5 : cursor.time) + (times - Math.sign(times)) * width, all.from + .5, all.to - .5),
      };
      const [h, w] = [view.bottom - view.top, view.to - view.from];
      const top2 = within(view.top, Math.ceil(cursor.row) - h, Math.floor(cursor.row)), from2 = within(view.from, Math.ceil(cursor.time) - w, Math.floor(cursor.time));
      if (top2 !== view.top || from2 !== view.from) go({ top: top2, bottom: top2 + h, from: from2, to: from2 + w });
    }
    redraw();
  }

  const KEYS = {
    ArrowUp: (n) => step(-n, 0), ArrowDown: (n) => step(n, 0), ArrowLeft: (n) => step(0, -n), ArrowRight: (n) => step(0, n),
    Enter: choose, " ": choose, "+": () => zoomMiddle(1 / 1.6), "=": () => zoomMiddle(1 / 1.6), "-": () => zoomMiddle(1.6),
    "0": () => go(entire()), Escape: () => go(entire()),
  };
  over.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key](event.shiftKey ? 10 : 1);
  };

  const at = (event) => { const box = over.getBoundingClientRect(); return { x: event.clientX - box.left, y: event.clientY - box.top }; };
  over.onpointerdown = (event) => {
    if (event.button > 1) return;
    over.setPointerCapture(event.pointerId);
    drag = { ...layout().inside(at(event)), to: null, kind: event.shiftKey || event.button === 1 ? "move" : "zoom", view: { ...view } };
  };
  over.onpointermove = (event) => {
    if (!view) return;
    const { x, y } = at(event), { w, h, toRow, toTime, inside } = layout();
    cursor = { row: toRow(y), time: toTime(x) };
    const moved = drag && inside({ x, y });
    if (drag && (drag.to || Math.abs(moved.x - drag.x) > 4 || Math.abs(moved.y - drag.y) > 4)) {
      drag.to = moved;
      if (drag.kind === "move") {
        const rows = (moved.y - drag.y) / h * (drag.view.bottom - drag.view.top);
        const times = (moved.x - drag.x) / w * (drag.view.to - drag.view.from);
        go({ top: drag.view.top - rows, bottom: drag.view.bottom - rows, from: drag.view.from - times, to: drag.view.to - times });
      }
    }
    redraw();
  };
  over.onpointerup = (event) => {
    const done = drag;
    drag = null;
    if (!done) return;
    if (!done.to) { if (event.detail < 2 && event.button === 0) choose(); }
    else if (done.kind === "zoom") {
      const [x0, x1] = [done.x, done.to.x].sort((a, b) => a - b), [y0, y1] = [done.y, done.to.y].sort((a, b) => a - b);
      // A drag along one axis alone zooms into that axis.
      const isFlat = y1 - y0 < 6, isThin = x1 - x0 < 6, { toRow, toTime } = layout();
      go({
        top: isFlat ? view.top : Math.floor(toRow(y0)), bottom: isFlat ? view.bottom : Math.ceil(toRow(y1)),
        from: isThin ? view.from : Math.floor(toTime(x0)), to: isThin ? view.to : Math.ceil(toTime(x1)),
      });
    }
    redraw();
  };
  over.onpointercancel = () => { drag = null; redraw(); };
  over.onpointerleave = () => { if (!drag) { cursor = null; redraw(); } };
  over.ondblclick = () => go(entire());
  over.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && host.activeElement !== over) return; // the page scrolls until the picture is clicked
    event.preventDefault();
    const { toRow, toTime, inside } = layout(), here = inside(at(event));
    zoom(1.0015 ** within(event.deltaY, -400, 400), toRow(here.y), toTime(here.x), event.shiftKey ? "times" : event.altKey ? "rows" : "both");
  }, { passive: false });
  find(".in").onclick = () => zoomMiddle(1 / 1.6);
  find(".out").onclick = () => zoomMiddle(1.6);
  find(".all").onclick = () => go(entire());

  const title = () => `${data.name} of every trajectory over time`;
  const menu = downloads.menu("Raster", () => data.file, downloads.ofDrawing({
    element: over,
    size: () => [over.clientWidth, HEIGHT],
    draw: (pen) => { rasterDrawing.plot(pen, data, layout(), painted, look()); drawPointer(pen); },
    rows: () => [["trajectory", "step", data.name, "label", "steps in the cell"], ...cellsInView()],
  }));
  find(".foot").append(menu);

  function* cellsInView() {
    const { edges, from, width, columns } = shown();
    for (let i = 0; i < edges.length - 1; i++)
      for (let j = 0; j < columns; j++) {
        const cell = cellAt(edges[i] + .5, from + j * width + .5);
        if (cell?.level) yield [cell.trajectory, cell.step, cell.value, cell.label.name, cell.of];
      }
  }

  const resizing = new ResizeObserver(() => redraw(true));
  resizing.observe(over);
  const dark = window.matchMedia("(prefers-color-scheme: dark)"), repaint = () => redraw(true);
  dark.addEventListener("change", repaint);
  function end() {
    resizing.disconnect();
    dark.removeEventListener("change", repaint);
    clearTimeout(asking);
    cancelAnimationFrame(frame);
  }
  return own;
}

const pickWindow = ({ top, bottom, from, to }) => ({ top, bottom, from, to });
const same = (a, b) => a.top === b.top && a.bottom === b.bottom && a.from === b.from && a.to === b.to;
const covering = (a, b) => a.top <= b.top && a.bottom >= b.bottom && a.from <= b.from && a.to >= b.to;
const short = (value) => (value === 0 ? "0" : value < .01 || value >= 1e5 ? value.toPrecision(2) : String(+value.toPrecision(3)));

// A view no larger than all there is, no smaller than a row and four steps, and moved back where it reaches over an edge.
function clamped(view, all) {
  const height = within(view.bottom - view.top, 1, all.bottom - all.top);
  const width = within(view.to - view.from, Math.min(4, all.to - all.from), all.to - all.from);
  const top = within(view.top, all.top, all.bottom - height), from = within(view.from, all.from, all.to - width);
  return { top, bottom: top + height, from, to: from + width };
}
