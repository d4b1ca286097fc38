// What goes before the script of a component that draws numbers on a canvas: arrays as they travel from Python, a sharp
// pen, round numbers along an axis, and numbers as words.

function decoded(text, Kind) {
  const bytes = atob(text), array = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) array[i] = bytes.charCodeAt(i);
  return new Kind(array.buffer);
}

// The pen of a canvas that has a pixel for each of the screen's, wiped clean; it draws in CSS pixels.
function sharpPen(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1, [wide, tall] = [width, height].map((pixels) => Math.round(pixels * ratio));
  if (canvas.width !== wide || canvas.height !== tall) { canvas.width = wide; canvas.height = tall; }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

// How far apart round numbers from low to high are, of which there are about n, `least` or more.
function roundStep(low, high, n, least = 0) {
  const rough = Math.max((high - low) / Math.max(1, n), least), power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
}

function ticks(low, high, n, least = 0) { // those numbers
  const step = roundStep(low, high, n, least), found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step + 0); // no -0
  return found;
}

const plain = (value) => (value === 0 ? "0" : Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6
  ? value.toExponential(2).replace(/\.?0+e/, "e") : String(+value.toPrecision(4)));
const count = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
