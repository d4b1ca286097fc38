// The path through two dimensions of the state or three, with the same cursor; three can be turned.

const ROOM = { left: 46, right: 14, top: 12, bottom: 32 };

function pathOf(canvas) {
  const layer = layerOf(canvas);
  const own = { spoil: layer.spoil, draw, picture, rows, nearest, turn, get isSpatial() { return Boolean(shown?.scene?.z); } };
  let shown = null, yaw = -0.6, pitch = 0.45, place = null;

  function turn(across, up) {
    yaw += across;
    pitch = Math.max(-1.5, Math.min(1.5, pitch + up));
    layer.spoil();
  }

  // `state`: item, beside, scene, others, step, segments, spikes, pathColour, besideColour, colours.
  function draw(state) {
    shown = state;
    const pen = penOf(canvas), { item, beside, scene } = state;
    if (!item || !scene || !pen.width) return;
    layer.copy(pen, (to) => {
      place = projection(pen);
      paint(to);
    });
    const { to, ink } = pen;
    if (beside) dot(to, beside.path, ink, 0.6, state.step < beside.steps);
    dot(to, item.path, ink, 1, state.step < item.steps);
  }

  // For a file: what is shown, and where each step of the path lies.
  function picture(to, width, height) {
    const pen = { ...inked(canvas, to), width, height };
    paint(pen);
    dot(to, shown.item.path, pen.ink, 1, shown.step < shown.item.steps);
  }
  function rows() {
    const { item: { path }, scene } = shown, axes = ["x", "y", "z"].filter((axis) => path[axis]);
    return [["step", ...axes.map((axis) => scene[`${axis}Name`])],
      ...Array.from(path.x, (_, i) => [path.steps ? path.steps[i] : i, ...axes.map((axis) => path[axis][i])])];
  }

  function dot(to, path, ink, alpha, isThere) {
    const at = placeOf(path.steps, shown.step, path.x.length), [x, y] = place(path.x[at], path.y[at], path.z?.[at]);
    to.fillStyle = ink; to.globalAlpha = alpha * (isThere ? 1 : 0.35);
    to.beginPath(); to.arc(x, y, 5, 0, 7); to.fill();
    to.globalAlpha = 1;
  }

  function paint(pen) {
    const { to, ink } = pen, { item, beside, scene, others, segments, spikes, pathColour, colours } = shown;
    own.isSpatial ? box(pen) : axes(pen);
    line(to, scene, 0, scene.x.length, ink, 1, 0.16);
    if (others) line(to, others, 0, others.x.length, ink, 1.2, 0.5);
    if (beside) {
      to.setLineDash([5, 4]);
      line(to, beside.path, 0, beside.path.x.length, shown.besideColour, 2, 0.9);
      to.setLineDash([]);
    }
    const way = item.path, n = way.x.length, at = (step) => placeOf(way.steps, step, n);
    line(to, way, 0, n, pathColour, 2.2, 1);
    for (const [first, last] of spikes) line(to, way, at(first), at(last) + 1, colours.cost, 4, 0.8);
    for (const { first, last, isKept } of segments) line(to, way, at(first), at(last) + 1, isKept ? colours.n : ink, 5, 0.75);
    const [startX, startY] = place(way.x[0], way.y[0], way.z?.[0]), [endX, endY] = place(way.x[n - 1], way.y[n - 1], way.z?.[n - 1]);
    to.fillStyle = to.strokeStyle = pathColour; to.lineWidth = 2;
    to.beginPath(); to.arc(startX, startY, 6, 0, 7); to.stroke();
    to.fillRect(endX - 5, endY - 5, 10, 10);
  }

  function line(to, { x, y, z }, from, until, colour, thick, alpha) {
    to.beginPath();
    let isDown = false; // NaN parts one line from the next
    for (let i = from; i < until; i++) {
      if (Number.isNaN(x[i])) { isDown = false; continue; }
      const [across, up] = place(x[i], y[i], z?.[i]);
      if (isDown) to.lineTo(across, up); else to.moveTo(across, up);
      isDown = true;
    }
    to.strokeStyle = colour; to.lineWidth = thick; to.globalAlpha = alpha; to.lineJoin = "round";
    to.stroke();
    to.globalAlpha = 1;
  }

  // From coordinates to pixels: along two axes, or orthographic after a turn about the vertical and a tilt.
  function projection({ width, height }) {
    const [xs, ys, zs] = bounds(width, height);
    if (!zs) {
      return (x, y) => [
        ROOM.left + ((x - xs[0]) / (xs[1] - xs[0])) * (width - ROOM.left - ROOM.right),
        height - ROOM.bottom - ((y - ys[0]) / (ys[1] - ys[0])) * (height - ROOM.top - ROOM.bottom),
      ];
    }
    const size = Math.min(width, height) / 3.6, unit = (value, [low, high]) => (2 * (value - low)) / (high - low) - 1;
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    return (x, y, z) => {
      const [a, b, c] = [unit(x, xs), unit(y, ys), unit(z, zs)], depth = a * sy + b * cy;
      return [width / 2 + size * (a * cy - b * sy), height / 2 - size * (c * cp + depth * sp)];
    };
  }

  // Of each axis, for all that is drawn; on one scale, as the world is, where the dimensions are of one kind.
  function bounds(width, height) {
    const span = (range, ...lines) => {
      let [low, high] = range;
      for (const values of lines) for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
      const room = (high - low || 1) * 0.04;
      return [low - room, high + room];
    };
    const { scene, item, beside } = shown, lines = (axis) => [item.path[axis], ...(beside ? [beside.path[axis]] : [])];
    const all = ["x", "y", "z"].filter((axis) => scene[axis]).map((axis) => span(scene[`${axis}Range`], ...lines(axis)));
    if (!scene.isAlike) return all;
    const sizes = scene.z ? [1, 1, 1] : [width - ROOM.left - ROOM.right, height - ROOM.top - ROOM.bottom];
    const unit = Math.max(...all.map(([low, high], i) => (high - low) / sizes[i]));
    return all.map(([low, high], i) => [-1, 1].map((side) => (low + high + side * unit * sizes[i]) / 2));
  }

  function axes({ to, width, height, ink }) {
    const [[low, high], [bottom, top]] = bounds(width, height);
    to.fillStyle = ink;
    for (const at of ticks(low, high, 4)) {
      const [x] = place(at, bottom);
      to.globalAlpha = 0.1; to.fillRect(x, ROOM.top, 1, height - ROOM.top - ROOM.bottom);
      to.globalAlpha = 0.6; to.textAlign = "center"; to.fillText(figure(at), x, height - 18);
    }
    for (const at of ticks(bottom, top, 4)) {
      const [, y] = place(low, at);
      to.globalAlpha = 0.1; to.fillRect(ROOM.left, y, width - ROOM.left - ROOM.right, 1);
      to.globalAlpha = 0.6; to.textAlign = "right"; to.fillText(figure(at), ROOM.left - 5, y + 4);
    }
    to.globalAlpha = 0.75; to.textAlign = "center"; to.fillText(shown.scene.xName, width / 2, height - 4);
    to.textAlign = "left"; to.fillText(shown.scene.yName, ROOM.left + 4, 14);
    to.globalAlpha = 1;
  }

  function box({ to, width, height, ink }) {
    const all = bounds(width, height), names = [shown.scene.xName, shown.scene.yName, shown.scene.zName];
    to.strokeStyle = to.fillStyle = ink; to.lineWidth = 1;
    for (const axis of [0, 1, 2]) {
      const [one, two] = [0, 1, 2].filter((other) => other !== axis);
      for (const [i, j] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
        const corner = [0, 0, 0];
        corner[one] = all[one][i]; corner[two] = all[two][j];
        const [from, until] = all[axis].map((value) => { corner[axis] = value; return place(...corner); });
        to.globalAlpha = i || j ? 0.12 : 0.5;
        to.beginPath(); to.moveTo(...from); to.lineTo(...until); to.stroke();
        if (i || j) continue;
        to.globalAlpha = 0.75; to.textAlign = "center";
        to.fillText(names[axis], (from[0] + until[0]) / 2, (from[1] + until[1]) / 2 + (axis === 2 ? 0 : 14));
      }
    }
    to.globalAlpha = 1; to.textAlign = "left";
  }

  // The step of the path that lies nearest to the pointer.
  function nearest(event) {
    const { left, top } = canvas.getBoundingClientRect(), { x, y, z, steps } = shown.item.path;
    let best = 0, least = Infinity;
    for (let i = 0; i < x.length; i++) {
      const [across, up] = place(x[i], y[i], z?.[i]), away = Math.hypot(across - event.clientX + left, up - event.clientY + top);
      if (away < least) { least = away; best = i; }
    }
    return steps ? steps[best] : best;
  }
  return own;
}
