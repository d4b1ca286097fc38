// A row of a table that the page has chosen is scrolled into view; one that the user has scrolled away stays there.

export default function ({ data, parentElement }) {
  const wanted = JSON.stringify(data);
  if (parentElement.__wanted === wanted) return;
  parentElement.__wanted = wanted;
  let patience = 50; // the table may come later than this

  function show() {
    if (parentElement.__wanted !== wanted) return;
    const table = document.querySelector(data.table), scroller = table?.querySelector(".dvn-scroller");
    if (!scroller) {
      if (--patience) setTimeout(show, 100);
      return;
    }
    const height = scroller.scrollHeight / (data.rows + 1); // of a row; the header is as high as one, and stays
    const above = (data.row - 1) * height, below = (data.row + 3) * height - scroller.clientHeight; // and one row more
    scroller.scrollTop = Math.max(below, Math.min(above, scroller.scrollTop));
  }
  show();
}
