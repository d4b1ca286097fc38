// Every policy's films of several episodes: one clock, one button, one slider.

export default function ({ data, parentElement }) {
  return lifetime(parentElement, "__wall", () => begin(parentElement), (own) => own.take(data));
}

function begin(host) {
  const root = host.querySelector(".wall"), own = { take, end };
  let films = null, name = "", longest = 1;

  function take(data) {
    if (data.name === name) return; // a rerun of the page: the films go on
    end();
    name = data.name;
    longest = Math.max(...data.cells.map(({ steps }) => steps));
    root.replaceChildren(controls(), grid(data));
    films = filmsOf([...root.querySelectorAll(".screen")], written);
    data.cells.forEach((cell, i) => films.show(i, unpacked(cell), cell.steps));
    films.seek(0, longest);
    written(0);
    (host.host ?? host).dataset.wall = "ready"; // browser tests wait for it
  }

  function controls() {
    const bar = element("div", "bar"), play = element("button", "play", "▶"), at = element("input", "at"), words = element("span", "words");
    Object.assign(play, { type: "button", onclick: () => films.toggle() });
    play.setAttribute("aria-label", "Play");
    Object.assign(at, { type: "range", min: 0, max: longest - 1, value: 0 });
    at.setAttribute("aria-label", "Step");
    at.oninput = () => { films.pause(); films.seek(Number(at.value), longest); written(Number(at.value)); };
    bar.append(play, at, words);
    return bar;
  }

  function grid({ cells, columns }) {
    const all = element("div", "grid");
    all.style.setProperty("--columns", columns);
    for (const { policy, colour, episode } of cells) {
      const cell = element("figure", "screen"), video = element("video"), title = element("figcaption", "", `${policy}, episode ${episode}`);
      Object.assign(video, { muted: true, playsInline: true, preload: "auto" });
      title.style.setProperty("--policy", colour);
      cell.append(title, video, element("div", "waiting"), element("span", "about"));
      all.append(cell);
    }
    return all;
  }

  function written(step) {
    root.querySelector(".at").value = step;
    root.querySelector(".words").textContent = `step ${step} of ${longest - 1}`;
    root.dataset.step = step;
  }

  root.addEventListener("sign", () => {
    const play = root.querySelector(".play");
    play.textContent = films?.isPlaying ? "❚❚" : "▶";
    play.setAttribute("aria-label", films?.isPlaying ? "Pause" : "Play");
  });

  function end() {
    films?.end();
    films = null;
  }
  return own;
}
