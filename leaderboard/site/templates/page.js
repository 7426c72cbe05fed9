(() => {
  const make = (name, attributes = {}, text = "") => Object.assign(document.createElement(name), attributes, { textContent: text });

  for (const figure of document.querySelectorAll("figure.chart")) figure.chart = new Chart(figure);
  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => figure.chart);

  for (const figure of document.querySelectorAll("figure")) {
    const tools = figure.querySelector(".tools");
    for (const kind of ["SVG", "PNG"]) {
      const button = make("button", { type: "button", title: `Save this figure as ${kind}` }, kind);
      button.addEventListener("click", async () => {
        const url = kind === "SVG" ? dataUrl(exported(figure).text) : await png(figure);
        save(url, `${figure.dataset.file}.${kind.toLowerCase()}`);
      });
      tools.append(button);
    }
  }

  const swatch = (dash, colour) => {
    const svg = element("svg", { class: "swatch", viewBox: "0 0 26 10", "aria-hidden": "true", style: `--series:${colour}` });
    element("line", { x1: 0, x2: 26, y1: 5, y2: 5, "stroke-dasharray": DASHES[dash] || "none" }, svg);
    return svg;
  };
  const entry = (line, name, className = "") => {
    const item = make("li", { className });
    item.append(line, make("bdi", {}, name));
    return item;
  };
  const reference = (line) => entry(swatch(line.dash, "var(--soft)"), line.name, "static");

  /* Small figures carry a legend of their own. */
  for (const chart of charts.filter((c) => c.figure.dataset.kind === "legend")) {
    const list = make("ul", { className: "legend static" });
    list.append(...chart.view.series.map((s) => entry(swatch(lookOf(s).dash, colourOf(s)), s.name)), ...chart.view.lines.map(reference));
    chart.canvas.after(list);
  }

  /* The legend of a board rules all its charts. */
  const legend = document.querySelector("ul.legend:not(.static)");
  if (legend) {
    const buttons = new Map([...legend.querySelectorAll("button")].map((button) => [Number(button.dataset.row), button]));
    const lead = new Set(charts.flatMap((chart) => [...chart.chosen]));
    const first = charts[0] ? charts[0].view : { series: [], lines: [] };
    for (const series of charts.flatMap((c) => c.view.series).filter((s) => !buttons.has(keyOf(s)))) {
      const button = make("button", { type: "button" });
      button.append(swatch("dot", "var(--ink)"), make("bdi", {}, series.name));
      buttons.set(keyOf(series), button);
      const item = make("li");
      item.append(button);
      legend.append(item);
    }
    legend.append(...first.lines.map(reference));
    /* Figures below the first, where the legend is out of sight, name what stands out. */
    const below = charts.slice(1).map((chart) => {
      const list = make("ul", { className: "legend static" });
      chart.canvas.after(list);
      return () => list.replaceChildren(...chart.view.series.filter((s) => chart.chosen.has(keyOf(s)))
        .map((s) => entry(buttons.get(keyOf(s)).querySelector("svg").cloneNode(true), s.name)));
    });
    for (const show of below) show();
    for (const [key, button] of buttons) {
      button.setAttribute("aria-pressed", String(lead.has(key)));
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        for (const chart of charts) { if (on) chart.chosen.add(key); else chart.chosen.delete(key); chart.redraw(); }
        for (const show of below) show();
      });
      const light = (on) => () => { for (const chart of charts) chart.highlight(key, on); };
      button.addEventListener("pointerenter", light(true));
      button.addEventListener("focus", light(true));
      button.addEventListener("pointerleave", light(false));
      button.addEventListener("blur", light(false));
    }
  }

  const switchAxis = (axis) => {
    for (const chart of charts) if (chart.views.some((view) => view.axis === axis)) { chart.axis = axis; chart.redraw(); }
    for (const table of document.querySelectorAll(".by-axis")) table.hidden = table.dataset.axis !== axis;
    for (const input of document.querySelectorAll(".switch[data-switch] input")) input.checked = input.value === axis;
  };
  for (const input of document.querySelectorAll(".switch[data-switch] input")) input.addEventListener("change", () => switchAxis(input.value));
  const start = document.querySelector(".switch[data-switch] input:checked");
  if (start) switchAxis(start.value);
  for (const input of document.querySelectorAll("input[name=others]")) {
    input.addEventListener("change", () => { for (const chart of charts) { chart.others = input.value; chart.redraw(); } });
  }

  /* Tables: sorting keeps details below their rows, and rows without a value last. */
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (!head.dataset.sort) return;
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const down = before ? before === "ascending" : head.dataset.goal === "max";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.value;
        const compare = head.dataset.sort === "text"
          ? (a, b) => key(a).localeCompare(key(b), "en", { numeric: true })
          : (a, b) => Number(key(a)) - Number(key(b)) || 0;
        const rows = [...body.rows].filter((row) => !row.classList.contains("details"));
        const below = new Map(rows.map((row) => [row, row.nextElementSibling]));
        rows.sort(compare);
        if (down) rows.reverse();
        for (const row of [...rows.filter(key), ...rows.filter((row) => !key(row))]) {
          const details = below.get(row);
          body.append(row);
          if (details && details.classList.contains("details")) body.append(details);
        }
      });
    });
  }

  const fold = (button, open) => {
    button.setAttribute("aria-expanded", String(open));
    document.getElementById(button.getAttribute("aria-controls")).hidden = !open;
  };
  for (const button of document.querySelectorAll(".unfold")) {
    button.addEventListener("click", () => fold(button, button.getAttribute("aria-expanded") !== "true"));
    const row = button.closest("tr");
    const light = (on) => () => { for (const chart of charts) chart.highlight(Number(row.dataset.row), on); };
    row.addEventListener("pointerenter", light(true));
    row.addEventListener("pointerleave", light(false));
  }
  const reveal = () => {
    const button = location.hash && document.querySelector(`.unfold[aria-controls="${CSS.escape(location.hash.slice(1))}"]`);
    if (button) fold(button, true);
  };
  addEventListener("hashchange", reveal);
  reveal();

  const filters = document.querySelector(".filters");
  if (filters) {
    const rows = [...document.querySelectorAll(".ranking tr.row")];
    const search = filters.querySelector("input[type=search]");
    const boxes = [...filters.querySelectorAll("input[type=checkbox]")];
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const families = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      let n = 0;
      for (const row of rows) {
        const text = row.dataset.text.toLowerCase();
        const shown = words.every((word) => text.includes(word)) && (!boxes.length || families.has(row.dataset.family));
        row.hidden = !shown;
        const button = row.querySelector(".unfold");
        row.nextElementSibling.hidden = !shown || button.getAttribute("aria-expanded") !== "true";
        n += shown;
      }
      filters.querySelector(".count").textContent = n === rows.length ? `${n} row${n === 1 ? "" : "s"}` : `${n} of ${rows.length} rows`;
    };
    search.addEventListener("input", apply);
    boxes.forEach((box) => box.addEventListener("change", apply));
    apply();
  }

  for (const box of document.querySelectorAll(".command")) {
    const button = make("button", { type: "button", className: "copy" }, "Copy");
    button.addEventListener("click", async () => {
      const code = box.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  }

  /* What scrolls says so. */
  for (const box of document.querySelectorAll(".scroll")) {
    const hint = make("p", { className: "hint", hidden: true }, "Scroll sideways for more →");
    box.before(hint);
    const look = () => {
      const more = box.scrollWidth > box.clientWidth + 2;
      hint.hidden = !more;
      box.classList.toggle("more-right", more && box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
      box.style.setProperty("--seen", `${box.clientWidth}px`);
    };
    box.addEventListener("scroll", look, { passive: true });
    new ResizeObserver(look).observe(box);
    look();
  }

  /* The list of contents marks the section in sight. */
  const links = new Map([...document.querySelectorAll(".toc a")].map((a) => [a.hash.slice(1), a]));
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const passed = sections.filter((section) => section.getBoundingClientRect().top < innerHeight * 0.35);
    const current = passed.at(-1) || sections[0];
    for (const [id, link] of links) {
      if (current && id === current.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
})();
