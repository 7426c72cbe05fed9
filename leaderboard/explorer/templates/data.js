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
  const same = Number.isInteger(value) ? 0 : 3e-7 * Math.abs(value);  // means of equal results differ in rounding
  while (low < high) {
    const middle = (low + high) >> 1;
    if (max ? found[middle] <= value + same : found[middle] < value - same) low = middle + 1; else high = middle;
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
  if (flat) return places.get(arch.join()) ?? places.get(canonical(arch).join()) ?? -1;
  return arch.reduce((sum, option, j) => sum * options[j] + option, 0);
};
const archOf = (cell) => {
  if (flat) return [...flat.subarray(cell * d, cell * d + d)];
  const arch = Array(d);
  for (let j = d - 1; j >= 0; j--) { arch[j] = cell % options[j]; cell = Math.floor(cell / options[j]); }
  return arch;
};
/* The smallest tuple of the class of an nb101 cell, as in nasbench/spaces/nb101.py. */
const permutations = (items) => items.length < 2 ? [items]
  : items.flatMap((one) => permutations(items.filter((other) => other !== one)).map((rest) => [one, ...rest]));
const canonical = data.space !== "nb101" ? (arch) => arch : (arch) => {
  const has = (x, y) => arch[(y * (y - 1)) / 2 + x] === 1;
  const reached = [true], useful = [];
  for (let y = 1; y < 7; y++) reached[y] = reached.some((is, x) => x < y && is && has(x, y));
  for (let x = 6; x >= 0; x--) useful[x] = x === 6 || useful.some((is, y) => y > x && is && has(x, y));
  const inner = [1, 2, 3, 4, 5].filter((v) => reached[v] && useful[v]);
  const edges = [];
  for (let y = 1; y < 7; y++) for (let x = 0; x < y; x++) {
    if (has(x, y) && reached[x] && useful[y] && reached[y] && useful[x]) edges.push([x, y]);
  }
  let best = arch;
  if (edges.length) for (const order of permutations(inner)) {
    const number = { 0: 0, 6: 6 };
    order.forEach((v, i) => { number[v] = i + 1; });
    if (edges.some(([x, y]) => number[x] >= number[y])) continue;
    const made = Array(26).fill(0);
    for (const [x, y] of edges) made[(number[y] * (number[y] - 1)) / 2 + number[x]] = 1;
    for (const v of inner) made[20 + number[v]] = arch[20 + v];
    if (best === arch || made.join("") < best.join("")) best = made;
  }
  return best;
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
