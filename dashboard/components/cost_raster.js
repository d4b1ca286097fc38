// All trajectories by time on a canvas. Python sends a picture whose cells keep their highest step; zooming draws from it
// at once and asks for the window itself where the picture is coarser than the screen. A click chooses a step.

export default function ({ data, parentElement, setStateValue }) {
  // Called again on every rerun with fresh data: one instance lives on the element.
  const own = (parentElement.__raster ??= begin(parentElement));
  const visit = ++own.visit;
  own.tell = setStateValue;
  own.show(data);
  // A busy page may end and begin the same element anew: zoom and cursor stay. Another one is ended.
  return () => setTimeout(() => { if (own.visit === visit) { own.end(); parentElement.__raster = null; } }, 3000);
}

const LEFT = 104, RIGHT = 14, TOP = 10, BOTTOM = 36, STRIP = 8, HEIGHT = 520, NAMES = LEFT - STRIP - 8;
const ASK_MS = 140; // after the last turn of the wheel
const count = new Intl.NumberFormat("en");

function begin(host) {
  const root = host.querySelector(".raster"), find = (name) => root.querySelector(name);
  const cells = find(".cells"), over = find(".over"), said = find(".said"), covers = find(".covers");
  const own = { visit: 0, tell: null, show, end };
  let data = null, whole = null, detail = null, view = null; // view: rows and times from and to, as fractions
  let asked; // the view that Python was asked for last: null is all of it, undefined none yet
  let pointer = null, cursor = null, drag = null, chosen = null, asking = 0, frame = 0, painted = null;

  function show(next) {
    const isSame = data?.key === next.key;
    const rows = isSame ? data.rows : {
      order: decoded(next.order, Int32Array), origins: decoded(next.origins, Int32Array), labels: decoded(next.labels, Uint8Array),
    };
    data = { ...next, rows };
    if (!isSame) { whole = detail = view = cursor = null; asked = undefined; legend(); }
    const picture = unpacked(next.picture), all = entire();
    if (same(picture, all)) whole = picture; else detail = picture;
    view ??= { ...pickWindow(picture) };
    chosen = next.chosen;
    root.dataset.key = next.key;
    redraw(true);
  }

  const entire = () => ({ top: 0, bottom: data.rows.order.length, from: data.times[0], to: data.times[1] });

  // ---- where things are: the plot's box in CSS pixels
  const plot = () => ({ x: LEFT, y: TOP, w: Math.max(1, over.clientWidth - LEFT - RIGHT), h: HEIGHT - TOP - BOTTOM });
  const toX = (time) => LEFT + (time - view.from) / (view.to - view.from) * plot().w;
  const toY = (row) => TOP + (row - view.top) / (view.bottom - view.top) * plot().h;
  const toTime = (x) => view.from + (x - LEFT) / plot().w * (view.to - view.from);
  const toRow = (y) => view.top + (y - TOP) / plot().h * (view.bottom - view.top);

  const shown = () => (detail && covering(detail, view) ? detail : whole ?? detail);

  function redraw(isNew = false) {
    if (isNew) painted = null;
    frame ||= requestAnimationFrame(() => { frame = 0; draw(); });
  }

  function draw() {
    if (!data || !over.clientWidth) return;
    const ratio = window.devicePixelRatio || 1, [width, height] = [over.clientWidth, HEIGHT];
    const pens = [cells, over].map((canvas) => {
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; painted = null; }
      const pen = canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      return pen;
    });
    if (!painted) {
      painted = { cells: paintedCells(ratio), strip: paintedStrip(ratio) };
      pens[0].clearRect(0, 0, width, height);
      drawPicture(pens[0]);
    }
    pens[1].clearRect(0, 0, width, height);
    drawPointer(pens[1]);
    say();
  }

  const colour = (name) => getComputedStyle(over).getPropertyValue(name).trim();

  // Every pixel takes the highest of the cells under it.
  function paintedCells(ratio) {
    const picture = shown(), box = plot(), w = Math.round(box.w * ratio), h = Math.round(box.h * ratio);
    const canvas = new OffscreenCanvas(w, h), pen = canvas.getContext("2d"), image = pen.createImageData(w, h);
    const out = new Uint32Array(image.data.buffer), palette = colours(data.scale), { levels, columns } = picture;
    const across = spans(w, view.from, view.to, (time) => (time - picture.from) / picture.width, columns);
    const down = spans(h, view.top, view.bottom, (row) => place(picture.edges, row), picture.edges.length - 1);
    for (let y = 0; y < h; y++) {
      const [top, bottom] = [down[2 * y], down[2 * y + 1]], at = y * w;
      if (y && top === down[2 * y - 2] && bottom === down[2 * y - 1]) { out.copyWithin(at, at - w, at); continue; }
      for (let x = 0; x < w; x++) {
        let highest = 0;
        for (let row = top; row < bottom; row++)
          for (let i = row * columns + across[2 * x], end = row * columns + across[2 * x + 1]; i < end; i++)
            if (levels[i] > highest) highest = levels[i];
        out[at + x] = palette[highest];
      }
    }
    pen.putImageData(image, 0, 0);
    return canvas;
  }

  function paintedStrip(ratio) { // the rarest label of the rows under a pixel: codes are in order of rarity
    const { labels } = data.rows, h = Math.round(plot().h * ratio), canvas = new OffscreenCanvas(1, h), pen = canvas.getContext("2d");
    for (let y = 0; y < h; y++) {
      const first = Math.floor(toRow(TOP + y / ratio)), last = Math.max(first + 1, Math.ceil(toRow(TOP + (y + 1) / ratio)));
      let code = 255;
      for (let row = Math.max(0, first); row < Math.min(labels.length, last); row++) code = Math.min(code, labels[row]);
      if (code === 255) continue;
      pen.fillStyle = data.label_keys[code].colour;
      pen.fillRect(0, y, 1, 1);
    }
    return canvas;
  }

  function drawPicture(pen) {
    const box = plot(), { fontFamily } = getComputedStyle(over);
    pen.font = `12px ${fontFamily}`;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(painted.cells, LEFT, TOP, box.w, box.h);
    pen.drawImage(painted.strip, LEFT - STRIP - 3, TOP, STRIP, box.h);
    pen.fillStyle = colour("--st-text-color");
    pen.strokeStyle = colour("--st-border-color");
    pen.lineWidth = 1;
    pen.strokeRect(LEFT - .5, TOP - .5, box.w + 1, box.h + 1);
    pen.globalAlpha = .8;
    timeAxis(pen, box);
    pen.textBaseline = "middle";
    if (box.h / (view.bottom - view.top) >= 13) rowNames(pen, box);
    else if (data.groups.length) groupNames(pen, box);
    else for (const tick of ticks(view.top, view.bottom, 6)) pen.fillText(count.format(tick), NAMES, Math.min(toY(tick), TOP + box.h - 6));
    pen.globalAlpha = 1;
    separators(pen, box);
  }

  function timeAxis(pen, box) {
    pen.textBaseline = "top";
    for (const tick of ticks(view.from, view.to - 1, Math.max(2, box.w / 110))) {
      const x = toX(tick + .5);
      pen.fillRect(Math.round(x), TOP + box.h, 1, 4);
      pen.textAlign = "center";
      pen.fillText(count.format(tick), x, TOP + box.h + 6);
    }
    pen.textAlign = "right";
    pen.fillText(data.time_name, LEFT + box.w, TOP + box.h + 21);
  }

  function rowNames(pen, box) {
    for (let row = Math.floor(view.top); row < Math.min(view.bottom, data.rows.order.length); row++) {
      const y = toY(row + .5);
      if (y > TOP && y < TOP + box.h) pen.fillText(count.format(data.rows.order[row]), NAMES, y);
    }
  }

  function groupNames(pen, box) {
    let first = 0, free = -Infinity; // where the next name has room
    for (const group of data.groups) {
      const [top, bottom] = [Math.max(TOP, toY(first)), Math.min(TOP + box.h, toY(first + group.n))];
      first += group.n;
      const y = Math.max(top + 8, Math.min((top + bottom) / 2, TOP + box.h - 20), free);
      if (bottom <= top || y > TOP + box.h) continue;
      pen.fillText(group.name, NAMES, y - 1);
      pen.fillText(count.format(group.n), NAMES, y + 13);
      free = y + 32;
    }
  }

  function separators(pen, box) {
    let row = 0;
    pen.fillStyle = colour("--st-background-color");
    for (const group of data.groups.slice(0, -1)) {
      row += group.n;
      const y = toY(row);
      if (y > TOP && y < TOP + box.h) pen.fillRect(LEFT - STRIP - 3, Math.round(y) - 1, box.w + STRIP + 3, 2);
    }
  }

  // ---- what is under a point
  function cellAt(row, time) {
    const picture = shown();
    if (!picture || row < view.top || row >= view.bottom || time < view.from || time >= view.to) return null;
    const i = place(picture.edges, row) | 0, j = Math.floor((time - picture.from) / picture.width);
    if (i < 0 || j < 0 || i >= picture.edges.length - 1 || j >= picture.columns) return null;
    const at = i * picture.columns + j, level = picture.levels[at], top = picture.edges[i], height = picture.edges[i + 1] - top;
    const itsRow = level ? top + picture.rowsWithin[at] : Math.floor(row);
    const itsTime = picture.from + j * picture.width + (level ? picture.timesWithin[at] : 0);
    const trajectory = data.rows.order[itsRow];
    return {
      level, trajectory, step: itsTime + data.rows.origins[itsRow], value: (level - 1) / 254 * data.high,
      label: data.label_keys[data.rows.labels[itsRow]], row: itsRow, time: itsTime, of: height * picture.width,
      box: { top, bottom: top + height, from: picture.from + j * picture.width, to: picture.from + (j + 1) * picture.width },
    };
  }

  function drawPointer(pen) {
    const box = plot(), text = colour("--st-text-color"), ground = colour("--st-background-color");
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, TOP, box.w, box.h);
    pen.clip();
    mark(pen, text, ground);
    const cell = cursor && !drag ? cellAt(cursor.row, cursor.time) : null;
    if (cell) {
      const [x, y] = [toX(cell.box.from), toY(cell.box.top)];
      pen.strokeStyle = ground;
      pen.lineWidth = 3;
      const size = [Math.max(3, toX(cell.box.to) - x), Math.max(3, toY(cell.box.bottom) - y)];
      pen.strokeRect(x, y, ...size);
      pen.strokeStyle = text;
      pen.lineWidth = 1.5;
      pen.strokeRect(x, y, ...size);
    }
    if (drag?.to && drag.kind === "zoom") {
      pen.fillStyle = pen.strokeStyle = colour("--st-primary-color");
      const area = [drag.x, drag.y, drag.to.x - drag.x, drag.to.y - drag.y];
      pen.globalAlpha = .25;
      pen.fillRect(...area);
      pen.globalAlpha = 1;
      pen.strokeRect(...area);
    }
    pen.restore();
  }

  function mark(pen, text, ground) { // the chosen step, and its row
    const row = chosen ? rowOf(chosen.trajectory) : -1;
    if (row < 0) return;
    const y = toY(row + .5), time = chosen.step === null ? null : chosen.step - data.rows.origins[row];
    for (const [colour, width] of [[ground, 3], [text, 1]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.setLineDash(width === 1 ? [5, 4] : []);
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(LEFT + plot().w, y);
      pen.stroke();
      pen.setLineDash([]);
      if (time === null) continue;
      pen.beginPath();
      pen.arc(toX(time + .5), y, 6, 0, 7);
      pen.lineWidth = width + 1;
      pen.stroke();
    }
  }

  function rowOf(trajectory) {
    if (data.rows.found?.trajectory !== trajectory) data.rows.found = { trajectory, row: data.rows.order.indexOf(trajectory) };
    return data.rows.found.row;
  }

  function say() {
    const picture = shown(), cell = cursor ? cellAt(cursor.row, cursor.time) : null;
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
      const key = document.createElement("span"), swatch = document.createElement("i");
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
    const cell = cursor ? cellAt(cursor.row, cursor.time) : null;
    if (!cell?.level) return;
    chosen = { trajectory: cell.trajectory, step: cell.step };
    redraw();
    own.tell("chosen", { key: data.key, ...chosen, at: Date.now() });
  }

  function step(rows, times) { // the cursor, to a neighbouring cell
    const cell = cursor ? cellAt(cursor.row, cursor.time) : null;
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
  const inside = ({ x, y }) => { const box = plot(); return { x: within(x, LEFT, LEFT + box.w), y: within(y, TOP, TOP + box.h) }; };
  over.onpointerdown = (event) => {
    if (event.button > 1) return;
    over.setPointerCapture(event.pointerId);
    drag = { ...inside(at(event)), to: null, kind: event.shiftKey || event.button === 1 ? "move" : "zoom", view: { ...view } };
  };
  over.onpointermove = (event) => {
    if (!view) return;
    pointer = at(event);
    cursor = { row: toRow(pointer.y), time: toTime(pointer.x) };
    const moved = drag && inside(pointer);
    if (drag && (drag.to || Math.abs(moved.x - drag.x) > 4 || Math.abs(moved.y - drag.y) > 4)) {
      drag.to = moved;
      if (drag.kind === "move") {
        const rows = (moved.y - drag.y) / plot().h * (drag.view.bottom - drag.view.top);
        const times = (moved.x - drag.x) / plot().w * (drag.view.to - drag.view.from);
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
      const isFlat = y1 - y0 < 6, isThin = x1 - x0 < 6;
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
    const here = inside(at(event));
    zoom(1.0015 ** within(event.deltaY, -400, 400), toRow(here.y), toTime(here.x), event.shiftKey ? "times" : event.altKey ? "rows" : "both");
  }, { passive: false });
  find(".in").onclick = () => zoomMiddle(1 / 1.6);
  find(".out").onclick = () => zoomMiddle(1.6);
  find(".all").onclick = () => go(entire());

  const title = () => `${data.name} of every trajectory over time`;
  const menu = downloads.menu("Raster", () => data.file, downloads.ofDrawing({
    element: over,
    size: () => [over.clientWidth, HEIGHT],
    draw: (pen) => { drawPicture(pen); drawPointer(pen); },
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

function unpacked(packed) {
  const edges = decoded(packed.edges, Int32Array), levels = decoded(packed.levels, Uint8Array);
  const columns = levels.length / (edges.length - 1), blank = new Uint8Array(levels.length);
  const height = edges.slice(1).reduce((most, edge, i) => Math.max(most, edge - edges[i]), 0);
  return {
    top: edges[0], bottom: edges.at(-1), from: packed.times[0], to: packed.times[1], width: packed.width, edges, columns, levels, height,
    rowsWithin: packed.rows_within ? decoded(packed.rows_within, Uint8Array) : blank,
    timesWithin: packed.times_within ? decoded(packed.times_within, Uint8Array) : blank,
    isExact: packed.width === 1 && height === 1,
  };
}

const pickWindow = ({ top, bottom, from, to }) => ({ top, bottom, from, to });
const same = (a, b) => a.top === b.top && a.bottom === b.bottom && a.from === b.from && a.to === b.to;
const covering = (a, b) => a.top <= b.top && a.bottom >= b.bottom && a.from <= b.from && a.to >= b.to;
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const short = (value) => (value === 0 ? "0" : value < .01 || value >= 1e5 ? value.toPrecision(2) : String(+value.toPrecision(3)));

// A view no larger than all there is, no smaller than a row and four steps, and moved back where it reaches over an edge.
function clamped(view, all) {
  const height = within(view.bottom - view.top, 1, all.bottom - all.top);
  const width = within(view.to - view.from, Math.min(4, all.to - all.from), all.to - all.from);
  const top = within(view.top, all.top, all.bottom - height), from = within(view.from, all.from, all.to - width);
  return { top, bottom: top + height, from, to: from + width };
}

// For each of n pixels the first cell under it and the one after the last; none beyond the picture.
function spans(n, low, high, cellOf, n_cells) {
  const found = new Int32Array(2 * n);
  for (let i = 0; i < n; i++) {
    const first = Math.floor(cellOf(low + i / n * (high - low)) + 1e-9), end = Math.ceil(cellOf(low + (i + 1) / n * (high - low)) - 1e-9);
    const isThere = first < n_cells && end > 0;
    found[2 * i] = isThere ? Math.max(0, first) : 0;
    found[2 * i + 1] = isThere ? Math.min(n_cells, Math.max(end, first + 1)) : 0;
  }
  return found;
}

// The cell in which a row lies, as a fraction: 2.5 is the middle of the third.
function place(edges, row) {
  if (row <= edges[0]) return row < edges[0] ? -1 : 0;
  if (row >= edges.at(-1)) return edges.length - 1 + (row > edges.at(-1) ? 1 : 0);
  let [low, high] = [0, edges.length - 1];
  while (high - low > 1) { const half = (low + high) >> 1; if (edges[half] <= row) low = half; else high = half; }
  return low + (row - edges[low]) / (edges[low + 1] - edges[low]);
}

function ticks(low, high, wanted) {
  const rough = Math.max((high - low) / wanted, 1), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
  return found;
}

function colours(scale) { // 256 pixels as numbers; 0 is clear
  const canvas = new OffscreenCanvas(255, 1), pen = canvas.getContext("2d"), gradient = pen.createLinearGradient(0, 0, 254, 0);
  scale.forEach((colour, i) => gradient.addColorStop(i / (scale.length - 1), colour));
  pen.fillStyle = gradient;
  pen.fillRect(0, 0, 255, 1);
  const found = new Uint32Array(256);
  found.set(new Uint32Array(pen.getImageData(0, 0, 255, 1).data.buffer), 1);
  return found;
}

function decoded(text, Kind) {
  const bytes = atob(text), array = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) array[i] = bytes.charCodeAt(i);
  return new Kind(array.buffer);
}
