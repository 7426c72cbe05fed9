"use strict";
/* Charts drawn as SVG from the JSON beside them. Colours are variables of the page. */
const NS = "http://www.w3.org/2000/svg";
const DASHES = { solid: "", dash: "6 3", dashdot: "6 2 1.5 2", longdash: "10 3", shortdash: "3 2", dot: "1.5 2.5" };
const HOLLOW = new Set(["ring", "box", "lozenge", "wedge"]);
const MARKERS = {
  circle: "M0 -3.4a3.4 3.4 0 1 0 .01 0z", square: "M-3 -3h6v6h-6z", diamond: "M0 -4.2l4.2 4.2 -4.2 4.2 -4.2 -4.2z",
  triangle: "M0 -4l4 7h-8z", cross: "M-3 -3l6 6M3 -3l-6 6", ring: "M0 -3.4a3.4 3.4 0 1 0 .01 0z",
  box: "M-3 -3h6v6h-6z", lozenge: "M0 -4.2l4.2 4.2 -4.2 4.2 -4.2 -4.2z", wedge: "M0 -4l4 7h-8z", bar: "M0 -4v8",
};
const REFERENCE = { dash: "dot", marker: "" };
const lookOf = (series) => series.look || REFERENCE;
/* What a series is known by: the rank of its row; its name for a reference, of which there is one of a name. */
const keyOf = (series) => series.row ?? series.name;
const colourOf = (series) => (series.look ? `var(--series-${series.look.hue})` : "var(--ink)");
const short = (value) => (value === 0 ? "0" : String(Number(value.toPrecision(3))));

function element(name, attributes, parent, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
function plain(x) {
  if (x === 0 || Math.abs(x) >= 1e-3) return x.toLocaleString("en", { maximumFractionDigits: 9 });
  const [digits, exponent] = x.toExponential().split("e-");
  const power = "10⁻" + [...exponent].map((digit) => SUPERSCRIPTS[digit]).join("");
  return digits === "1" ? power : `${digits}×${power}`;
}

/* From a value to a number that grows evenly along an axis. Logarithmic, but linear below a threshold if 0 must be shown. */
function growing(axis) {
  if (axis.scale === "linear") return (v) => v;
  const below = axis.linear_below;
  if (!below) return Math.log10;
  const slope = 1 / Math.LN10;
  const above = (v) => (v <= below ? (v / below) * slope : slope + Math.log10(v / below));
  return (v) => (v < 0 ? -above(-v) : above(v));
}

function placer(axis, from, to, room) {
  const grow = growing(axis);
  const [low, high] = axis.range.map(grow);
  const spread = high - low || 1;
  const start = low - room * spread;
  const whole = spread * (1 + 2 * room);
  return (value) => from + ((grow(value) - start) / whole) * (to - from);
}

/* Ticks that keep apart; powers of ten are kept first. */
function kept(ticks, place, gap) {
  const isPower = (x) => x === 0 || Number(Math.abs(x).toExponential(3).split("e")[0]) === 1;
  const found = [];
  for (const tick of [...ticks.filter(isPower), ...ticks.filter((x) => !isPower(x))]) {
    if (found.every((other) => Math.abs(place(other) - place(tick)) >= gap)) found.push(tick);
  }
  return found.sort((a, b) => a - b);
}

const pathOf = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function stairs(points, right, top) {
  const found = [];
  points.forEach(([x, y], i) => {
    if (i) found.push([x, points[i - 1][1]]);
    else found.push([x, top]);
    found.push([x, y]);
  });
  if (points.length) found.push([right, points.at(-1)[1]]);
  return found;
}

/* Draws a view into a new SVG; returns it with the places of all points. */
function draw(view, { width, height, chosen, others, clip }) {
  const right = width - 12, top = 12, bottom = height - 46;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "plot" });
  const up = placer(view.y, bottom, top, view.y.scale === "log" && !view.y.linear_below ? 0.02 : 0.03);
  const levels = kept(view.y.ticks, up, 15);
  const left = 27 + 7 * Math.max(5, ...levels.map((tick) => plain(tick).length));  // beside the title
  const across = placer(view.x, left, right, 0.015);
  const grid = element("g", {}, svg);
  for (const tick of kept(view.x.ticks, across, 42)) {
    const x = across(tick);
    element("line", { x1: x, x2: x, y1: top, y2: bottom, style: "stroke:var(--grid)" }, grid);
    element("text", { x, y: bottom + 17, style: "fill:var(--soft);text-anchor:middle" }, grid, plain(tick));
  }
  for (const tick of levels) {
    const y = up(tick);
    element("line", { x1: left, x2: right, y1: y, y2: y, style: "stroke:var(--grid)" }, grid);
    element("text", { x: left - 7, y: y + 4, style: "fill:var(--soft);text-anchor:end" }, grid, plain(tick));
  }
  element("path", { d: `M${left} ${top}V${bottom}H${right}`, style: "fill:none;stroke:var(--soft)" }, grid);
  element("text", { x: (left + right) / 2, y: height - 8, style: "fill:var(--ink);text-anchor:middle" }, grid, view.x.title);
  element("text", { x: 0, y: 0, transform: `translate(14 ${(top + bottom) / 2}) rotate(-90)`, style: "fill:var(--ink);text-anchor:middle" }, grid, view.y.title);
  const box = element("clipPath", { id: clip }, svg);
  element("rect", { x: left, y: top - 3, width: right - left + 3, height: bottom - top + 6 }, box);
  const area = element("g", { "clip-path": `url(#${clip})` }, svg);
  for (const line of view.lines) {
    const y = up(line.y);
    element("line", { x1: left, x2: right, y1: y, y2: y, "stroke-dasharray": DASHES[line.dash], style: "stroke:var(--soft);stroke-width:1.4" }, area);
  }
  const drawn = [];
  const ordered = [...view.series].sort((a, b) => chosen.has(keyOf(a)) - chosen.has(keyOf(b)));
  for (const series of ordered) {
    const stands = chosen.has(keyOf(series));
    if (!stands && others === "hidden") continue;
    const at = series.at || view.grids[series.x];
    const points = at.map((x, i) => [across(x), up(series.y[i])]);
    const group = element("g", { class: `series${stands ? "" : " faint"}`, style: `--line:${colourOf(series)}` }, area);
    group.dataset.name = series.name;
    if (series.low) {
      const edge = at.map((x, i) => [across(x), up(Math.max(series.high[i], view.y.range[0]))]);
      const low = at.map((x, i) => [across(x), Math.min(up(series.low[i]) || bottom + 9, bottom + 9)]);
      element("path", { class: "band", d: `${pathOf(edge)}${pathOf(low.reverse()).replace("M", "L")}Z`, style: `fill:${colourOf(series)};stroke:none` }, group);
    }
    const { dash, marker } = lookOf(series);
    element("path", {
      class: "curve", d: pathOf(series.step ? stairs(points, right, top) : points), "stroke-dasharray": DASHES[dash],
      style: `fill:none;stroke:${colourOf(series)};stroke-width:2;stroke-linejoin:round`,
    }, group);
    if (marker) {
      const every = Math.max(1, Math.floor(points.length / 7));
      for (let i = Math.floor(every / 2); i < points.length; i += every) {
        const fill = HOLLOW.has(marker) ? "var(--card)" : colourOf(series);
        element("path", { d: MARKERS[marker], transform: `translate(${points[i][0].toFixed(1)} ${points[i][1].toFixed(1)})`, style: `fill:${fill};stroke:${colourOf(series)};stroke-width:1.3` }, group);
      }
    }
    drawn.push({ series, points, at, group });
  }
  return { svg, drawn, area };
}

class Chart {
  static number = 0;
  constructor(figure) {
    this.figure = figure;
    this.views = JSON.parse(figure.querySelector("script").textContent);
    this.canvas = figure.querySelector(".canvas");
    this.axis = this.views.length ? this.views[0].axis : "";
    this.others = "faint";
    this.clip = `clip-${++Chart.number}`;
    this.chosen = new Set(this.views.flatMap((view) => view.series.filter((s) => s.lead).map(keyOf)));
    this.tip = document.createElement("output");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "group");
    this.canvas.setAttribute("aria-label", `${figure.dataset.title}: figure with ${this.keys().length} curves; arrow keys read points`);
    this.canvas.addEventListener("pointermove", (event) => this.pointed(event));
    this.canvas.addEventListener("pointerdown", (event) => this.pointed(event));
    this.canvas.addEventListener("pointerleave", () => this.leave());
    this.canvas.addEventListener("keydown", (event) => this.pressed(event));
    this.canvas.addEventListener("blur", () => this.leave());
    this.redraw();
    new ResizeObserver(() => { if (this.canvas.clientWidth !== this.width) this.redraw(); }).observe(this.canvas);
  }

  get view() { return this.views.find((view) => view.axis === this.axis) || this.views[0]; }
  keys() { return [...new Set(this.views.flatMap((view) => view.series.map(keyOf)))]; }

  redraw() {
    this.width = this.canvas.clientWidth;
    if (!this.width || !this.view) return;
    const height = Math.round(Math.min(400, Math.max(270, this.width * 0.58)));
    const made = draw(this.view, { width: this.width, height, chosen: this.chosen, others: this.others, clip: this.clip });
    Object.assign(this, made);
    this.active = null;
    this.tip.hidden = true;
    this.canvas.replaceChildren(made.svg, this.tip);
  }

  pointed(event) {
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null, least = 28 * 28;
    for (const one of this.drawn) {
      one.points.forEach(([px, py], i) => {
        const distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < least) { least = distance; best = [one, i]; }
      });
    }
    if (best) this.point(...best); else this.leave();
  }

  pressed(event) {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (event.key === "Escape") this.leave();
    if (!step || !this.drawn.length) return;
    event.preventDefault();
    const { series } = this.view;
    const order = this.drawn.toSorted((a, b) => series.indexOf(a.series) - series.indexOf(b.series));
    let [one, i] = this.active || [order[0], order[0].points.length - 1];
    if (this.active) {
      one = order[(order.indexOf(one) + step[1] + order.length) % order.length];
      i = Math.min(Math.max(i + step[0], 0), one.points.length - 1);
    }
    if (one.points.length) this.point(one, i);
  }

  point(one, i) {
    this.leave();
    this.active = [one, i];
    one.group.classList.add("active");
    const { series, points, at } = one;
    const [x, y] = points[i];
    this.dot = element("circle", { cx: x, cy: y, r: 4.5, style: `fill:var(--card);stroke:${colourOf(series)};stroke-width:2.2` }, this.svg);
    const interval = series.low ? ` [${short(series.low[i])}, ${short(series.high[i])}]` : "";
    const name = document.createElement("b");
    name.textContent = series.name;
    const { x: across, y: up } = this.view;
    const text = series.step ? `${short(at[i])}, ${short(series.y[i])}` : `${short(series.y[i])} ${up.unit}${interval} at ${Number(at[i].toPrecision(4)).toLocaleString("en")} ${across.unit}`;
    this.tip.replaceChildren(name, document.createElement("br"), text);
    this.tip.hidden = false;
    const { offsetWidth: w, offsetHeight: h } = this.tip;
    this.tip.style.left = `${Math.max(0, Math.min(x + 12, this.width - w))}px`;
    this.tip.style.top = `${y - h - 12 < 0 ? y + 14 : y - h - 12}px`;
  }

  leave() {
    if (this.dot) this.dot.remove();
    if (this.active) this.active[0].group.classList.remove("active");
    this.dot = this.active = null;
    this.tip.hidden = true;
  }

  highlight(key, on) {
    for (const one of this.drawn || []) if (keyOf(one.series) === key) one.group.classList.toggle("active", on);
  }
}
