// What travels from Python, and what is read off it. Lines are step functions: a value holds until the next.

const floats = (text) => (text === null ? null : decoded(text, Float32Array));
const counts = (text) => (text === null ? null : decoded(text, Uint32Array));

function unpacked(value) {
  const line = (one) => ({ ...one, steps: counts(one.steps), values: floats(one.values), spread: floats(one.spread) });
  const lanes = (all) => all.map((lane) => ({ ...lane, lines: lane.lines.map(line) }));
  switch (value.kind) {
    case "film": return { ...value, blob: new Blob([decoded(value.video, Uint8Array)], { type: "video/mp4" }) };
    case "scene": case "paths": return { ...value, x: floats(value.x), y: floats(value.y), z: floats(value.z) };
    case "detail": return { ...value, lanes: lanes(value.lanes) };
    default: {
      const { steps, x, y, z } = value.path;
      const path = { steps: counts(steps), x: floats(x), y: floats(y), z: floats(z) };
      return { ...value, path, lanes: lanes(value.lanes) };
    }
  }
}

// The place of the last of the sorted `steps` that is not after `wanted`; without `steps` there is one for every step.
function placeOf(steps, wanted, length) {
  let low = 0, high = (steps ? steps.length : length) - 1;
  if (!steps) return Math.max(0, Math.min(high, Math.floor(wanted)));
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle] <= wanted) low = middle; else high = middle - 1;
  }
  return low;
}

const valueAt = (line, step) => line.values[placeOf(line.steps, step, line.values.length)];

// What to draw of a line between the steps `from` and `until` on `width` pixels: all of it while each value has at least
// half a pixel, else of each pixel the lowest and the highest, so that no peak is lost. With a `spread`, of its band.
function drawn(line, from, until, width) {
  const { steps, values, spread } = line, stepOf = (i) => (steps ? steps[i] : i);
  const first = placeOf(steps, from, values.length), last = placeOf(steps, until - 1e-9, values.length);
  const least = (i) => values[i] - (spread ? spread[i] : 0), most = (i) => values[i] + (spread ? spread[i] : 0);
  const marks = []; // each: where it begins in steps, value low and high, band low and high
  if (last - first < 2 * width) {
    for (let i = first; i <= last; i++) marks.push([stepOf(i), values[i], values[i], least(i), most(i)]);
    return { isExact: true, marks };
  }
  let pixel = -1, mark = null;
  for (let i = first; i <= last; i++) {
    const here = Math.max(0, Math.floor(((stepOf(i) - from) / (until - from)) * width));
    if (here !== pixel) marks.push((mark = [stepOf(i), values[i], values[i], least(i), most(i)]));
    pixel = here;
    if (values[i] < mark[1]) mark[1] = values[i];
    if (values[i] > mark[2]) mark[2] = values[i];
    if (least(i) < mark[3]) mark[3] = least(i);
    if (most(i) > mark[4]) mark[4] = most(i);
  }
  return { isExact: false, marks };
}

function figure(value) {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return value.toFixed(0);
  return (Math.abs(value) < 0.0005 ? 0 : Number(value.toPrecision(3))).toString();
}

// A part of time that shows `span` times as much, with `around` in its place; never beyond the ends.
function zoomed({ from, until }, span, around, steps) {
  const wanted = Math.max(Math.min(8, steps), Math.min(steps, Math.round((until - from) * span)));
  const share = (around - from) / (until - from);
  const start = Math.max(0, Math.min(steps - wanted, Math.round(around - share * wanted)));
  return { from: start, until: start + wanted };
}

// A canvas of this height, or as high as the page has it, and the pen to draw on it.
function penOf(canvas, height) {
  if (height) canvas.style.height = `${height}px`;
  const { clientWidth: width, clientHeight: tall } = canvas;
  return { ...inked(canvas, sharpPen(canvas, width, tall)), width, height: tall };
}

// A pen in the page's colours and letters; also one that draws for a file.
function inked(canvas, to) {
  const style = getComputedStyle(canvas), ink = style.color, accent = style.getPropertyValue("--st-primary-color").trim() || ink;
  to.font = `12px ${style.fontFamily}`;
  return { to, ink, accent, background: style.getPropertyValue("--st-background-color").trim() };
}

// What changes seldom is drawn once and then copied under what moves.
function layerOf(canvas) {
  const layer = document.createElement("canvas");
  let made = "";
  return {
    spoil() { made = ""; },
    copy(pen, paint) {
      const name = `${canvas.width}/${canvas.height}/${pen.ink}/${pen.background}`;
      if (made !== name) {
        layer.width = canvas.width; layer.height = canvas.height;
        const to = layer.getContext("2d");
        to.setTransform(pen.to.getTransform());
        to.font = pen.to.font;
        paint({ ...pen, to });
        made = name;
      }
      pen.to.drawImage(layer, 0, 0, pen.width, pen.height);
    },
  };
}
