// Films in lock-step, and the clock that moves the one cursor where there is none.

const STEPS_PER_SECOND = 60; // of trajectories without a film

// `screens`: elements that each hold a video, a badge and words to wait with. `onMove` hears of each step while it plays.
function filmsOf(screens, onMove) {
  const all = screens.map((screen) => ({
    screen, video: screen.querySelector("video"), film: null, steps: 1, url: null,
    waiting: screen.querySelector(".waiting"), about: screen.querySelector(".about"),
  }));
  const own = { show, seek, toggle, pause, setRate, badge, end, get isPlaying() { return Boolean(playing); } };
  let playing = null, frame = 0, rate = 1, step = 0, steps = 1;

  const pace = () => { const one = all.find(({ film }) => film)?.film; return one ? one.fps * one.stride : STEPS_PER_SECOND; };
  const frameOf = ({ film, steps: length }, at) => Math.min(Math.ceil(length / film.stride) - 1, Math.round(at / film.stride));

  // Another film in one of the places, or none; true where it differs from the one that is there.
  function show(number, film, length) {
    const one = all[number], isOther = one.film !== film;
    one.steps = length;
    if (!isOther) return false;
    pause();
    if (one.url) URL.revokeObjectURL(one.url);
    one.film = film;
    one.url = film ? URL.createObjectURL(film.blob) : null;
    if (one.url) one.video.src = one.url;
    else if (one.video.hasAttribute("src")) { one.video.removeAttribute("src"); one.video.load(); }
    return true;
  }

  function seek(wanted, length) {
    step = wanted; steps = length;
    for (const one of all) if (one.film) put(one);
    if (playing) playing = { since: performance.now(), from: step };
  }

  // The middle of a frame: at its edge, rounding would show the one before.
  const put = (one) => { one.video.currentTime = (frameOf(one, step) + 0.5) / one.film.fps; };

  function toggle() {
    if (playing) return pause();
    if (step >= steps - 1) { seek(0, steps); onMove(0); }
    playing = { since: performance.now(), from: step };
    for (const one of all) {
      if (!one.film) continue;
      one.video.playbackRate = speed(one.film);
      one.video.play().catch(() => {}); // its film may be shorter, or not there yet: the clock goes on
    }
    sign();
    frame = requestAnimationFrame(move);
  }

  const speed = (film) => Math.max(0.0625, Math.min(16, (rate * pace()) / (film.fps * film.stride)));

  function pause() {
    playing = null;
    cancelAnimationFrame(frame);
    for (const { video } of all) video.pause();
    sign();
  }

  // The first film that still runs leads; where none does, a clock. Who falls behind or ahead by two frames is put right.
  function move() {
    if (!playing) return;
    const now = performance.now(), lead = all.find(({ film, video }) => film && !video.ended && !video.paused);
    if (lead) {
      step = Math.round((lead.video.currentTime * lead.film.fps - 0.5) * lead.film.stride);
      playing = { since: now, from: step };
    } else step = playing.from + Math.round(((now - playing.since) / 1000) * pace() * rate);
    step = Math.max(0, Math.min(steps - 1, step));
    for (const one of all) {
      if (!one.film || one === lead || one.video.ended) continue;
      if (Math.abs(one.video.currentTime * one.film.fps - 0.5 - step / one.film.stride) > 2) put(one);
    }
    if (step >= steps - 1) pause();
    onMove(step);
    if (playing) frame = requestAnimationFrame(move);
  }

  function setRate(wanted) {
    rate = wanted;
    for (const { film, video } of all) if (film) video.playbackRate = speed(film);
    if (playing) playing = { since: performance.now(), from: step };
  }

  const sign = () => screens[0].dispatchEvent(new CustomEvent("sign", { bubbles: true }));

  // Whether the frame on the screen is what was there at this step.
  function badge(number, at, message, isBusy) {
    const { film, steps: length, waiting, about } = all[number];
    waiting.textContent = film ? "" : message;
    waiting.classList.toggle("still", !isBusy);
    const [words, why] = isBusy && !film ? ["on its way", "Frames are rendered."] : verdict(film, length, at);
    about.textContent = words;
    about.title = why;
    about.dataset.is = words.split(" ")[0];
  }

  function verdict(film, length, at) {
    if (!film) return ["not available", "There is no frame of this step."];
    if (at >= length) return ["ended", "This one has ended; its last frame stays."];
    const shown = Math.min(Math.ceil(length / film.stride) - 1, Math.round(at / film.stride)) * film.stride;
    if (!film.exact) return ["approximate", film.note];
    return shown === at ? ["exact", film.note] : ["approximate", `The frame of step ${shown}. ${film.note}`];
  }

  for (const { video } of all) video.addEventListener("click", toggle);

  function end() {
    pause();
    for (const { url } of all) if (url) URL.revokeObjectURL(url);
  }
  return own;
}
