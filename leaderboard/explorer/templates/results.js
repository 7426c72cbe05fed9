/* ---- results ---- */
const head = (titles) => make("thead", {}, make("tr", {}, ...titles.map((title, i) =>
  make("th", { scope: "col", class: i > 0 && "number" }, title))));
const ranked = (column, value) => {
  if (Number.isNaN(value) || !column.goal) return "";
  const { place, of } = rank(column, value);
  return `${place.toLocaleString("en")} of ${of.toLocaleString("en")}`;
};
const seedsOf = (table) => {
  const row = cell < 0 ? -1 : table.row(cell);
  if (!table.seeds || row < 0) return [];
  const n = table.seeds.seeds.length;
  return [...lazily(table.seeds).subarray(row * n, row * n + n)].filter((v) => !Number.isNaN(v));
};
const valueOf = (column) => (cell < 0 ? NaN : column.at(cell));
const cellFor = (column, small) => {
  const value = column ? valueOf(column) : NaN;
  const td = make("td", { class: "number" }, column ? text(column, value) : "–");
  if (column && small) td.append(make("small", {}, small(column, value)));
  if (column) td.setAttribute("data-column", `${column.table.id}/${column.name}`);
  return td;
};
const testOf = (table) => {
  const column = objective(table);
  return column.name.startsWith("test_") ? undefined
    : table.by_name.get(column.name.replace(/^[a-z]+_/, "test_"));
};
const showResults = () => {
  const body = make("tbody");
  for (const table of data.tables) {
    const first = objective(table), seeds = seedsOf(table);
    const what = table.surrogate ? "surrogate" : `${table.dataset}, ${table.epochs} epochs`;
    const mean = seeds.reduce((sum, v) => sum + v, 0) / seeds.length;
    const spread = Math.sqrt(seeds.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (seeds.length - 1));
    const each = make("td", { class: "number" }, seeds.length > 1 ? `± ${short(Number(spread.toPrecision(2)))}` : "–");
    if (seeds.length) {
      each.append(make("small", {}, seeds.map((v) => text({ ...first, unit: first.unit && "%" }, v).replace("\u00a0%", "")).join(", ")));
    }
    const objectiveCell = cellFor(first, ranked);
    objectiveCell.classList.add("first");
    body.append(make("tr", {},
      make("th", { scope: "row" }, table.id, make("small", {}, what)),
      objectiveCell, each, cellFor(testOf(table), ranked), cellFor(table.by_name.get("seconds"))));
  }
  $("results").replaceChildren(head(["Benchmark", "Objective", "Seeds", "Test", "Training"]), body);
  $("curves").replaceChildren(...data.tables.flatMap(curve));
};

const curve = (table) => {
  const row = cell < 0 ? -1 : table.row(cell);
  if (!table.curve || row < 0) return [];
  const { epochs } = table.curve, n = epochs.length;
  const values = [...lazily(table.curve).subarray(row * n, row * n + n)];
  const known = values.filter((v) => !Number.isNaN(v));
  if (known.length < 2) return [];
  const low = Math.min(...known), high = Math.max(...known);
  const x = (epoch) => 4 + (292 * (epoch - epochs[0])) / (epochs[n - 1] - epochs[0]);
  const y = (value) => 72 - (64 * (value - low)) / (high - low || 1);
  const svg = draw("svg", { viewBox: "0 0 300 96", role: "img" });
  const column = table.by_name.get(table.curve.column);
  svg.setAttribute("aria-label", `${column.title} from ${text(column, known[0])} to ${text(column, known.at(-1))}`);
  svg.append(draw("path", { class: "axis", d: "M4 78H296", stroke: "currentColor" }));
  const points = values.flatMap((v, i) => (Number.isNaN(v) ? [] : [`${x(epochs[i]).toFixed(1)},${y(v).toFixed(1)}`]));
  svg.append(draw("polyline", { points: points.join(" ") }));
  for (const point of n > 20 ? [points[0], points.at(-1)] : points) {
    const [cx, cy] = point.split(",");
    svg.append(draw("circle", { cx, cy, r: 2.6 }));
  }
  svg.append(draw("text", { x: 4, y: 92 }, `epoch ${epochs[0]}: ${text(column, values[0])}`));
  svg.append(draw("text", { x: 296, y: 92, "text-anchor": "end" }, `epoch ${epochs[n - 1]}: ${text(column, values[n - 1])}`));
  return [make("figure", {}, make("figcaption", {}, table.id, make("small", {}, column.title)), svg)];
};

const showScores = () => {
  const names = new Map();
  for (const table of data.tables) {
    for (const column of table.columns) {
      if (column === objective(table) || column === testOf(table) || column.name === "seconds") continue;
      names.set(column.name, column);
    }
  }
  $("scored").hidden = !names.size;
  const tables = data.tables.filter((table) => table.columns.some((column) => names.has(column.name)));
  const body = make("tbody", {}, ...[...names].map(([name, column]) => make("tr", {},
    make("th", { scope: "row" }, column.title),
    ...tables.map((table) => cellFor(table.by_name.get(name), ranked)))));
  $("scores").replaceChildren(head(["", ...tables.map((table) => table.id)]), body);
};

/* ---- neighbours ---- */
const columnBy = (id) => {
  const [t, c] = $(id).value.split("/").map(Number);
  return data.tables[t].columns[c];
};
const neighbours = () => {
  const found = [];
  options.forEach((n, j) => {
    for (let option = 0; option < n; option++) {
      if (option === arch[j]) continue;
      const other = changed(arch, j, option), place = cellOf(other);
      if (place >= 0 && place !== cell) found.push({ arch: other, cell: place, j, option });
    }
  });
  return found;
};
let near = [];
const showNeighbours = () => {
  const column = columnBy("by"), own = valueOf(column);
  near = neighbours();
  const all = options.reduce((sum, n) => sum + n - 1, 0);
  for (const one of near) one.value = column.at(one.cell);
  near.sort((a, b) => (Number.isNaN(a.value) ? 1 : Number.isNaN(b.value) ? -1
    : better(column, a.value, b.value) ? -1 : better(column, b.value, a.value) ? 1 : 0));
  $("near").textContent = near.length
    ? `${near.length === all ? `All ${all}` : `${near.length} of ${all}`} cells that differ in one decision, the best first.`
    : "No cell of this page differs in one decision.";
  $("neighbours").replaceChildren(...near.map((one) => {
    const decision = data.decisions[one.j];
    const gap = one.value - own;
    const good = !Number.isNaN(gap) && column.goal && gap !== 0 ? (better(column, one.value, own) ? "up" : "down") : "";
    const sign = Number.isNaN(gap) || !gap ? "" : ` ${gap > 0 ? "+" : "−"}${column.unit === "%" ? Math.abs(gap).toFixed(2) : short(Math.abs(gap))}`;
    const button = make("button", { type: "button", "data-arch": one.arch.join() },
      make("span", {}, `${decision.name}: ${decision.labels[one.option]}`),
      make("span", {}, make("b", {}, text(column, one.value)), make("span", { class: good }, sign)));
    button.addEventListener("click", () => choose(one.arch));
    return make("li", {}, button);
  }));
};
