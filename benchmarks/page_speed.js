// Runs in the measured page. Says when what was watched changed last, from the last input event on, after its paint.

(() => {
  const speed = (window.__speed = { began: 0, changed: 0, first: 0 });
  for (const kind of ["pointerdown", "pointerup", "keydown", "wheel", "input"])
    window.addEventListener(kind, (event) => { if (event.isTrusted) speed.began = event.timeStamp; }, true);

  // All elements of a selector, those in the shadow trees of components too: each part of it may lie in another tree.
  const found = (selectors) => selectors.split(",").flatMap((selector) =>
    selector.trim().split(" ").reduce((roots, part) => [...new Set(roots.flatMap((root) => within(root, part)))], [document]));
  function within(root, part) {
    const here = [...root.querySelectorAll(part)];
    for (const element of [root, ...root.querySelectorAll("*")]) if (element.shadowRoot) here.push(...within(element.shadowRoot, part));
    return here;
  }

  const tiny = new OffscreenCanvas(160, 120).getContext("2d", { willReadFrequently: true });
  function looks(element) {
    if (element.tagName !== "CANVAS") return element.innerHTML;
    tiny.clearRect(0, 0, 160, 120);
    try { tiny.drawImage(element, 0, 0, 160, 120); } catch { return element.width; }
    let hash = 17;
    for (const part of new Uint32Array(tiny.getImageData(0, 0, 160, 120).data.buffer)) hash = (hash * 31 + part) | 0;
    return hash;
  }
  const look = (selector) => found(selector).filter((element) => element.getClientRects().length).map(looks).join("|");

  let watch = 0;
  speed.watch = (selector) => {
    const mine = ++watch;
    let last = look(selector);
    Object.assign(speed, { began: 0, changed: 0 });
    const turn = () => {
      if (mine !== watch) return;
      const now = look(selector);
      if (now !== last) { last = now; painted().then((at) => { speed.changed = at; }); }
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  };
  speed.stop = () => { watch++; };
  const painted = () => new Promise((resolve) => { // the task after the frame
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    requestAnimationFrame(() => port2.postMessage(0));
  });

  // The first paint of a page: its heading, and all of these.
  speed.paint = (selectors) => {
    const turn = () => {
      if (["h1", ...selectors].every((selector) => found(selector).some((element) => element.getClientRects().length)))
        painted().then((at) => { speed.first = at; });
      else requestAnimationFrame(turn);
    };
    turn();
  };
})();
