/* ---- choosing ---- */
const choose = (wanted) => {
  cell = cellOf(wanted);
  arch = cell < 0 ? wanted : archOf(cell);
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
menu("x", () => true, data.tables.length > 1 ? placeOf(1, objective(data.tables[1])) : placeOf(0, cost));
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
$("precision").textContent = "Percentages, scores and what a search optimises have seven digits; losses and costs are rounded by at most 1/131,068 of their range, which is less than 0.1 % of any number."
    + (data.whole ? "" : " Ranks count the cells of this page.");
addEventListener("hashchange", () => { const found = given(); if (found && found.join() !== arch.join()) choose(found); });
new ResizeObserver(() => { buildPlot(); sideways(); }).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
choose(given() ?? archOf(bestOf(objective(first))));
document.body.dataset.ready = "yes";
