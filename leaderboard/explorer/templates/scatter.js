/* ---- scatter ---- */
const canvas = $("scatter"), tip = $("tip");
let plot = null;
const axis = (column, low, high, inside) => {
  const all = [];
  for (let i = 0; i < data.n; i++) all.push(inside(i) ? column.at(i) : NaN);
  const known = all.filter((v) => !Number.isNaN(v));
  let min = Infinity, max = -Infinity;
  for (const v of known) { if (v < min) min = v; if (v > max) max = v; }
  const log = column.unit !== "%" && min > 0 && max / min > 50;
  const scale = log ? Math.log10 : (v) => v;
  const [a, b] = [scale(min), scale(max)], span = b - a || 1;
  const at = (v) => low + ((scale(v) - a) / span) * (high - low);
  const ticks = [];
  if (log) {
    for (let e = Math.ceil(a); e <= b; e++) ticks.push(10 ** e);
  } else {
    const rough = span / (Math.abs(high - low) > 350 ? 6 : 5), power = 10 ** Math.floor(Math.log10(rough));
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
let hovered = -1;
const showTip = (i) => {
  hovered = i;
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
  const i = event.pointerType === "mouse" && hovered >= 0 ? hovered : nearest(event, 28);
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
