// The card of the tour and the ring around what it speaks of. Arrow keys and Escape while the card has the focus.

export default function ({ data, parentElement, setStateValue }) {
  return lifetime(parentElement, "__tour", () => begin(parentElement), (own) => {
    own.send = (move) => setStateValue("move", move);
    own.show(data);
  });
}

// The card that a press of a key or a button asked for; it takes the focus when it is there. Said again until it is heard:
// with a run that another one replaces, Streamlit loses a trigger, and may lose the callback of a value.
let wanted = null;
const PATIENCE_MS = 2000;

// Where the card may be, best first: it covers no main button, which somebody may want to press while it is open.
const CORNERS = ["bottom right", "top right", "bottom left", "top left"];
const MAIN_BUTTONS = '[data-testid^="stBaseButton-primary"]';

function begin(host) {
  const card = element("section", "card"), ring = element("div", "ring");
  const title = element("h2"), words = element("p"), far = element("span", "far");
  const [back, next, skip] = ["Back", "Next", "Skip"].map((text) => Object.assign(element("button", "", text), { type: "button" }));
  const row = element("div", "row"), close = Object.assign(element("button", "close", "×"), { type: "button" });
  next.classList.add("primary");
  close.setAttribute("aria-label", "End the tour");
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-modal", "false");
  words.setAttribute("aria-live", "polite");
  row.append(far, skip, back, next);
  card.append(close, title, words, row);
  host.append(ring, card);

  let data = null, hasScrolled = false;
  const own = { send: null, show, end };
  const say = () => own.send({ number: wanted.number, at: wanted.at, said: (wanted.said = Date.now()) });
  const go = (number) => { wanted = { number, at: Date.now() }; say(); };
  const leave = () => go(-1);
  next.onclick = () => go(data.number + 1);
  back.onclick = () => go(data.number - 1);
  skip.onclick = close.onclick = leave;
  const keys = { ArrowRight: () => go(data.number + 1), ArrowLeft: () => data.number > 0 && go(data.number - 1), Escape: leave };
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
    if (isOther) { hasScrolled = false; card.dataset.corner = CORNERS[0]; }
    if (isOther && wanted?.number === data.number) next.focus({ preventScroll: true });
    point();
    place();
  }

  function repeat() {
    if (wanted && wanted.at !== data.heard && Date.now() - wanted.said > PATIENCE_MS) say();
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

  function place() {
    const page = document.querySelector('[data-testid="stMain"]')?.getBoundingClientRect().left ?? 0; // beside the sidebar
    card.style.setProperty("--page", `${page}px`);
    const buttons = [...document.querySelectorAll(MAIN_BUTTONS)].map((button) => button.getBoundingClientRect());
    const isFree = (corner) => {
      card.dataset.corner = corner;
      const own = card.getBoundingClientRect();
      return !buttons.some((it) => it.left < own.right && own.left < it.right && it.top < own.bottom && own.top < it.bottom);
    };
    const now = card.dataset.corner; // it does not come back before it has to
    if (![now, ...CORNERS].some(isFree)) card.dataset.corner = now;
  }
  const timer = setInterval(() => { if (card.isConnected) { point(); place(); repeat(); } }, 150); // it may have been left

  function end() {
    clearInterval(timer);
    window.removeEventListener("keydown", listen, true);
    card.remove();
    ring.remove();
  }
  return own;
}
