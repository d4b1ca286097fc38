// What goes before the script of a component that lives on its element: how long it lives, and how it makes elements.

// One instance, made by `begin` and kept on `holder` by its name; `show` gives it what Python says. Streamlit calls a
// component again on every rerun, and a busy page may end and begin the same element anew: what the instance holds stays.
// It is ended when nobody has come back for a while.
function lifetime(holder, name, begin, show) {
  const own = (holder[name] ??= begin());
  const visit = (own.visit = (own.visit ?? 0) + 1);
  show(own);
  return () => setTimeout(() => { if (own.visit === visit) { own.end(); delete holder[name]; } }, 3000);
}

function element(kind, className = "", words = "") {
  return Object.assign(document.createElement(kind), { className, textContent: words });
}
