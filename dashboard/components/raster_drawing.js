// How a raster is drawn, with any pen that is like a canvas's context: its picture, axes and names, and what is pointed at.
// One global name, as this text goes before that of the component.

const rasterDrawing = (() => {
  const LEFT = 104, RIGHT = 14, TOP = 10, BOTTOM = 36, STRIP = 8, HEIGHT = 520, NAMES = LEFT - STRIP - 8;
  const within = (value, low, high) => Math.min(Math.max(value, low), high);

  // A picture as it travels from Python: cells that each keep their highest step, and where in the cell that is.
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

  // Where things are: the plot's box in CSS pixels, and the way from rows and times to pixels and back.
  function makeLayout(view, width) {
    const w = Math.max(1, width - LEFT - RIGHT), h = HEIGHT - TOP - BOTTOM;
    return {
      view, w, h,
      toX: (time) => LEFT + (time - view.from) / (view.to - view.from) * w,
      toY: (row) => TOP + (row - view.top) / (view.bottom - view.top) * h,
      toTime: (x) => view.from + (x - LEFT) / w * (view.to - view.from),
      toRow: (y) => view.top + (y - TOP) / h * (view.bottom - view.top),
      inside: ({ x, y }) => ({ x: within(x, LEFT, LEFT + w), y: within(y, TOP, TOP + h) }),
    };
  }

  // The cell of a picture at a place that the view shows; of its steps the highest.
  function cellAt(picture, view, row, time) {
    if (!picture || row < view.top || row >= view.bottom || time < view.from || time >= view.to) return null;
    const i = place(picture.edges, row) | 0, j = Math.floor((time - picture.from) / picture.width);
    if (i < 0 || j < 0 || i >= picture.edges.length - 1 || j >= picture.columns) return null;
    const at = i * picture.columns + j, level = picture.levels[at], top = picture.edges[i], height = picture.edges[i + 1] - top;
    const from = picture.from + j * picture.width;
    return {
      level, of: height * picture.width, box: { top, bottom: top + height, from, to: from + picture.width },
      row: level ? top + picture.rowsWithin[at] : Math.floor(row), time: from + (level ? picture.timesWithin[at] : 0),
    };
  }

  // Both pictures of the plot, pixel by pixel: the cells, and the strip of labels beside them.
  function painted(data, picture, layout, ratio) {
    return { cells: paintedCells(picture, layout, ratio, colours(data.scale)), strip: paintedStrip(data, layout, ratio) };
  }

  // Every pixel takes the highest of the cells under it.
  function paintedCells(picture, { view, w, h }, ratio, palette) {
    const [wide, tall] = [Math.round(w * ratio), Math.round(h * ratio)];
    const canvas = new OffscreenCanvas(wide, tall), pen = canvas.getContext("2d"), image = pen.createImageData(wide, tall);
    const out = new Uint32Array(image.data.buffer), { levels, columns } = picture;
    const across = spans(wide, view.from, view.to, (time) => (time - picture.from) / picture.width, columns);
    const down = spans(tall, view.top, view.bottom, (row) => place(picture.edges, row), picture.edges.length - 1);
    for (let y = 0; y < tall; y++) {
      const [top, bottom] = [down[2 * y], down[2 * y + 1]], at = y * wide;
      if (y && top === down[2 * y - 2] && bottom === down[2 * y - 1]) { out.copyWithin(at, at - wide, at); continue; }
      for (let x = 0; x < wide; x++) {
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

  function paintedStrip({ rows: { labels }, label_keys }, { h, toRow }, ratio) {
    const tall = Math.round(h * ratio), canvas = new OffscreenCanvas(1, tall), pen = canvas.getContext("2d");
    for (let y = 0; y < tall; y++) { // the rarest label of the rows under a pixel: codes are in order of rarity
      const first = Math.floor(toRow(TOP + y / ratio)), last = Math.max(first + 1, Math.ceil(toRow(TOP + (y + 1) / ratio)));
      let code = 255;
      for (let row = Math.max(0, first); row < Math.min(labels.length, last); row++) code = Math.min(code, labels[row]);
      if (code === 255) continue;
      pen.fillStyle = label_keys[code].colour;
      pen.fillRect(0, y, 1, 1);
    }
    return canvas;
  }

  // All but what is pointed at. `look`: the page's text, ground, line, accent and font.
  function plot(pen, data, layout, { cells, strip }, look) {
    const { view, w, h, toY } = layout;
    pen.font = `12px ${look.font}`;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(cells, LEFT, TOP, w, h);
    pen.drawImage(strip, LEFT - STRIP - 3, TOP, STRIP, h);
    pen.fillStyle = look.text;
    pen.strokeStyle = look.line;
    pen.lineWidth = 1;
    pen.strokeRect(LEFT - .5, TOP - .5, w + 1, h + 1);
    pen.globalAlpha = .8;
    timeAxis(pen, data, layout);
    pen.textBaseline = "middle";
    if (h / (view.bottom - view.top) >= 13) rowNames(pen, data, layout);
    else if (data.groups.length) groupNames(pen, data, layout);
    else for (const tick of ticks(view.top, view.bottom, 6, 1)) pen.fillText(count.format(tick), NAMES, Math.min(toY(tick), TOP + h - 6));
    pen.globalAlpha = 1;
    separators(pen, data, layout, look);
  }

  function timeAxis(pen, data, { view, w, h, toX }) {
    pen.textBaseline = "top";
    for (const tick of ticks(view.from, view.to - 1, Math.max(2, w / 110), 1)) {
      const x = toX(tick + .5);
      pen.fillRect(Math.round(x), TOP + h, 1, 4);
      pen.textAlign = "center";
      pen.fillText(count.format(tick), x, TOP + h + 6);
    }
    pen.textAlign = "right";
    pen.fillText(data.time_name, LEFT + w, TOP + h + 21);
  }

  function rowNames(pen, { rows: { order } }, { view, h, toY }) {
    for (let row = Math.floor(view.top); row < Math.min(view.bottom, order.length); row++) {
      const y = toY(row + .5);
      if (y > TOP && y < TOP + h) pen.fillText(count.format(order[row]), NAMES, y);
    }
  }

  function groupNames(pen, { groups }, { h, toY }) {
    let first = 0, free = -Infinity; // where the next name has room
    for (const group of groups) {
      const [top, bottom] = [Math.max(TOP, toY(first)), Math.min(TOP + h, toY(first + group.n))];
      first += group.n;
      const y = Math.max(top + 8, Math.min((top + bottom) / 2, TOP + h - 20), free);
      if (bottom <= top || y > TOP + h) continue;
      pen.fillText(group.name, NAMES, y - 1);
      pen.fillText(count.format(group.n), NAMES, y + 13);
      free = y + 32;
    }
  }

  function separators(pen, { groups }, { w, h, toY }, look) {
    let row = 0;
    pen.fillStyle = look.ground;
    for (const group of groups.slice(0, -1)) {
      row += group.n;
      const y = toY(row);
      if (y > TOP && y < TOP + h) pen.fillRect(LEFT - STRIP - 3, Math.round(y) - 1, w + STRIP + 3, 2);
    }
  }

  // What is pointed at: the chosen row and time, a cell, and the box of a zoom; each may be missing.
  function pointer(pen, layout, { chosen, cell, zoom }, look) {
    const { w, h, toX, toY } = layout;
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, TOP, w, h);
    pen.clip();
    if (chosen) mark(pen, chosen, layout, look);
    if (cell) {
      const { top, bottom, from, to } = cell.box, [x, y] = [toX(from), toY(top)];
      for (const [colour, width] of [[look.ground, 3], [look.text, 1.5]]) {
        pen.strokeStyle = colour;
        pen.lineWidth = width;
        pen.strokeRect(x, y, Math.max(3, toX(to) - x), Math.max(3, toY(bottom) - y));
      }
    }
    if (zoom) {
      const [from, to] = zoom, area = [from.x, from.y, to.x - from.x, to.y - from.y];
      pen.fillStyle = pen.strokeStyle = look.accent;
      pen.globalAlpha = .25;
      pen.fillRect(...area);
      pen.globalAlpha = 1;
      pen.strokeRect(...area);
    }
    pen.restore();
  }

  function mark(pen, { row, time }, { w, toX, toY }, look) {
    const y = toY(row + .5);
    for (const [colour, width] of [[look.ground, 3], [look.text, 1]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.setLineDash(width === 1 ? [5, 4] : []);
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(LEFT + w, y);
      pen.stroke();
      pen.setLineDash([]);
      if (time === null) continue;
      pen.beginPath();
      pen.arc(toX(time + .5), y, 6, 0, 7);
      pen.lineWidth = width + 1;
      pen.stroke();
    }
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

  function colours(scale) { // 256 pixels as numbers; 0 is clear
    const canvas = new OffscreenCanvas(255, 1), pen = canvas.getContext("2d"), gradient = pen.createLinearGradient(0, 0, 254, 0);
    scale.forEach((colour, i) => gradient.addColorStop(i / (scale.length - 1), colour));
    pen.fillStyle = gradient;
    pen.fillRect(0, 0, 255, 1);
    const found = new Uint32Array(256);
    found.set(new Uint32Array(pen.getImageData(0, 0, 255, 1).data.buffer), 1);
    return found;
  }

  return { HEIGHT, within, unpacked, makeLayout, cellAt, painted, plot, pointer };
})();
