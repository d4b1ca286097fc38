// Maps of cells beside each other: what is pointed at, and what is selected, is so in all of them.
// A click takes a cell, a drag a box, a drag with Shift a lasso; with Ctrl it is added. Arrows, Enter, Space, Escape.

export default function ({ data, parentElement, setStateValue }) {
  return lifetime(parentElement, "__cells", () => begin(parentElement), (own) => {
    own.report = (selection) => setStateValue("selection", selection);
    own.show(data);
  });
}

const CAPTION = 26, CLICK = 4; // pixels: of a title in a file, and how far a click may slip

function begin(host) {
  const holder = element("div", "holder"), root = element("div", "maps"), said = element("p", "said");
  said.setAttribute("aria-live", "polite");
  root.append(said);
  holder.append(root);
  host.append(holder);
  const own = { report: () => {}, show, end };
  // What all panels share: the data, the cell pointed at, that of the keyboard, and the selection with its serial number.
  const shared = { data: { grid: null }, counts: [], at: null, selected: new Set(), borders: [], serial: 0, drag: null, point, choose, redraw: over };
  const panels = [];
  const resizing = new ResizeObserver(() => panels.forEach((panel) => panel.draw()));
  resizing.observe(root);

  function show(data) {
    const isOther = data.grid !== shared.data.grid;
    shared.data = data;
    shared.counts = decoded(data.counts, Uint32Array);
    if (isOther) shared.at = null;
    if (isOther || data.serial >= shared.serial) take(data.selected); // else the page has not heard of ours yet
    shared.serial = Math.max(shared.serial, data.serial);
    root.style.setProperty("--columns", data.panels.length);
    while (panels.length > data.panels.length) panels.pop().figure.remove();
    data.panels.forEach((panel, i) => {
      if (!panels[i]) said.before((panels[i] = makePanel(shared)).figure);
      panels[i].take(panel);
      panels[i].draw();
    });
    say();
  }

  function take(cells) {
    const nx = shared.data.x.edges.length - 1, ny = shared.data.y.edges.length - 1;
    shared.selected = new Set(cells);
    shared.borders = cellDrawing.borders(shared.selected, nx, ny);
  }

  function over() { panels.forEach((panel) => panel.over()); }

  function point(cell) {
    if (cell === shared.at) return;
    shared.at = cell;
    over();
    say();
  }

  // These cells, those without steps left out, in place of what was selected or added to it.
  function choose(cells, adds) {
    const wanted = cells.filter((cell) => shared.counts[cell] > 0);
    if (!adds && !wanted.length && !shared.selected.size) return;
    const isTakenBack = adds && wanted.length === 1 && shared.selected.has(wanted[0]);
    const next = new Set(adds ? [...shared.selected, ...wanted] : wanted);
    if (isTakenBack) next.delete(wanted[0]);
    take([...next]);
    over();
    shared.serial += 1;
    own.report({ serial: shared.serial, grid: shared.data.grid, cells: [...next].sort((a, b) => a - b) });
  }

  function say() {
    const { x, y } = shared.data, cell = shared.at;
    if (cell === null) {
      const hint = element("span", "hint");
      hint.append("Click a cell, drag a box, or drag a lasso with ", element("kbd", "", "Shift"), "; add with ", element("kbd", "", "Ctrl"),
        ". By keyboard: arrows, ", element("kbd", "", "Enter"), ", ", element("kbd", "", "Esc"), ".");
      return said.replaceChildren(hint);
    }
    const nx = x.edges.length - 1, i = cell % nx, j = Math.floor(cell / nx);
    const fact = (name, value, colour) => {
      const part = element("span"), swatch = element("i");
      swatch.style.background = colour;
      part.append(...(colour ? [swatch] : []), `${name} `, element("b", "", value));
      return part;
    };
    said.replaceChildren(
      fact(x.name, `${plain(x.edges[i])} to ${plain(x.edges[i + 1])}`),
      fact(y.name, `${plain(y.edges[j])} to ${plain(y.edges[j + 1])}`),
      ...panels.map((panel) => panel.fact(cell, fact)).filter(Boolean),
      fact("", `${count.format(shared.counts[cell])} ${shared.counts[cell] === 1 ? "step" : "steps"}`),
    );
  }

  function end() {
    resizing.disconnect();
    holder.remove();
  }
  return own;
}

function makePanel(shared) {
  const figure = element("figure"), caption = element("figcaption"), plot = element("div", "plot");
  const under = element("canvas"), top = element("canvas", "over");
  plot.append(under, top);
  let panel = null, layout = null, scale = null, drawnOn = "";
  const heightOf = (width) => Math.max(shared.data.height, Math.min(1.5 * shared.data.height, Math.round(0.6 * width)));
  const colour = (name) => getComputedStyle(plot).getPropertyValue(name).trim();
  const look = () => ({ text: colour("--st-text-color") || "#222", paper: colour("--st-background-color") || "#fff",
    line: colour("--st-border-color") || "#ccc", font: getComputedStyle(plot).fontFamily });
  const menu = downloads.menu("", () => `${shared.data.name}-${panel.title.toLowerCase().replaceAll(/\W+/g, "-")}`, downloads.ofDrawing({
    element: plot,
    size: () => [plot.clientWidth, heightOf(plot.clientWidth) + CAPTION],
    draw: picture,
    rows,
  }));
  figure.append(caption, plot, menu);
  top.tabIndex = 0;
  top.setAttribute("role", "application");
  top.setAttribute("aria-roledescription", "heatmap");

  function take(next) {
    panel = { ...next, values: decoded(next.values, Float32Array) };
    caption.textContent = panel.title;
    menu.name(panel.title);
    top.setAttribute("aria-label", `${panel.title}, over ${shared.data.x.name} and ${shared.data.y.name}`);
  }

  function draw() {
    const width = plot.clientWidth, height = heightOf(width), { x, y } = shared.data, ratio = window.devicePixelRatio || 1, style = look();
    plot.style.height = `${height}px`;
    if (!panel || !width) return;
    const [pen] = [under, top].map((canvas) => sharpPen(canvas, width, height));
    layout = cellDrawing.makeLayout(x, y, width, height, ratio);
    scale = cellDrawing.makeScale(panel, isDark(style.paper));
    drawnOn = style.paper;
    cellDrawing.map(pen, layout, panel, scale, style);
    plot.dataset.area = [layout.left, layout.top, layout.right, layout.bottom].join(" ");
    over();
  }

  function over() { // what changes as one points: over the map, which stays as it is drawn
    if (!layout) return;
    const pen = top.getContext("2d"), style = look(), { selected, borders, at, drag } = shared;
    pen.clearRect(0, 0, layout.width, layout.height);
    if (selected.size) {
      pen.globalAlpha = 0.5;
      pen.fillStyle = style.paper;
      pen.fillRect(layout.left, layout.top, layout.right - layout.left, layout.bottom - layout.top);
      pen.globalAlpha = 1;
      for (const cell of selected) pen.clearRect(...cellDrawing.box(layout, cell));
      cellDrawing.outline(pen, layout, borders, style);
    }
    if (at !== null) {
      const nx = layout.nx, i = at % nx, j = Math.floor(at / nx);
      cellDrawing.outline(pen, layout, [[i, j, i + 1, j], [i + 1, j, i + 1, j + 1], [i + 1, j + 1, i, j + 1], [i, j + 1, i, j]], style);
    }
    if (drag?.owner === top && drag.moved) {
      pen.strokeStyle = colour("--st-primary-color") || style.text;
      pen.fillStyle = pen.strokeStyle;
      pen.lineWidth = 1.5;
      pen.beginPath();
      for (const [x, y] of drag.corners()) pen.lineTo(x, y);
      pen.closePath();
      pen.stroke();
      pen.globalAlpha = 0.15;
      pen.fill();
      pen.globalAlpha = 1;
    }
    top.dataset.selected = selected.size;
  }

  function picture(pen, width, height) { // for a file: with its title
    const style = look();
    pen.font = `600 13px ${style.font}`;
    pen.fillStyle = style.text;
    pen.textBaseline = "middle";
    pen.fillText(panel.title, 4, CAPTION / 2);
    pen.translate(0, CAPTION);
    const whole = cellDrawing.makeLayout(shared.data.x, shared.data.y, width, height - CAPTION, 2);
    cellDrawing.map(pen, whole, panel, scale, style);
    if (shared.selected.size) cellDrawing.outline(pen, whole, shared.borders, style);
  }

  function rows() {
    const { x, y } = shared.data, nx = x.edges.length - 1;
    const heads = [`${x.name} from`, `${x.name} to`, `${y.name} from`, `${y.name} to`, panel.title + panel.unit, "steps", "selected"];
    return [heads, ...Array.from(shared.counts, (n, cell) => {
      const i = cell % nx, j = Math.floor(cell / nx);
      return [x.edges[i], x.edges[i + 1], y.edges[j], y.edges[j + 1], panel.values[cell], n, shared.selected.has(cell) ? 1 : 0];
    })];
  }

  function fact(cell, make) {
    const value = panel.values[cell];
    if (Number.isNaN(value)) return null;
    return make(panel.title, plain(value) + panel.unit, scale?.of(value));
  }

  listen(top, shared, () => layout, () => { if (look().paper !== drawnOn) draw(); });
  return { figure, take, draw, over, fact };
}

// Pointer and keys over one panel. `refresh` draws it anew where the theme has changed meanwhile.
function listen(top, shared, layoutOf, refresh) {
  const where = (event) => {
    const box = top.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  top.addEventListener("pointerenter", refresh);
  top.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    top.setPointerCapture(event.pointerId);
    const first = where(event), path = [first], isLasso = event.shiftKey;
    const corners = () => { // of the box or lasso as it is now
      const [ax, ay] = first, [bx, by] = path.at(-1);
      return isLasso ? path : [[ax, ay], [bx, ay], [bx, by], [ax, by]];
    };
    shared.drag = { owner: top, path, moved: false, isLasso, adds: event.ctrlKey || event.metaKey, corners };
  });
  top.addEventListener("pointermove", (event) => {
    const at = where(event), { drag } = shared;
    if (!drag) return shared.point(layoutOf().cellAt(...at));
    drag.path.push(at);
    drag.moved ||= Math.hypot(at[0] - drag.path[0][0], at[1] - drag.path[0][1]) > CLICK;
    shared.redraw();
  });
  top.addEventListener("pointerup", () => {
    const { drag } = shared, layout = layoutOf();
    shared.drag = null;
    if (!drag) return;
    if (drag.moved) return shared.choose(covered(layout, drag), drag.adds);
    const cell = layout.cellAt(...drag.path[0]);
    shared.choose(cell === null ? [] : [cell], drag.adds);
  });
  top.addEventListener("pointercancel", () => { shared.drag = null; shared.redraw(); });
  top.addEventListener("pointerleave", () => { if (!shared.drag) shared.point(null); });
  top.addEventListener("blur", () => shared.point(null));
  top.addEventListener("keydown", (event) => {
    const { nx, ny } = layoutOf(), moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const at = shared.at ?? Math.floor(ny / 2) * nx + Math.floor(nx / 2);
    if (moves[event.key]) {
      const [across, up] = shared.at === null ? [0, 0] : moves[event.key];
      const i = Math.max(0, Math.min(nx - 1, (at % nx) + across)), j = Math.max(0, Math.min(ny - 1, Math.floor(at / nx) + up));
      shared.point(j * nx + i);
    } else if (event.key === "Enter" || event.key === " ") shared.choose([at], event.key === " " || event.ctrlKey || event.metaKey);
    else if (event.key === "Escape") shared.choose([], false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// The cells that a box touches, or whose middle lies in a lasso (even-odd).
function covered(layout, drag) {
  const { columns, rows, nx, ny } = layout, corners = drag.corners();
  const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis])).map((values) => [Math.min(...values), Math.max(...values)]);
  const cells = [];
  for (let j = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++) {
      const isNear = columns[i] < xs[1] && columns[i + 1] > xs[0] && rows[j + 1] < ys[1] && rows[j] > ys[0];
      if (isNear && (!drag.isLasso || isInside(corners, ...layout.middle(j * nx + i)))) cells.push(j * nx + i);
    }
  }
  return cells;
}

function isInside(corners, x, y) {
  let inside = false;
  corners.forEach(([ax, ay], i) => {
    const [bx, by] = corners[(i + 1) % corners.length];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  });
  return inside;
}

function isDark(paper) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = paper;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return 0.3 * r + 0.6 * g + 0.1 * b < 128;
}
