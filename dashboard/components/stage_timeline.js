// The timeline: one lane above the other over the same steps, what people and the cost say of them, and the cursor.

const EDGE = 6, HEAD = 12, FOOT = 20;

function timelineOf(canvas) {
  const layer = layerOf(canvas);
  const own = { spoil: layer.spoil, draw, picture, rows, stepAt, readings, isExact: true };
  let shown = null;

  const gutter = () => (shown.beside ? 216 : 168);
  const tall = (lanes) => (lanes.length < 4 ? 58 : 46);
  const across = (width) => {
    const { from, until } = shown.view;
    return (step) => gutter() + ((step - from) / (until - from)) * (width - gutter() - EDGE);
  };

  // `state`: item, beside, detail, view, step, steps, segments, spikes, rank, colours.
  function draw(state) {
    shown = state;
    const lanes = paired(state), row = tall(lanes);
    const pen = penOf(canvas, HEAD + Math.max(1, lanes.length) * row + FOOT);
    if (!state.item || !pen.width) return;
    layer.copy(pen, (to) => paint(to, lanes, row));
    values(pen, lanes, row);
    const x = across(pen.width)(state.step + 0.5);
    pen.to.fillStyle = pen.ink;
    pen.to.fillRect(x - 0.75, 0, 1.5, pen.height - FOOT + 4);
  }

  // For a file: all but the cursor, and the value of every line at each of the steps that are shown.
  function picture(to, width, height) {
    const lanes = paired(shown), row = tall(lanes), pen = { ...inked(canvas, to), width, height };
    paint(pen, lanes, row);
    values(pen, lanes, row);
  }
  function rows() {
    const { view, item, beside } = shown;
    const columns = paired(shown).flatMap((lane) => lane.lines.flatMap(({ line, whole, other }) => [
      [whole.name, shown.detail ? line : whole, item], ...(other ? [[`beside ${whole.name}`, other, beside]] : [])]));
    const steps = Array.from({ length: view.until - view.from }, (_, i) => view.from + i);
    const at = (step) => columns.map(([, line, of]) => (step < of.steps ? valueAt(line, step) : ""));
    return [["step", ...columns.map(([name]) => name)], ...steps.map((step) => [step, ...at(step)])];
  }

  // Each lane with the companion's lines of the same name beside its own, on a scale that fits both.
  function paired({ item, beside, detail }) {
    return (item?.lanes ?? []).map((lane, i) => {
      const names = lane.lines.map((line) => line.name);
      const theirs = (beside?.lanes ?? []).filter((other) => other.lines.some((line) => names.includes(line.name)));
      const otherOf = (name) => theirs.flatMap((other) => other.lines).find((line) => line.name === name);
      const lines = lane.lines.map((whole, j) => ({ line: detail?.lanes[i].lines[j] ?? whole, whole, other: otherOf(whole.name) }));
      const both = [lane, ...theirs];
      return { low: Math.min(...both.map(({ low }) => low)), high: Math.max(...both.map(({ high }) => high)), lines };
    });
  }

  function paint({ to, width, height, ink, accent }, lanes, row) {
    const x = across(width), { segments, spikes, view, item, rank, colours } = shown, floor = height - FOOT;
    to.save();
    to.beginPath(); to.rect(gutter(), 0, width - gutter() - EDGE, height); to.clip();
    for (const { first, last, isKept } of segments) {
      const wide = Math.max(2, x(last + 1) - x(first));
      to.fillStyle = isKept ? colours.n : accent;
      to.globalAlpha = 0.2; to.fillRect(x(first), HEAD, wide, floor - HEAD);
      to.globalAlpha = 0.9; to.fillRect(x(first), HEAD - 3, wide, 3);
    }
    spikes.forEach(([first, last], i) => {
      to.globalAlpha = i === rank ? 1 : 0.55;
      to.fillStyle = colours.cost;
      to.fillRect(x(first), 1, Math.max(2, x(last + 1) - x(first)), i === rank ? 8 : 5);
      if (i === rank) { to.globalAlpha = 0.12; to.fillRect(x(first), HEAD, Math.max(2, x(last + 1) - x(first)), floor - HEAD); }
    });
    to.globalAlpha = 1;
    to.restore();
    own.isExact = true;
    lanes.forEach((lane, i) => {
      const top = HEAD + i * row, span = lane.high - lane.low || 1;
      const y = (value) => top + row - 5 - ((value - lane.low) / span) * (row - 12);
      to.globalAlpha = 0.13; to.fillStyle = ink;
      if (i) to.fillRect(0, top - 0.5, width, 1);
      to.globalAlpha = 1;
      to.save();
      to.beginPath(); to.rect(gutter(), top - 1, width - gutter() - EDGE, row + 1); to.clip();
      for (const { line, other } of lane.lines) {
        if (other) trace(to, other, x, y, width, ink, { lane, isDashed: true, end: shown.beside.steps });
        trace(to, line, x, y, width, ink, { lane, base: y(Math.max(lane.low, 0)), end: item.steps });
      }
      to.restore();
      names(to, lane, top, ink);
    });
    scale(to, x, view, width, floor, ink);
  }

  function trace(to, line, x, y, width, ink, { lane, base = 0, isDashed = false, end }) {
    const { from } = shown.view, until = Math.min(shown.view.until, end);
    if (from >= end) return;
    const { isExact, marks } = drawn(line, from, until, width - gutter() - EDGE);
    if (!isDashed) own.isExact &&= isExact && (shown.detail ?? shown.item).exact;
    const endOf = (i) => x(i + 1 < marks.length ? marks[i + 1][0] : until);
    to.strokeStyle = to.fillStyle = line.colour ?? ink;
    if (line.spread && !isDashed) {
      to.globalAlpha = 0.22;
      const within = (value) => y(Math.max(lane.low, Math.min(lane.high, value)));
      marks.forEach((mark, i) => to.fillRect(x(mark[0]), within(mark[4]), endOf(i) - x(mark[0]) + 0.3, within(mark[3]) - within(mark[4])));
    }
    to.beginPath();
    marks.forEach((mark, i) => {
      if (!isExact && !line.filled) to.lineTo(x(mark[0]), y(mark[1]));
      to.lineTo(x(mark[0]), y(mark[2]));
      if (isExact || line.filled) to.lineTo(endOf(i), y(mark[2]));
    });
    if (line.filled && !isDashed) {
      to.lineTo(endOf(marks.length), base); to.lineTo(x(marks[0][0]), base);
      to.globalAlpha = 0.4; to.fill();
    } else {
      to.setLineDash(isDashed ? [4, 3] : []);
      to.lineWidth = 1.5; to.globalAlpha = line.colour ? 1 : 0.75; to.stroke();
      to.setLineDash([]);
    }
    to.globalAlpha = 1;
  }

  function names(to, lane, top, ink) {
    lane.lines.forEach(({ line }, i) => {
      const at = top + 17 + 17 * i;
      to.fillStyle = line.colour ?? ink; to.fillRect(10, at - 8, 7, 7);
      to.fillStyle = ink; to.globalAlpha = 0.75; to.textAlign = "left";
      to.fillText(shortened(to, line.name, 84), 23, at);
      to.globalAlpha = 1;
    });
  }

  // Of the step under the cursor; the companion's in a column of its own.
  function values({ to, ink }, lanes, row) {
    to.fillStyle = ink; to.textAlign = "right";
    lanes.forEach((lane, i) => lane.lines.forEach(({ line, whole, other }, j) => {
      const at = HEAD + i * row + 17 + 17 * j, column = gutter() - 12;
      to.globalAlpha = 0.9;
      to.fillText(ending(isInDetail() ? line : whole, shown.item), shown.beside ? column - 48 : column, at);
      if (other) { to.globalAlpha = 0.6; to.fillText(ending(other, shown.beside), column, at); }
    }));
    to.globalAlpha = 1; to.textAlign = "left";
  }
  // By name, the value of every line under the cursor.
  function readings() {
    if (!shown?.item) return {};
    const read = ({ line, whole, other }) => [[whole.name, isInDetail() ? line : whole, shown.item], [`beside ${whole.name}`, other, shown.beside]];
    return Object.fromEntries(paired(shown).flatMap((lane) => lane.lines.flatMap(read)).filter(([, line]) => line)
      .map(([name, line, item]) => [name, shown.step < item.steps ? valueAt(line, shown.step) : null]));
  }

  const isInDetail = () => shown.detail && shown.detail.first <= shown.step && shown.step <= shown.detail.last;
  const ending = (line, item) => (shown.step < item.steps ? figure(valueAt(line, shown.step)) : "–");

  // The steps, and where there is more than is shown, how much of it this is.
  function scale(to, x, { from, until }, width, floor, ink) {
    to.fillStyle = ink; to.textAlign = "center";
    for (const step of ticks(from, until - 1, 8)) {
      if (!Number.isInteger(step)) continue;
      to.globalAlpha = 0.25; to.fillRect(x(step + 0.5), floor, 1, 4);
      to.globalAlpha = 0.6; to.fillText(step, x(step + 0.5), floor + 15);
    }
    to.textAlign = "left";
    if (until - from < shown.steps) {
      const left = gutter(), whole = width - left - EDGE;
      to.globalAlpha = 0.15; to.fillRect(left, floor + 17, whole, 3);
      to.globalAlpha = 0.7;
      to.fillRect(left + (from / shown.steps) * whole, floor + 17, Math.max(4, ((until - from) / shown.steps) * whole), 3);
    }
    to.globalAlpha = 1;
  }

  function stepAt(event) {
    const box = canvas.getBoundingClientRect(), { from, until } = shown.view;
    const share = (event.clientX - box.left - gutter()) / (box.width - gutter() - EDGE);
    return Math.max(0, Math.min(shown.steps - 1, Math.floor(from + share * (until - from))));
  }
  return own;
}

function shortened(to, words, room) {
  while (to.measureText(words).width > room && words.length > 2) words = `${words.slice(0, -2)}…`;
  return words;
}
