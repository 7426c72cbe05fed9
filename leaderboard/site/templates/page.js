"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const REFERENCE = { dash: "dot", marker: "" };
  const look = (series) => series.style || REFERENCE;
  const colourName = (series) => series.style ? `--series-${series.style.hue}` : "--ink";
  const short = (value) => value === 0 ? "0" : String(Number(value.toPrecision(3)));
  const faint = (colour, alpha) =>
    colour + Math.round(alpha * 255).toString(16).padStart(2, "0");

  /* Logarithmic, but linear below a threshold if 0 must be shown; smooth at the threshold. */
  const scale = (below) => {
    if (!below) return (y) => y;
    const slope = 1 / Math.LN10;
    const above = (y) => (y <= below ? (y / below) * slope : slope + Math.log10(y / below));
    return (y) => (y < 0 ? -above(-y) : above(y));
  };

  function traces(plot, hidden) {
    const place = scale(plot.y.linear_below);
    const found = [];
    for (const series of plot.series) {
      const colour = css(colourName(series));
      const visible = !hidden.has(series.name);
      if (series.low.length) {
        found.push({
          x: series.x.concat([...series.x].reverse()),
          y: series.high.concat([...series.low].reverse()).map(place),
          fill: "toself", fillcolor: faint(colour, 0.16), line: { width: 0 }, mode: "lines",
          type: "scatter", hoverinfo: "skip", name: series.name, visible,
        });
      }
    }
    for (const series of plot.series) {
      const interval = (i) =>
        series.low.length ? ` [${short(series.low[i])}, ${short(series.high[i])}]` : "";
      found.push({
        x: series.x, y: series.y.map(place), type: "scatter", name: series.name,
        mode: look(series).marker ? "lines+markers" : "lines",
        line: { color: css(colourName(series)), width: 2, dash: look(series).dash },
        marker: { color: css(colourName(series)), size: 7, symbol: look(series).marker || "circle", maxdisplayed: 8 },
        text: series.y.map((y, i) => `${short(y)} ${plot.y.unit}${interval(i)}`),
        hovertemplate: `<b>${series.name.replace(/</g, "&lt;")}</b><br>%{text}<br>%{x:.3~g} ${plot.x.unit}<extra></extra>`,
        visible: !hidden.has(series.name),
      });
    }
    return found;
  }

  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const plain = (x) => {
    if (x === 0 || Math.abs(x) >= 1e-3) return x.toLocaleString("en", { maximumFractionDigits: 9 });
    const [digits, exponent] = x.toExponential().split("e-");
    const power = "10⁻" + [...exponent].map((digit) => SUPERSCRIPTS[digit]).join("");
    return digits === "1" ? power : `${digits}×${power}`;
  };

  /* Narrow plots label only powers of ten, if there are enough of them. */
  const labels = (values, narrow) => {
    const isPower = (x) => x === 0 || Number(x.toExponential(3).split("e")[0]) === 1;
    const sparse = narrow && values.length > 6 && values.filter(isPower).length > 2;
    return values.map((x) => (sparse && !isPower(x) ? "" : plain(x)));
  };

  function layout(plot, narrow) {
    const place = scale(plot.y.linear_below);
    const log = Math.log10;
    const axis = {
      color: css("--soft"), gridcolor: css("--grid"), linecolor: css("--soft"), zeroline: false,
      tickmode: "array", ticks: "outside", ticklen: 4, automargin: true, fixedrange: false,
    };
    const [left, right] = plot.x.range.map(log);
    const pad = 0.02 * (right - left || 1);
    const [bottom, top] = plot.y.linear_below ? plot.y.range.map(place) : plot.y.range.map(log);
    const room = 0.03 * (top - bottom || 1);
    return {
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--ink") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 52, r: 10, t: 10, b: 46 }, showlegend: false, hovermode: "closest",
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--soft"), activecolor: css("--accent") },
      hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
      xaxis: {
        ...axis, type: "log", range: [left - pad, right + pad], tickvals: plot.x.ticks,
        ticktext: labels(plot.x.ticks, narrow), tickangle: 0, title: { text: plot.x.title, standoff: 8 },
      },
      yaxis: {
        ...axis, type: plot.y.linear_below ? "linear" : "log",
        range: [plot.y.linear_below ? bottom - room : bottom, top + room],
        tickvals: plot.y.ticks.map(place), ticktext: labels(plot.y.ticks, false),
        title: { text: plot.y.title, standoff: 8 },
      },
      shapes: plot.lines.map((line) => ({
        type: "line", xref: "paper", x0: 0, x1: 1, y0: place(line.y), y1: place(line.y),
        line: { color: css("--soft"), width: 1.5, dash: line.dash }, layer: "below",
      })),
    };
  }

  const config = {
    responsive: true, displaylogo: false, displayModeBar: "hover",
    modeBarButtons: [["toImage", "resetScale2d"]],
  };

  for (const box of document.querySelectorAll(".plots")) {
    const plots = JSON.parse(box.querySelector("script").textContent);
    const canvases = [...box.querySelectorAll(".canvas")];
    const hidden = new Set();
    const draw = () => plots.forEach((plot, i) =>
      Plotly.react(canvases[i], traces(plot, hidden), layout(plot, canvases[i].clientWidth < 480), config));
    for (const button of box.querySelectorAll(".legend button")) {
      const name = button.textContent.trim();
      const press = (shown) => {
        button.setAttribute("aria-pressed", String(shown));
        if (shown) hidden.delete(name); else hidden.add(name);
      };
      press(button.getAttribute("aria-pressed") === "true");
      button.addEventListener("click", () => { press(hidden.has(name)); draw(); });
    }
    box.hidden = false;
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  }

  for (const table of document.querySelectorAll(".ranking")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const down = before ? before === "ascending" : head.dataset.goal === "max";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.value;
        const compare = head.dataset.sort === "text"
          ? (a, b) => key(a).localeCompare(key(b))
          : (a, b) => Number(key(a)) - Number(key(b));
        const rows = [...body.rows].sort(compare);
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }

  for (const box of document.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
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

  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
