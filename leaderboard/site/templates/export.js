/* A figure as a file: with its title, a legend and the light colours of the page, whatever the reader's. */
const LIGHT = (() => {
  const rule = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).find((r) => r.selectorText === ":root");
  return Object.fromEntries([...rule.style].filter((n) => n.startsWith("--")).map((n) => [n, rule.style.getPropertyValue(n).trim()]));
})();

function lightText(svg) {
  const text = new XMLSerializer().serializeToString(svg);
  return text.replace(/var\((--[\w-]+)\)/g, (whole, name) => LIGHT[name] || whole);
}

function wrapped(title, width) {
  const lines = [""];
  for (const word of title.split(" ")) {
    if ((lines.at(-1) + word).length * 8.2 > width - 32 && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += `${word} `;
  }
  return lines;
}

function exported(figure) {
  const chart = figure.chart;
  let inner, width, height, legend = [];
  if (chart) {
    [width, height] = [760, 440];
    const made = draw(chart.view, { width, height, chosen: chart.chosen, others: chart.others, clip: "clip" });
    inner = made.svg;
    for (const faint of inner.querySelectorAll(".faint")) {
      faint.setAttribute("opacity", "0.25");
      for (const band of faint.querySelectorAll(".band")) band.remove();
    }
    for (const band of inner.querySelectorAll(".band")) band.setAttribute("opacity", "0.16");
    legend = chart.view.series.filter((s) => chart.chosen.has(keyOf(s))).map((s) => [s.name, colourOf(s), lookOf(s)]);
    legend.push(...chart.view.lines.map((l) => [l.name, "var(--soft)", { dash: l.dash, marker: "" }]));
  } else {
    inner = figure.querySelector("svg").cloneNode(true);
    [width, height] = inner.getAttribute("viewBox").split(" ").slice(2).map(Number);
  }
  const full = width + 32;
  const page = document.querySelector("h1").textContent.trim().replace(/\s+/g, " ");
  const own = figure.dataset.title;
  const lines = wrapped(page.includes(own) || own.includes(page) ? own : `${own}: ${page}`, full);
  const top = 20 + 20 * lines.length;
  const columns = Math.max(1, Math.floor(width / 250));
  const rows = Math.ceil(legend.length / columns);
  const tall = top + height + rows * 19 + 22;
  const svg = element("svg", { xmlns: NS, viewBox: `0 0 ${full} ${tall}`, width: full, height: tall, "font-family": "Helvetica, Arial, sans-serif", "font-size": 12 });
  element("title", {}, svg, own);
  element("rect", { width: full, height: tall, style: "fill:var(--card)" }, svg);
  lines.forEach((line, i) => element("text", { x: 16, y: 26 + 20 * i, "font-size": 15, "font-weight": 600, style: "fill:var(--ink)" }, svg, line.trim()));
  const body = element("g", { transform: `translate(16 ${top - 4})` }, svg);
  body.append(...inner.childNodes);
  legend.forEach(([name, colour, look], i) => {
    const at = `translate(${24 + (i % columns) * (width / columns)} ${top + height + 12 + Math.floor(i / columns) * 19})`;
    const group = element("g", { transform: at }, svg);
    element("line", { x1: 0, x2: 26, y1: 0, y2: 0, "stroke-dasharray": DASHES[look.dash], style: `stroke:${colour};stroke-width:2.2` }, group);
    if (look.marker) element("path", { d: MARKERS[look.marker], transform: "translate(13 0)", style: `fill:${HOLLOW.has(look.marker) ? "var(--card)" : colour};stroke:${colour}` }, group);
    element("text", { x: 33, y: 4, style: "fill:var(--ink)" }, group, name.length > 34 ? `${name.slice(0, 33)}…` : name);
  });
  return { text: lightText(svg), width: full, height: tall };
}

function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

const dataUrl = (text) => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;

async function png(figure) {
  const { text, width, height } = exported(figure);
  const picture = new Image();
  picture.src = dataUrl(text);
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}
