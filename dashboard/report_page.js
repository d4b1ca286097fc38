// Charts follow the reader's light or dark theme, as the page around them does; paper is light.

const isDark = matchMedia("(prefers-color-scheme: dark)");
const inTheme = () => document.querySelectorAll(".js-plotly-plot").forEach((chart) => {
  const [ink, line] = isDark.matches ? ["#E6ECEA", "#2C3534"] : ["#1D2627", "#E7EBEA"];
  const axes = Object.keys(chart._fullLayout).filter((key) => /^[xy]axis\d*$/.test(key));
  const lines = axes.flatMap((axis) => ["gridcolor", "zerolinecolor", "linecolor"].map((part) => [`${axis}.${part}`, line]));
  Plotly.relayout(chart, { "font.color": ink, ...Object.fromEntries(lines) });
});
addEventListener("load", inTheme);
isDark.addEventListener("change", inTheme);
