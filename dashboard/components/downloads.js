// A quiet row of buttons that give a figure as PNG, SVG and CSV. One global name, as this text goes before that of a component.
//
// downloads.menu(words, name, files)   the row; `files` gives for each format what is in the file, when it is asked for
// downloads.ofDrawing({...})           the three files of a component that draws on a canvas

const downloads = (() => {
  const TYPES = { PNG: "image/png", SVG: "image/svg+xml", CSV: "text/csv" };

  // words: what the figure is; name(): how its files are called; files: { PNG, SVG, CSV }, functions that give a Blob
  // or a text, or nothing where they have seen to it themselves.
  function menu(words, name, files) {
    const root = document.createElement("div"), icon = document.createElement("span"), problem = document.createElement("span");
    root.className = "downloads";
    root.setAttribute("role", "group");
    icon.className = "icon";
    icon.setAttribute("aria-hidden", "true");
    problem.setAttribute("role", "alert");
    root.append(problem);
    for (const [format, make] of Object.entries(files)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = format;
      button.onclick = async () => {
        button.disabled = true;
        problem.textContent = "";
        try {
          const content = await make();
          if (content != null) save(content, `${name()}.${format.toLowerCase()}`, TYPES[format]);
        } catch (error) {
          problem.textContent = `no ${format}: ${error.message}`;
        } finally {
          button.disabled = false;
        }
      };
      root.append(button);
    }
    root.append(icon);
    root.name = (text) => {
      root.setAttribute("aria-label", `Download: ${text}`);
      for (const button of root.querySelectorAll("button")) {
        button.setAttribute("aria-label", `Download as ${button.textContent}: ${text}`);
        button.title = `Download as ${button.textContent}`;
      }
    };
    root.name(words);
    return root;
  }

  function save(content, name, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // element: whose page's colours count; size(): [width, height] in CSS pixels; draw(pen, width, height): draws all of it
  // with a pen that is a canvas's context or like one; rows(): what it shows, the headings first.
  function ofDrawing({ element, size, draw, rows }) {
    const paper = () => getComputedStyle(element).getPropertyValue("--st-background-color").trim() || "#fff";
    return {
      PNG: () => {
        const [width, height] = size(), canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
        canvas.width = 2 * width;
        canvas.height = 2 * height;
        pen.scale(2, 2);
        pen.fillStyle = paper();
        pen.fillRect(0, 0, width, height);
        draw(pen, width, height);
        return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
      },
      SVG: () => {
        const [width, height] = size(), pen = svgPen(width, height);
        draw(pen, width, height);
        return pen.svg(paper());
      },
      CSV: () => csv(rows()),
    };
  }

  // Texts that a spreadsheet would take for a formula begin with an apostrophe, as in charts_csv.py.
  function csv(rows) {
    const cell = (value) => {
      if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
      const text = String(value ?? ""), plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
      return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
    };
    return rows.map((row) => Array.from(row, cell).join(",")).join("\n") + "\n";
  }

  return { menu, save, ofDrawing, csv };
})();
