// A pen that writes down what it draws: the part of CanvasRenderingContext2D that our components use, as SVG text.
// Paths, rectangles, arcs, text, dashes, transformations, rectangular clips; pictures become embedded PNGs.
// `pen.svg(background)` is the document. One global name, as this text goes before that of a component.

function svgPen(width, height) {
  const probe = document.createElement("canvas").getContext("2d"); // understands colours and fonts, and measures text
  const body = [], clips = [], saved = [];
  const fresh = () => ({
    fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, lineCap: "butt", lineJoin: "miter", globalAlpha: 1, font: "10px sans-serif",
    textAlign: "start", textBaseline: "alphabetic", lineDashOffset: 0, imageSmoothingEnabled: true, dash: [], matrix: [1, 0, 0, 1, 0, 0], clip: "",
  });
  let state = fresh(), path = "", box = null;

  const short = (value) => String(+value.toFixed(2));
  const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
  const at = (x, y) => { const [a, b, c, d, e, f] = state.matrix; return [a * x + c * y + e, b * x + d * y + f]; };
  const scale = () => Math.sqrt(Math.abs(state.matrix[0] * state.matrix[3] - state.matrix[1] * state.matrix[2]));
  const point = (x, y) => at(x, y).map(short).join(" ");

  function paint(kind, style) { // as a colour and an opacity, which every reader of SVG knows
    probe.fillStyle = "#000";
    probe.fillStyle = style;
    const [colour, alpha] = /^rgba/.test(probe.fillStyle)
      ? (([r, g, b, a]) => [`rgb(${r},${g},${b})`, +a])(probe.fillStyle.match(/[\d.]+/g)) : [probe.fillStyle, 1];
    const opacity = alpha * state.globalAlpha;
    return `${kind}="${colour}"${opacity < 1 ? ` ${kind}-opacity="${short(opacity)}"` : ""}`;
  }
  const stroke = () => [`fill="none" ${paint("stroke", state.strokeStyle)} stroke-width="${short(state.lineWidth * scale())}"`,
    state.lineCap !== "butt" ? ` stroke-linecap="${state.lineCap}"` : "", state.lineJoin !== "miter" ? ` stroke-linejoin="${state.lineJoin}"` : "",
    state.dash.length ? ` stroke-dasharray="${state.dash.map((value) => short(value * scale())).join(" ")}"` : "",
    state.lineDashOffset ? ` stroke-dashoffset="${short(state.lineDashOffset * scale())}"` : ""].join("");
  const write = (element) => body.push(state.clip ? `<g clip-path="url(#${state.clip})">${element}</g>` : element);
  const rectangle = (x, y, w, h) => `M${point(x, y)}L${point(x + w, y)}L${point(x + w, y + h)}L${point(x, y + h)}Z`;
  const grow = (x, y) => {
    const [px, py] = at(x, y);
    box = box ? [Math.min(box[0], px), Math.min(box[1], py), Math.max(box[2], px), Math.max(box[3], py)] : [px, py, px, py];
  };

  function arc(x, y, radius, from, to, isBack = false) {
    const turn = 2 * Math.PI, whole = Math.abs(to - from) >= turn;
    let span = whole ? turn : (((to - from) % turn) + turn) % turn;
    if (isBack) span = whole ? -turn : span - turn;
    const n = Math.max(1, Math.ceil(Math.abs(span) / 3)), r = short(radius * scale());
    const on = (angle) => point(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
    path += `${path ? "L" : "M"}${on(from)}`;
    for (let i = 1; i <= n; i++) path += `A${r} ${r} 0 0 ${span > 0 ? 1 : 0} ${on(from + (span * i) / n)}`;
    grow(x - radius, y - radius), grow(x + radius, y + radius);
  }

  function text(kind, words, x, y) {
    probe.font = state.font;
    probe.textBaseline = "alphabetic";
    const above = probe.measureText("x").fontBoundingBoxAscent;
    probe.textBaseline = state.textBaseline;
    const down = above - probe.measureText("x").fontBoundingBoxAscent; // to the baseline of letters, the one all readers know
    const wide = words === "" ? "" : ` textLength="${short(probe.measureText(words).width)}" lengthAdjust="spacingAndGlyphs"`; // where the font is missing
    const anchor = { center: "middle", right: "end", end: "end" }[state.textAlign];
    const [a, b, c, d] = state.matrix, [px, py] = at(x, y + down), isPlain = a === 1 && b === 0 && c === 0 && d === 1;
    const place = isPlain ? `x="${short(px)}" y="${short(py)}"` : `transform="matrix(${[a, b, c, d, px, py].map(short).join(" ")})"`;
    write(`<text ${place} ${kind === "fill" ? paint("fill", state.fillStyle) : stroke()}${anchor ? ` text-anchor="${anchor}"` : ""} ${wide} style="font:${escaped(probe.font)};white-space:pre">${escaped(words)}</text>`);
  }

  function drawImage(image, ...places) { // like the canvas: (x, y), (x, y, w, h) or a part of it first
    const w = image.videoWidth || image.naturalWidth || image.width, h = image.videoHeight || image.naturalHeight || image.height;
    const [sx, sy, sw, sh, x, y, dw, dh] = places.length === 8 ? places : [0, 0, w, h, places[0], places[1], places[2] ?? w, places[3] ?? h];
    const copy = document.createElement("canvas");
    copy.width = Math.max(1, Math.round(Math.abs(sw)));
    copy.height = Math.max(1, Math.round(Math.abs(sh)));
    copy.getContext("2d").drawImage(image, sx, sy, sw, sh, 0, 0, copy.width, copy.height);
    const opacity = state.globalAlpha < 1 ? ` opacity="${short(state.globalAlpha)}"` : "";
    const crisp = state.imageSmoothingEnabled ? "" : ' style="image-rendering:pixelated"';
    write(`<image transform="matrix(${state.matrix.map(short).join(" ")})" x="${short(x)}" y="${short(y)}" width="${short(dw)}" height="${short(dh)}" preserveAspectRatio="none"${opacity}${crisp} href="${copy.toDataURL("image/png")}"/>`);
  }

  function multiply(a, b, c, d, e, f) {
    const [A, B, C, D, E, F] = state.matrix;
    state.matrix = [A * a + C * b, B * a + D * b, A * c + C * d, B * c + D * d, A * e + C * f + E, B * e + D * f + F];
  }

  const methods = {
    save: () => { saved.push({ ...state, dash: [...state.dash], matrix: [...state.matrix] }); },
    restore: () => { state = saved.pop() ?? state; },
    translate: (x, y) => multiply(1, 0, 0, 1, x, y),
    scale: (x, y) => multiply(x, 0, 0, y, 0, 0),
    rotate: (angle) => multiply(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0),
    setTransform: (...matrix) => { state.matrix = matrix.length ? matrix : [1, 0, 0, 1, 0, 0]; },
    resetTransform: () => { state.matrix = [1, 0, 0, 1, 0, 0]; },
    beginPath: () => { path = ""; box = null; },
    moveTo: (x, y) => { path += `M${point(x, y)}`; grow(x, y); },
    lineTo: (x, y) => { path += `${path ? "L" : "M"}${point(x, y)}`; grow(x, y); },
    closePath: () => { path += path ? "Z" : ""; },
    rect: (x, y, w, h) => { path += rectangle(x, y, w, h); grow(x, y); grow(x + w, y + h); },
    roundRect: (x, y, w, h) => { path += rectangle(x, y, w, h); grow(x, y); grow(x + w, y + h); },
    quadraticCurveTo: (cx, cy, x, y) => { path += `Q${point(cx, cy)} ${point(x, y)}`; grow(x, y); },
    bezierCurveTo: (ax, ay, bx, by, x, y) => { path += `C${point(ax, ay)} ${point(bx, by)} ${point(x, y)}`; grow(x, y); },
    arc,
    stroke: () => { if (path) write(`<path d="${path}" ${stroke()}/>`); },
    fill: (rule) => { if (path) write(`<path d="${path}" ${paint("fill", state.fillStyle)}${rule === "evenodd" ? ' fill-rule="evenodd"' : ""}/>`); },
    clip: () => { // to the box around the path, within what is clipped already
      const [left, top, right, bottom] = box ?? [0, 0, 0, 0], name = `clip${clips.length}`;
      clips.push(`<clipPath id="${name}"${state.clip ? ` clip-path="url(#${state.clip})"` : ""}><rect x="${short(left)}" y="${short(top)}" width="${short(right - left)}" height="${short(bottom - top)}"/></clipPath>`);
      state.clip = name;
    },
    fillRect: (x, y, w, h) => write(`<path d="${rectangle(x, y, w, h)}" ${paint("fill", state.fillStyle)}/>`),
    strokeRect: (x, y, w, h) => write(`<path d="${rectangle(x, y, w, h)}" ${stroke()}/>`),
    clearRect: () => {}, // the paper is clean
    setLineDash: (dash) => { state.dash = dash.length % 2 ? [...dash, ...dash] : [...dash]; },
    getLineDash: () => [...state.dash],
    fillText: (words, x, y) => text("fill", words, x, y),
    strokeText: (words, x, y) => text("stroke", words, x, y),
    measureText: (words) => { probe.font = state.font; return probe.measureText(words); },
    drawImage,
    svg: (background) => [`<svg xmlns="http://www.w3.org/2000/svg" width="${short(width)}" height="${short(height)}" viewBox="0 0 ${short(width)} ${short(height)}">`,
      clips.length ? `<defs>${clips.join("")}</defs>` : "",
      background ? `<rect width="100%" height="100%" fill="${escaped(background)}"/>` : "", ...body, "</svg>"].join("\n"),
  };
  return new Proxy(methods, {
    get: (all, name) => (name in all ? all[name] : state[name]),
    set: (all, name, value) => { state[name] = value; return true; },
  });
}
