/* ---- elements ---- */
const make = (name, attributes = {}, ...inside) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside);
  return made;
};
const draw = (name, attributes, inside = "") => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (inside) made.textContent = inside;
  return made;
};

let arch = null, cell = -1;

/* ---- pictures ---- */
const idleNodes = (adjacency, labels) => {
  const n = labels.length, open = labels.map((label) => label !== "none");
  const reached = open.map((is, v) => is && !adjacency.some((row) => row[v]));
  for (let v = 0; v < n; v++) reached[v] ||= open[v] && adjacency.some((row, i) => row[v] && reached[i]);
  const useful = Array(n).fill(false);
  useful[n - 1] = true;
  for (let v = n - 2; v >= 0; v--) useful[v] = open[v] && adjacency[v].some((is, j) => is && useful[j]);
  return labels.map((_, v) => !(reached[v] && useful[v]));
};

const picture = (number, part) => {
  const [place, slots, fixed] = data.wirings[number];
  const [width, height, boxes, lines, adjacency] = data.scenes[place];
  const labels = slots.map((slot, i) => (slot ? slot[1][arch[slot[0]]] : fixed[i]));
  const idle = idleNodes(adjacency, labels);
  const look = (node) => (idle[node] ? "idle" : "") + (labels[node] in data.hues ? " hued" : "");
  const hue = (node) => (labels[node] in data.hues ? `--hue:var(--series-${data.hues[labels[node]]})` : "");
  const svg = draw("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, role: "group" });
  svg.style.maxWidth = `${width * 1.15}px`;
  svg.setAttribute("aria-label", data.parts[part].title || "cell");
  for (const [path, node] of lines) {
    svg.append(draw("path", node < 0 ? { d: path } : { d: path, class: look(node), style: hue(node) }));
  }
  boxes.forEach(([x, y, wide, node], i) => {
    if (wide === 2 * DOT) {
      svg.append(draw("circle", { cx: x, cy: y, r: DOT }));
      svg.append(draw("text", { x, y: y + 4 }, node < 0 ? String(i) : "+"));
      return;
    }
    const box = draw("g", { class: look(node), style: hue(node), "data-node": node });
    box.append(draw("rect", { x: x - wide / 2, y: y - BOX / 2, width: wide, height: BOX, rx: 7 }));
    const fits = Math.floor((wide - 8) / 7.3);
    box.append(draw("text", { x, y: y + 4 },
      labels[node].length > fits ? `${labels[node].slice(0, fits - 1)}…` : labels[node]));
    const slot = slots[node];
    if (slot) {
      const j = slot[0];
      box.setAttribute("role", "button");
      box.setAttribute("tabindex", "0");
      box.setAttribute("data-decision", j);
      box.setAttribute("aria-label", `${data.decisions[j].name}: ${labels[node]}`);
      const step = (back) => choose(changed(arch, j, (arch[j] + (back ? options[j] - 1 : 1)) % options[j]));
      box.addEventListener("click", (event) => step(event.shiftKey));
      box.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        step(event.shiftKey);
      });
    }
    svg.append(box);
  });
  return svg;
};

const showPictures = () => {
  const held = document.activeElement?.getAttribute("data-decision");
  const shown = data.parts.map((part, p) => {
    const number = cell >= 0 ? wirings[p][cell] : part.known[part.wires.map((j) => arch[j]).join()];
    const inside = number === undefined
      ? make("p", { class: "key" }, "A wiring that no cell of this page has: it is not drawn.")
      : picture(number, p);
    return part.title ? make("figure", {}, make("figcaption", {}, part.title), inside) : make("figure", {}, inside);
  });
  $("pictures").replaceChildren(...shown);
  if (held != null) $("pictures").querySelector(`[data-decision="${held}"]`)?.focus();
};

/* ---- decisions ---- */
const inputs = [];
const buildDecisions = () => {
  const edges = make("div", { class: "edges" });
  data.decisions.forEach((decision, j) => {
    if (decision.labels.join() === "absent,present") {
      const input = make("input", { type: "checkbox" });
      input.addEventListener("change", () => choose(changed(arch, j, Number(input.checked))));
      edges.append(make("label", {}, input, ` ${decision.name}`));
      inputs.push([input]);
      return;
    }
    const radios = decision.labels.map((label, option) => {
      const input = make("input", { type: "radio", name: `decision-${j}`, value: option });
      input.addEventListener("change", () => choose(changed(arch, j, option)));
      return input;
    });
    const labels = radios.map((input, k) => {
      const label = make("label", {}, input, decision.labels[k]);
      const hue = data.hues[decision.labels[k]];
      if (hue !== undefined) label.style.setProperty("--hue", `var(--series-${hue})`);
      return label;
    });
    inputs.push(radios);
    const long = decision.name.length > 14;
    $("decisions").append(make("fieldset", { class: long && "long" },
      make("legend", {}, decision.name), make("div", { class: "options" }, ...labels)));
  });
  if (edges.childElementCount) {
    $("decisions").prepend(make("fieldset", { class: "long" }, make("legend", {}, "edges"), edges));
  }
  $("choices").open = d <= 8 || !data.parts.length;
  $("hint").hidden = !data.parts.length;
};
const showDecisions = () => inputs.forEach((group, j) => {
  if (group.length === 1) group[0].checked = arch[j] === 1; else group[arch[j]].checked = true;
});
