// Panels of curves on canvases. New data are drawn in place; a cursor goes through all panels at once.
// Drag to zoom into a range of updates, double-click to see all again; `log` for values that fall over decades.

export default function ({ data, parentElement }) {
  return lifetime(parentElement, "__curves", () => begin(parentElement), (own) => {
    const start = performance.now();
    own.show(data);
    requestAnimationFrame(() => setTimeout(() => {
      performance.clearMeasures("curves"); // only how long the last one took, for benchmarks
      performance.measure("curves", { start, end: performance.now() });
    }));
  });
}

const LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 20, CAPTION = 26;

function begin(host) {
  const holder = element("div", "holder"), root = element("div", "curves");
  holder.append(root);
  host.append(holder);
  const panels = [];
  const shared = { cursor: null, focus: null, name: "" }; // x under the pointer, the curve whose name is pointed at, of files
  let frame = 0;
  const redraw = () => { frame ||= requestAnimationFrame(() => { frame = 0; panels.forEach((panel) => panel.draw()); }); };
  const resizing = new ResizeObserver(redraw);
  resizing.observe(root);

  function show(data) {
    root.style.setProperty("--columns", data.columns);
    shared.name = data.name;
    while (panels.length > data.panels.length) panels.pop().figure.remove();
    data.panels.forEach((panel, i) => {
      if (!panels[i]) root.append((panels[i] = makePanel(shared, redraw)).figure);
      panels[i].take(panel, data.height);
      panels[i].draw();
    });
  }

  return { show, end: () => { resizing.disconnect(); holder.remove(); } };
}

function makePanel(shared, redraw) {
  const figure = element("figure"), caption = element("figcaption"), canvas = element("canvas");
  canvas.setAttribute("role", "img");
  let pen = null, panel = null, keys = [], height = 0, zoom = null, drag = null, scale = null, isLog = false;
  const where = element("span", "at"), logarithm = element("button", "", "log");
  logarithm.onclick = () => { isLog = !isLog; redraw(); };
  const colour = (name) => getComputedStyle(canvas).getPropertyValue(name).trim();
  const menu = downloads.menu("", () => `${shared.name}-${panel.title.toLowerCase().replaceAll(/\W+/g, "-")}`, downloads.ofDrawing({
    element: canvas,
    size: () => [canvas.clientWidth, height + CAPTION],
    draw: picture,
    rows: () => [["series", panel.xName, "value"], ...panel.curves.flatMap(({ name, x, y }) => Array.from(x, (at, i) => [name, at, y[i]]))],
  }));
  figure.append(caption, canvas, menu);

  function take(next, pixels) {
    height = pixels;
    panel = { ...next, curves: next.curves.map((curve) => ({ ...curve, x: decoded(curve.x, Float64Array), y: decoded(curve.y, Float32Array) })) };
    const names = JSON.stringify([next.title, next.curves.map((curve) => [curve.name, curve.colour, curve.dash])]);
    if (caption.dataset.names === names) return;
    caption.dataset.names = names;
    caption.replaceChildren(element("strong", "", next.title));
    menu.name(next.title);
    keys = panel.curves.map((curve) => makeKey(curve));
    caption.append(...keys.map((key) => key.root), where, logarithm);
  }

  function makeKey(curve) {
    const root = element("span", "key"), value = element("b");
    root.append(swatch(curve), element("span", "", curve.name), value);
    root.title = curve.name;
    root.onpointerenter = () => { shared.focus = curve.name; redraw(); };
    root.onpointerleave = () => { shared.focus = null; redraw(); };
    return { root, value };
  }

  function draw() {
    const width = canvas.clientWidth;
    if (!panel || !width) return;
    canvas.style.height = `${height}px`;
    pen = sharpPen(canvas, width, height);
    paint(width);
    cursor();
    say();
  }

  function paint(width) {
    const canBeLog = panel.curves.length > 0 && panel.curves.every((curve) => curve.y.every((y) => y > 0));
    logarithm.hidden = !canBeLog;
    logarithm.setAttribute("aria-pressed", isLog);
    scale = makeScale(panel.curves, zoom, width, height, isLog && canBeLog);
    pen.font = `11px ${getComputedStyle(canvas).fontFamily}`;
    axes();
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, TOP - 2, width - LEFT - RIGHT, height - TOP - BOTTOM + 4);
    pen.clip();
    for (const curve of panel.curves) line(curve);
    pen.restore();
  }

  function picture(other, width) { // for a file: with the names of the curves, and without the cursor
    pen = other;
    pen.font = `600 12px ${getComputedStyle(canvas).fontFamily}`;
    pen.textBaseline = "middle";
    pen.fillStyle = colour("--st-text-color");
    pen.fillText(panel.title, 4, CAPTION / 2);
    let x = 4 + pen.measureText(panel.title).width + 16;
    pen.font = pen.font.replace("600 ", "");
    for (const curve of panel.curves) {
      stroke(curve, 2);
      pen.beginPath();
      pen.moveTo(x, CAPTION / 2);
      pen.lineTo(x + 22, CAPTION / 2);
      pen.stroke();
      pen.setLineDash([]);
      pen.fillText(curve.name, x + 27, CAPTION / 2);
      x += 27 + pen.measureText(curve.name).width + 14;
    }
    pen.translate(0, CAPTION);
    paint(width);
  }

  function axes() {
    const { width, x, y } = scale;
    pen.lineWidth = 1;
    pen.fillStyle = colour("--st-text-color");
    pen.strokeStyle = colour("--st-border-color");
    pen.globalAlpha = .75;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const tick of y.ticks(Math.max(2, Math.floor(height / 34)))) {
      const at = Math.round(y.to(tick)) + .5;
      pen.strokeRect(LEFT, at, width - LEFT - RIGHT, 0);
      pen.fillText(plain(tick), LEFT - 6, at);
    }
    pen.textBaseline = "top";
    pen.textAlign = "center";
    for (const tick of x.ticks(Math.max(2, Math.floor(width / 110)))) {
      const at = x.to(tick);
      pen.textAlign = at > width - 22 ? "right" : "center";
      pen.fillText(compact.format(tick), Math.min(at, width - 2), height - BOTTOM + 6);
    }
    pen.globalAlpha = 1;
    if (panel.curves.every((curve) => !curve.x.length)) {
      pen.textAlign = "center";
      pen.fillText("nothing logged yet", LEFT + (width - LEFT - RIGHT) / 2, height / 2);
    }
  }

  function stroke(curve, width) {
    pen.strokeStyle = curve.colour;
    pen.lineCap = pen.lineJoin = "round";
    pen.setLineDash(curve.dash);
    pen.lineWidth = width;
  }

  function line(curve) {
    const { name, x, y } = curve, { from, to } = within(x, scale.x.low, scale.x.high);
    pen.beginPath();
    for (let i = from; i < to; i++) pen.lineTo(scale.x.to(x[i]), scale.y.to(y[i]));
    if (to - from === 1) pen.lineTo(scale.x.to(x[from]) + .1, scale.y.to(y[from])); // a point alone is a dot
    stroke(curve, to - from === 1 ? 5 : shared.focus === name ? 2.6 : 1.6);
    pen.globalAlpha = shared.focus && shared.focus !== name ? .25 : 1;
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  function cursor() {
    const at = shared.cursor, isHere = at !== null && at >= scale.x.low && at <= scale.x.high;
    if (drag && drag.to !== null) {
      pen.fillStyle = colour("--st-primary-color");
      pen.globalAlpha = .15;
      pen.fillRect(Math.min(drag.from, drag.to), TOP, Math.abs(drag.to - drag.from), height - TOP - BOTTOM);
      pen.globalAlpha = 1;
    }
    if (isHere) {
      pen.strokeStyle = colour("--st-text-color");
      pen.globalAlpha = .45;
      pen.strokeRect(Math.round(scale.x.to(at)) + .5, TOP, 0, height - TOP - BOTTOM);
      pen.globalAlpha = 1;
    }
    panel.curves.forEach((curve, i) => {
      const place = isHere ? nearest(curve.x, at) : -1;
      keys[i].value.textContent = place < 0 ? "" : plain(curve.y[place]);
      if (place < 0 || Math.abs(scale.x.to(curve.x[place]) - scale.x.to(at)) > 30) return;
      pen.beginPath();
      pen.arc(scale.x.to(curve.x[place]), scale.y.to(curve.y[place]), 3, 0, 7);
      pen.fillStyle = curve.colour;
      pen.fill();
    });
    const longest = panel.curves.reduce((a, b) => (b.x.length > a.x.length ? b : a), { x: [] });
    const there = isHere ? longest.x[nearest(longest.x, at)] : null;
    where.textContent = there != null ? `${panel.xName} ${count.format(there)}` : zoom ? "double-click: all" : "";
  }

  function say() {
    const last = Math.max(...panel.curves.map((curve) => curve.x.at(-1) ?? -Infinity));
    const end = Number.isFinite(last) ? `up to ${panel.xName} ${count.format(last)}` : "nothing yet";
    canvas.setAttribute("aria-label", `${panel.title}: ${[...panel.curves.map((curve) => curve.name), end].join(", ")}`);
  }

  const at = (event) => event.clientX - canvas.getBoundingClientRect().left;
  canvas.onpointermove = (event) => {
    if (!scale) return;
    if (drag) drag.to = Math.abs(at(event) - drag.from) > 4 ? at(event) : null;
    shared.cursor = scale.x.from(at(event));
    redraw();
  };
  canvas.onpointerleave = () => { if (!drag) { shared.cursor = null; redraw(); } };
  canvas.onpointerdown = (event) => { canvas.setPointerCapture(event.pointerId); drag = { from: at(event), to: null }; };
  canvas.onpointerup = () => {
    if (drag?.to != null) zoom = [drag.from, drag.to].map(scale.x.from).sort((a, b) => a - b);
    drag = null;
    redraw();
  };
  canvas.ondblclick = () => { zoom = null; redraw(); };
  return { figure, take, draw };
}

function makeScale(curves, zoom, width, height, isLog) {
  const drawn = curves.filter((curve) => curve.x.length);
  const low = zoom?.[0] ?? Math.min(...drawn.map((curve) => curve.x[0]));
  const high = zoom?.[1] ?? Math.max(...drawn.map((curve) => curve.x.at(-1)));
  let [bottom, top] = [Infinity, -Infinity];
  for (const curve of drawn) {
    const { from, to } = within(curve.x, low, high);
    for (let i = from; i < to; i++) { bottom = Math.min(bottom, curve.y[i]); top = Math.max(top, curve.y[i]); }
  }
  if (!(bottom <= top)) [bottom, top] = [0, 1];
  const margin = (top - bottom) * .06 || Math.abs(top) * .1 || .5;
  const [start, end] = !drawn.length ? [0, 1] : low < high ? [low, high] : [low - 1, low + 1];
  return {
    width,
    x: linear(start, end, LEFT, width - RIGHT),
    y: isLog ? logarithmic(bottom / 1.15, top * 1.15, height - BOTTOM, TOP)
      : linear(bottom - margin, top + margin, height - BOTTOM, TOP),
  };
}

function linear(low, high, start, end) {
  const per = (end - start) / (high - low);
  return {
    low, high,
    to: (value) => start + (value - low) * per,
    from: (pixel) => low + (pixel - start) / per,
    ticks: (wanted) => ticks(low, high, wanted),
  };
}

function logarithmic(low, high, start, end) {
  const decades = linear(Math.log10(low), Math.log10(high), start, end);
  const steps = high / low > 1_000 ? [1] : high / low > 8 ? [1, 2, 5] : null;
  const found = [];
  for (let power = Math.floor(decades.low); power <= decades.high; power++)
    found.push(...(steps ?? []).map((step) => step * 10 ** power).filter((tick) => tick >= low && tick <= high));
  return { to: (value) => decades.to(Math.log10(value)), ticks: (wanted) => (steps ? found : ticks(low, high, wanted)) };
}

// The points that a stretch of the axis shows, with one beyond each end, so that lines reach the edge.
function within(x, low, high) {
  return { from: Math.max(0, place(x, low) - 1), to: Math.min(x.length, place(x, high) + 2) };
}

function nearest(x, value) {
  const after = place(x, value);
  if (!x.length || (after === x.length && value > x.at(-1))) return x.length ? x.length - 1 : -1;
  return after > 0 && value - x[after - 1] < x[after] - value ? after - 1 : after;
}

function place(x, value) { // of the first that is not below the value
  let [low, high] = [0, x.length];
  while (low < high) { const middle = (low + high) >> 1; if (x[middle] < value) low = middle + 1; else high = middle; }
  return low;
}

function swatch({ colour, dash }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const stroke = document.createElementNS("http://www.w3.org/2000/svg", "path");
  stroke.setAttribute("d", "M0 4H22");
  stroke.setAttribute("stroke", colour);
  stroke.setAttribute("stroke-width", "2.5");
  stroke.setAttribute("stroke-dasharray", dash.join(" "));
  svg.append(stroke);
  return svg;
}
