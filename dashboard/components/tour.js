// The card of the tour and the ring around what it speaks of. Arrow keys and Escape while the card has the focus.

export default function ({ data, parentElement, setStateValue }) {
  const own = (parentElement.__tour ??= begin(parentElement));
  clearTimeout(own.leaving);
  // Not a trigger: that is lost with a run that another one replaces.
  own.move = (number) => setStateValue("move", { number, at: Date.now() });
  own.show(data);
  return () => { own.leaving = setTimeout(() => { own.end(); parentElement.__tour = null; }, 300); };
}

let wanted = null; // the card that a press of a key or a button asked for: it takes the focus when it is there

function begin(host) {
  const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
  const card = make("section", "card"), ring = make("div", "ring");
  const title = make("h2", ""), words = make("p", ""), far = make("span", "far");
  const [back, next, skip] = ["Back", "Next", "Skip"].map((text) => Object.assign(make("button", "", text), { type: "button" }));
  const row = make("div", "row"), close = Object.assign(make("button", "close", "×"), { type: "button" });
  next.classList.add("primary");
  close.setAttribute("aria-label", "End the tour");
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-modal", "false");
  words.setAttribute("aria-live", "polite");
  row.append(far, skip, back, next);
  card.append(close, title, words, row);
  host.append(ring, card);

  let data = null, hasScrolled = false;
  const own = { move: null, leaving: 0, show, end };
  const go = (number) => { wanted = number; own.move(number < data.of ? number : -1); };
  next.onclick = () => go(data.number + 1);
  back.onclick = () => go(data.number - 1);
  skip.onclick = close.onclick = () => own.move(-1);
  const keys = { ArrowRight: () => go(data.number + 1), ArrowLeft: () => data.number > 0 && go(data.number - 1), Escape: () => own.move(-1) };
  const listen = (event) => { // before the pages' own keys
    if (!keys[event.key] || !event.composedPath().includes(card)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    keys[event.key]();
  };
  window.addEventListener("keydown", listen, true);

  function show(fresh) {
    const isOther = data?.number !== fresh.number;
    data = fresh;
    card.setAttribute("aria-label", `Tour, ${data.number + 1} of ${data.of}: ${data.title}`);
    title.textContent = data.title;
    words.textContent = data.words;
    far.textContent = `${data.number + 1} / ${data.of}`;
    back.disabled = data.number === 0;
    next.textContent = data.number === data.of - 1 ? "Done" : "Next";
    skip.hidden = data.number === data.of - 1;
    if (isOther) hasScrolled = false;
    if (isOther && wanted === data.number) next.focus({ preventScroll: true });
    point();
  }

  function point() { // pages come and change under the card
    const found = data.targets.map((target) => document.querySelector(target)).find((element) => element?.getClientRects().length);
    const box = found?.getBoundingClientRect();
    ring.hidden = !box;
    if (!box) return;
    if (!hasScrolled && (box.top < 0 || box.top > innerHeight - 120)) found.scrollIntoView({ block: "center" });
    hasScrolled = true;
    Object.assign(ring.style, { left: `${box.left - 6}px`, top: `${box.top - 6}px`, width: `${box.width + 12}px`, height: `${box.height + 12}px` });
  }
  const timer = setInterval(point, 150);

  function end() {
    clearInterval(timer);
    window.removeEventListener("keydown", listen, true);
    card.remove();
    ring.remove();
  }
  return own;
}
