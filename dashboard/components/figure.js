// Three buttons at the top right of a Plotly chart. Pictures are made by the Plotly that drew it, as it is zoomed;
// the CSV is made by the server when it is asked for: a hidden button of Streamlit's stands for it.

export default function ({ data, parentElement }) {
  const own = (parentElement.__figure ??= begin(parentElement));
  own.take(data);
}

function begin(host) {
  let data = null;
  const frame = () => host.getRootNode().host.closest('[class*="st-key-figure-"]');
  const menu = downloads.menu("", () => data.name, {
    PNG: () => picture("png").then((url) => fetch(url)).then((answer) => answer.blob()),
    SVG: () => picture("svg").then((url) => decodeURIComponent(url.slice(url.indexOf(",") + 1))),
    CSV: () => frame().querySelector('[class*="-csv"] button').click(),
  });
  host.append(menu);

  async function picture(format) {
    const chart = await until(() => window.Plotly && frame().querySelector(".js-plotly-plot"));
    const { l, r, t, b } = chart._fullLayout.margin; // fonts of the page may be missing where it is shown, and others wider
    const roomy = { ...chart.layout, margin: { ...chart.layout.margin, l: l + 8, r: r + 40, t: t + 8, b: b + 8 } };
    const size = { width: chart.clientWidth + 48, height: chart.clientHeight + 16 };
    return window.Plotly.toImage({ data: chart.data, layout: roomy }, { format, ...size, scale: format === "png" ? 2 : 1 });
  }

  return { take: (next) => { data = next; menu.name(next.words); } };
}

async function until(found, patience = 50) {
  for (let i = 0; i < patience; i++) {
    if (found()) return found();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the chart is not drawn yet");
}
