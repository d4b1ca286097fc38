// How a map of cells is drawn, with any pen that is like a canvas's context: cells, axes, colour bar, outline of a
// selection. One global name, as this text goes before that of the component.

const cellDrawing = (() => {
  const LEFT = 62, RIGHT = 70, TOP = 8, BOTTOM = 42, BAR = 12, N_COLOURS = 256;

  // Round numbers from low to high, about n of them, as [value, text]; powers of ten where values go by the logarithm.
  function marks(low, high, n, isLog = false) {
    if (isLog) {
      const found = [];
      for (let power = 1; power <= high * 1.0001; power *= 10) if (power >= low) found.push([power, compact.format(power)]);
      return found.length > 1 ? found : [low, high].map((value) => [value, compact.format(value)]);
    }
    const step = roundStep(low, high, n), digits = Math.max(0, Math.min(12, -Math.floor(Math.log10(step) + 1e-9)));
    return ticks(low, high, n).map((value) => {
      const isWide = Math.abs(value) >= 1e6 || (step < 1e-4 && value !== 0);
      return [value, isWide ? value.toExponential(1) : value.toFixed(digits)];
    });
  }

  // The colours of a panel: `of(value)` as CSS, `share(value)` where on the bar it lies, 0 at its foot.
  function makeScale(panel, isDark) {
    const stops = (Array.isArray(panel.scale) ? panel.scale : panel.scale[isDark ? "dark" : "light"]).map((hex) =>
      [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    const colours = Array.from({ length: N_COLOURS }, (_, i) => {
      const at = (i / (N_COLOURS - 1)) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(at));
      return `rgb(${stops[k].map((from, c) => Math.round(from + (at - k) * (stops[k + 1][c] - from))).join(",")})`;
    });
    const place = panel.log ? Math.log : (value) => value, low = place(panel.low), high = place(panel.high);
    const share = (value) => Math.max(0, Math.min(1, (place(value) - low) / (high - low)));
    return { share, of: (value) => colours[Math.round(share(value) * (N_COLOURS - 1))], colours };
  }

  // Where things are: edges of cells in pixels, whole ones of the screen, so that no seam shows between cells.
  function makeLayout(x, y, width, height, ratio) {
    const right = width - RIGHT, bottom = height - BOTTOM, nx = x.edges.length - 1, ny = y.edges.length - 1;
    const snap = (value) => Math.round(value * ratio) / ratio;
    const columns = x.edges.map((_, i) => snap(LEFT + ((right - LEFT) * i) / nx));
    const rows = y.edges.map((_, j) => snap(bottom - ((bottom - TOP) * j) / ny)); // the first row is the lowest
    const cellAt = (px, py) => {
      if (px < LEFT || px >= right || py < TOP || py >= bottom) return null;
      const i = Math.floor(((px - LEFT) / (right - LEFT)) * nx), j = Math.floor(((bottom - py) / (bottom - TOP)) * ny);
      return Math.min(ny - 1, j) * nx + Math.min(nx - 1, i);
    };
    const middle = (cell) => {
      const i = cell % nx, j = Math.floor(cell / nx);
      return [(columns[i] + columns[i + 1]) / 2, (rows[j] + rows[j + 1]) / 2];
    };
    return { x, y, nx, ny, left: LEFT, right, top: TOP, bottom, width, height, columns, rows, cellAt, middle };
  }

  function box(layout, cell) { // of a cell, as x, y, width, height
    const i = cell % layout.nx, j = Math.floor(cell / layout.nx), { columns, rows } = layout;
    return [columns[i], rows[j + 1], columns[i + 1] - columns[i], rows[j] - rows[j + 1]];
  }

  function cells(pen, layout, panel, scale) {
    panel.values.forEach((value, cell) => {
      if (Number.isNaN(value)) return;
      pen.fillStyle = scale.of(value);
      pen.fillRect(...box(layout, cell));
    });
  }

  function line(pen, ax, ay, bx, by) {
    pen.beginPath();
    pen.moveTo(ax, ay);
    pen.lineTo(bx, by);
    pen.stroke();
  }

  function fitted(pen, words, room) {
    if (pen.measureText(words).width <= room) return words;
    let n = words.length - 1;
    while (n > 1 && pen.measureText(`${words.slice(0, n)}…`).width > room) n--;
    return `${words.slice(0, n)}…`;
  }

  function axes(pen, layout, look) {
    const { left, right, top, bottom, x, y } = layout;
    const across = (value) => left + ((value - x.edges[0]) / (x.edges.at(-1) - x.edges[0])) * (right - left);
    const up = (value) => bottom - ((value - y.edges[0]) / (y.edges.at(-1) - y.edges[0])) * (bottom - top);
    pen.font = `11px ${look.font}`;
    pen.fillStyle = look.text;
    pen.strokeStyle = look.line;
    pen.lineWidth = 1;
    line(pen, left, bottom + 0.5, right, bottom + 0.5);
    line(pen, left - 0.5, top, left - 0.5, bottom);
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const [value, words] of marks(x.edges[0], x.edges.at(-1), (right - left) / 70)) {
      line(pen, across(value), bottom, across(value), bottom + 4);
      pen.fillText(words, across(value), bottom + 7);
    }
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const [value, words] of marks(y.edges[0], y.edges.at(-1), (bottom - top) / 45)) {
      line(pen, left - 4, up(value), left, up(value));
      pen.fillText(words, left - 7, up(value));
    }
    pen.font = `12px ${look.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    pen.fillText(fitted(pen, x.name, right - left), (left + right) / 2, layout.height - 6);
    pen.save();
    pen.translate(13, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(fitted(pen, y.name, bottom - top), 0, 0);
    pen.restore();
  }

  function bar(pen, layout, panel, scale, look) {
    const { right, top, bottom } = layout, left = right + 14, height = bottom - top, n = scale.colours.length;
    for (let i = 0; i < n; i += 2) { // overlapping by a little: between them a seam would show
      pen.fillStyle = scale.colours[i];
      pen.fillRect(left, bottom - ((i + 2) / n) * height, BAR, (height * 2) / n + (i ? 0.6 : 0));
    }
    pen.font = `11px ${look.font}`;
    pen.fillStyle = look.text;
    pen.strokeStyle = look.line;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    for (const [value, words] of marks(panel.low, panel.high, 5, panel.log)) {
      const at = bottom - scale.share(value) * height;
      line(pen, left + BAR, at, left + BAR + 3, at);
      pen.fillText(words + panel.unit, left + BAR + 6, at);
    }
  }

  function outline(pen, layout, edges, look) { // of selected cells: dark on light, so that it shows on any colour
    for (const [colour, width] of [[look.paper, 4], [look.text, 1.6]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.lineCap = "square";
      pen.beginPath();
      for (const [i, j, k, l] of edges) {
        pen.moveTo(layout.columns[i], layout.rows[j]);
        pen.lineTo(layout.columns[k], layout.rows[l]);
      }
      pen.stroke();
    }
  }

  // The borders between selected cells and others, as column and row of both ends.
  function borders(selected, nx, ny) {
    const found = [], has = (i, j) => i >= 0 && j >= 0 && i < nx && j < ny && selected.has(j * nx + i);
    for (const cell of selected) {
      const i = cell % nx, j = Math.floor(cell / nx);
      if (!has(i - 1, j)) found.push([i, j, i, j + 1]);
      if (!has(i + 1, j)) found.push([i + 1, j, i + 1, j + 1]);
      if (!has(i, j - 1)) found.push([i, j, i + 1, j]);
      if (!has(i, j + 1)) found.push([i, j + 1, i + 1, j + 1]);
    }
    return found;
  }

  function map(pen, layout, panel, scale, look) {
    cells(pen, layout, panel, scale);
    axes(pen, layout, look);
    bar(pen, layout, panel, scale, look);
  }

  return { makeScale, makeLayout, box, map, outline, borders };
})();
