"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const SVG = "http://www.w3.org/2000/svg";
  const [BOX, DOT] = data.box;

  /* ---- numbers ---- */
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const unpack = (column) => {
    const raw = bytes(column.data).buffer;
    if (column.kind === "f32") return new Float32Array(raw);
    const numbers = new Uint16Array(raw);
    const values = column.values && new Float64Array(bytes(column.values).buffer);
    return Float64Array.from(numbers, (k) =>
      k > 65534 ? NaN : values ? values[k] : column.low + column.step * k);
  };
  const lazily = (thing) => { thing.all ??= unpack(thing); return thing.all; };

  for (const table of data.tables) {
    const raw = table.rows && bytes(table.rows).buffer;
    const wide = table.n > 60000;
    const rows = raw && (wide ? new Uint32Array(raw) : new Uint16Array(raw));
    const none = wide ? 4294967295 : 65535;
    table.row = (cell) => (rows ? (rows[cell] === none ? -1 : rows[cell]) : cell);
    table.by_name = new Map(table.columns.map((column) => [column.name, column]));
    for (const column of table.columns) {
      column.table = table;
      column.at = (cell) => {
        const place = column.shared ? table.row(cell) : cell;
        return place < 0 ? NaN : lazily(column)[place];
      };
    }
  }
  const rank = (column, value) => {
    column.sorted ??= Float64Array.from(lazily(column)).filter((v) => !Number.isNaN(v)).sort();
    const found = column.sorted;
    let low = 0, high = found.length;
    const max = column.goal === "max";
    while (low < high) {
      const middle = (low + high) >> 1;
      if (max ? found[middle] <= value : found[middle] < value) low = middle + 1; else high = middle;
    }
    return { place: max ? found.length - low + 1 : low + 1, of: found.length };
  };
  const short = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
  };
  const text = (column, value) => {
    if (Number.isNaN(value)) return "–";
    const number = column.unit === "%" ? value.toFixed(2)
      : column.count ? Math.round(value).toLocaleString("en") : short(value);
    return column.unit ? `${number}\u00a0${column.unit}` : number;
  };

  /* ---- cells ---- */
  const d = data.decisions.length;
  const options = data.decisions.map((decision) => decision.labels.length);
  const flat = data.archs && bytes(data.archs);
  const places = new Map();
  if (flat) for (let i = 0; i < data.n; i++) places.set(flat.subarray(i * d, i * d + d).join(), i);
  const cellOf = (arch) => {
    if (flat) return places.get(arch.join()) ?? -1;
    return arch.reduce((sum, option, j) => sum * options[j] + option, 0);
  };
  const archOf = (cell) => {
    if (flat) return [...flat.subarray(cell * d, cell * d + d)];
    const arch = Array(d);
    for (let j = d - 1; j >= 0; j--) { arch[j] = cell % options[j]; cell = Math.floor(cell / options[j]); }
    return arch;
  };
  const changed = (arch, j, option) => arch.map((old, i) => (i === j ? option : old));
  const objective = (table) => table.by_name.get(table.objective) ?? table.columns[0];
  const better = (column, a, b) => (column.goal === "min" ? a < b : a > b);
  const bestOf = (column) => {
    let best = -1, top = NaN;
    for (let i = 0; i < data.n; i++) {
      const value = column.at(i);
      if (!Number.isNaN(value) && (best < 0 || better(column, value, top))) { best = i; top = value; }
    }
    return best;
  };
  const wirings = data.parts.map((part) => new Uint16Array(bytes(part.of).buffer));

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
    $("choices").open = d <= 8;
  };
  const showDecisions = () => inputs.forEach((group, j) => {
    if (group.length === 1) group[0].checked = arch[j] === 1; else group[arch[j]].checked = true;
  });

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
    $("results").replaceChildren(head(["Benchmark", "Searched for", "Seeds", "Test", "Training"]), body);
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
        if (place >= 0) found.push({ arch: other, cell: place, j, option });
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

  /* ---- scatter ---- */
  const canvas = $("scatter"), tip = $("tip");
  let plot = null;
  const axis = (column, low, high, inside) => {
    const all = [];
    for (let i = 0; i < data.n; i++) all.push(inside(i) ? column.at(i) : NaN);
    const known = all.filter((v) => !Number.isNaN(v));
    let min = Infinity, max = -Infinity;
    for (const v of known) { if (v < min) min = v; if (v > max) max = v; }
    const log = min > 0 && max / min > 50;
    const scale = log ? Math.log10 : (v) => v;
    const [a, b] = [scale(min), scale(max)], span = b - a || 1;
    const at = (v) => low + ((scale(v) - a) / span) * (high - low);
    const ticks = [];
    if (log) {
      for (let e = Math.ceil(a); e <= b; e++) ticks.push(10 ** e);
    } else {
      const rough = span / (Math.abs(high - low) > 350 ? 6 : 4), power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= rough);
      for (let v = Math.ceil(a / step) * step; v <= b + step * 1e-9; v += step) ticks.push(Number(v.toPrecision(10)));
    }
    return { column, values: all, at, ticks };
  };
  const tickText = (v) => {
    const size = Math.abs(v);
    if (v && (size < 1e-3 || size >= 1e9)) return v.toExponential(0);
    for (const [unit, factor] of [["M", 1e6], ["k", 1e3]]) if (size >= factor) return `${Number((v / factor).toPrecision(4))}${unit}`;
    return String(Number(v.toPrecision(4)));
  };
  const title = (column) => `${column.title}${column.unit ? ` (${column.unit})` : ""}, ${column.table.id}`;
  const buildPlot = () => {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    const up = columnBy("y"), half = $("half").checked && up.goal;
    const inside = (i) => !half || 2 * rank(up, up.at(i)).place <= rank(up, up.at(i)).of + 1;
    const x = axis(columnBy("x"), 58, width - 14, inside), y = axis(up, height - 46, 14, inside);
    const px = Float32Array.from(x.values, x.at), py = Float32Array.from(y.values, y.at);
    const shown = [];
    for (let i = 0; i < data.n; i++) if (!Number.isNaN(px[i]) && !Number.isNaN(py[i])) shown.push(i);
    const along = (p, q) => Int32Array.from(shown).sort((i, j) => p[i] - p[j] || q[i] - q[j] || i - j);
    plot = { x, y, px, py, shown, width, height, orders: null, along };
    paint();
  };
  const paint = () => {
    if (!plot) return;
    const { x, y, px, py, shown, width, height } = plot, ratio = devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    pen.strokeStyle = css("--grid");
    pen.fillStyle = css("--soft");
    pen.lineWidth = 1;
    pen.textAlign = "center";
    let free = -Infinity;
    for (const tick of x.ticks) {
      const at = x.at(tick), half = pen.measureText(tickText(tick)).width / 2;
      pen.beginPath(); pen.moveTo(at, 14); pen.lineTo(at, height - 42); pen.stroke();
      if (at - half > free) { pen.fillText(tickText(tick), at, height - 28); free = at + half + 6; }
    }
    pen.textAlign = "right";
    for (const tick of y.ticks) {
      const at = y.at(tick);
      pen.beginPath(); pen.moveTo(54, at); pen.lineTo(width - 14, at); pen.stroke();
      pen.fillText(tickText(tick), 50, at + 4);
    }
    pen.textAlign = "center";
    pen.fillStyle = css("--ink");
    pen.fillText(title(x.column), (44 + width) / 2, height - 8, width - 60);
    pen.save(); pen.translate(12, height / 2 - 16); pen.rotate(-Math.PI / 2);
    pen.fillText(title(y.column), 0, 0, height - 60); pen.restore();
    pen.fillStyle = css("--series-0");
    pen.globalAlpha = Math.min(0.9, Math.max(0.3, 1500 / shown.length));
    const side = shown.length > 4000 ? 2 : 3;
    for (const i of shown) pen.fillRect(px[i] - side / 2, py[i] - side / 2, side, side);
    pen.globalAlpha = 1;
    const dot = (i, radius, colour) => {
      if (Number.isNaN(px[i]) || Number.isNaN(py[i])) return;
      pen.beginPath(); pen.arc(px[i], py[i], radius, 0, 2 * Math.PI);
      pen.fillStyle = colour; pen.strokeStyle = css("--card"); pen.lineWidth = 1.5;
      pen.fill(); pen.stroke();
    };
    for (const one of near) dot(one.cell, 4, css("--series-1"));
    if (cell >= 0) dot(cell, 7, css("--ink"));
  };
  const nearest = (event, reach) => {
    const frame = canvas.getBoundingClientRect();
    const x = event.clientX - frame.left, y = event.clientY - frame.top;
    let best = -1, least = reach * reach;
    for (const i of plot.shown) {
      const distance = (plot.px[i] - x) ** 2 + (plot.py[i] - y) ** 2;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  };
  const showTip = (i) => {
    tip.hidden = i < 0;
    if (i < 0) return;
    const { x, y, px, py, width } = plot;
    tip.replaceChildren(archOf(i).join(), make("br"), `${y.column.title}: ${text(y.column, y.values[i])}`,
      make("br"), `${x.column.title}: ${text(x.column, x.values[i])}`);
    tip.style.left = px[i] > width / 2 ? "auto" : `${px[i] + 12}px`;
    tip.style.right = px[i] > width / 2 ? `${width - px[i] + 12}px` : "auto";
    tip.style.top = `${Math.max(0, py[i] - 30)}px`;
  };
  canvas.addEventListener("pointermove", (event) => { if (plot) showTip(nearest(event, 12)); });
  canvas.addEventListener("pointerleave", () => showTip(-1));
  canvas.addEventListener("click", (event) => {
    const i = nearest(event, 28);
    if (i >= 0) choose(archOf(i));
  });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, 1], ArrowUp: [1, -1] }[event.key];
    if (!way || !plot.shown.length) return;
    event.preventDefault();
    plot.orders ??= [plot.along(plot.px, plot.py), plot.along(plot.py, plot.px)];
    const order = plot.orders[way[0]], place = order.indexOf(cell);
    const next = place < 0 ? 0 : Math.min(order.length - 1, Math.max(0, place + way[1]));
    choose(archOf(order[next]));
    showTip(order[next]);
  });

  /* ---- choosing ---- */
  const choose = (wanted) => {
    arch = wanted;
    cell = cellOf(arch);
    const name = arch.join();
    if (location.hash.slice(1) !== name) {
      try { history.replaceState(null, "", `#${name}`); } catch { location.hash = name; }
    }
    $("arch").textContent = name;
    const known = cell >= 0 && data.tables.some((table) => !Number.isNaN(objective(table).at(cell)));
    $("missing").hidden = known;
    $("missing").textContent = known ? "" : cell < 0
      ? "This cell is not on the page, which shows a part of the space. Ask for it with the command, or step back."
      : "No benchmark of this page has a result of this cell.";
    showPictures();
    showDecisions();
    showResults();
    showScores();
    showNeighbours();
    sideways();
    paint();
  };
  const sideways = () => document.querySelectorAll(".scroll").forEach((box) =>
    box.classList.toggle("sideways", box.scrollWidth > box.clientWidth + 2));
  const given = () => {
    const found = location.hash.slice(1).split(",").map(Number);
    const fits = found.length === d && found.every((o, j) => Number.isInteger(o) && o >= 0 && o < options[j]);
    return fits ? found : null;
  };
  const menu = (id, keep, chosen) => {
    data.tables.forEach((table, t) => {
      const group = make("optgroup", { label: table.id });
      table.columns.forEach((column, c) => {
        if (keep(column, table)) group.append(make("option", { value: `${t}/${c}` }, `${column.title}, ${table.id}`));
      });
      if (group.childElementCount) $(id).append(group);
    });
    if (chosen) $(id).value = chosen;
  };
  const placeOf = (t, column) => `${t}/${data.tables[t].columns.indexOf(column)}`;

  buildDecisions();
  menu("best", (column, table) => column === objective(table) || column === testOf(table));
  menu("by", (column) => column.goal && column.kind !== "score", placeOf(0, objective(data.tables[0])));
  const first = data.tables[0];
  const cost = first.by_name.get("parameters") ?? first.by_name.get("seconds") ?? first.columns.at(-1);
  const second = data.tables.length > 1 ? placeOf(1, objective(data.tables[1])) : placeOf(0, cost);
  menu("x", () => true, cost === objective(first) ? second : placeOf(0, cost));
  menu("y", () => true, placeOf(0, objective(first)));
  for (const id of ["x", "y", "half"]) $(id).addEventListener("change", buildPlot);
  $("by").addEventListener("change", () => { showNeighbours(); paint(); });
  $("best").addEventListener("change", () => choose(archOf(bestOf(columnBy("best")))));
  $("random").addEventListener("click", () => choose(archOf(Math.floor(Math.random() * data.n))));
  $("copy").addEventListener("click", async () => {
    const command = `nasbench query ${data.tables[0].id} ${arch.join()}`;
    try {
      await navigator.clipboard.writeText(command);
    } catch {
      getSelection().selectAllChildren($("arch"));
      document.execCommand("copy");
    }
    $("copy").textContent = "Copied";
    setTimeout(() => { $("copy").textContent = "Copy command"; }, 1500);
  });
  $("legend").textContent = "Black or white: the chosen cell. Orange: its neighbours. Click a point to choose it; with the arrow keys, step to the next.";
  $("precision").textContent = "Percentages, scores and what a search optimises have seven digits; results of single trainings, curves and costs are rounded by at most 1/131,068 of their range.";
  addEventListener("hashchange", () => { const found = given(); if (found && found.join() !== arch.join()) choose(found); });
  new ResizeObserver(() => { buildPlot(); sideways(); }).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  choose(given() ?? archOf(bestOf(objective(first))));
  document.body.dataset.ready = "yes";
})();
