"""Which algorithm for which space, budget and number of workers: ``choosing.md``.

``python docs/scripts/choosing.py [--seeds 20] [--processes 2]`` runs what the folders of records do
not hold yet, and writes the tables and the figure of the page. With one worker these are searches
of ``model_results.py``, on its tables. Needs the extras ``leaderboard``, ``torch`` and
``surrogates``, and matplotlib.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from model_results import TRIALS
from pages import DOCS, fill, label, markdown_table, save, style
from results import Values, full, parser_of, reached, records_of

import nasbench
from leaderboard.boards import Board, Row
from leaderboard.landscape import Landscape
from leaderboard.scores import Ranking, rank
from leaderboard.statistics import interval as bootstrap
from nasbench.runs.setup import Setup

PAGE = DOCS / "choosing.md"
METHODS: Mapping[str, str | None] = {
    "local_search": None,
    "regularized_evolution": "naszilla",
    "tpe": None,
    "smac": None,
    "gp_bo": None,
    "bananas": None,
    "npenas": None,
    "brp_nas": None,
}
"""One setting for each kind of search."""
TABLES = ("nb201-imagenet16", "lite201-fashion", "fcnet-protein", "nbgraph-cora")
MARKS = (20, 50, 150)
PLACES = sorted({*np.geomspace(10, TRIALS, 30).astype(int).tolist(), *MARKS})
CROWD = "nb201-imagenet16"
"""Where workers are compared."""
WORKERS = (1, 8, 32)


def setup(method: str, benchmark: str, workers: int = 1) -> Setup:
    """The search of a method."""
    return Setup(
        algorithm=method,
        benchmark=benchmark,
        budget=nasbench.Budget(trials=TRIALS),
        preset=METHODS[method],
        workers=workers,
    )


def relative(board: Board, row: Row, places: Sequence[int]) -> Values:
    """Regret of every seed as a share of what random search expects, ``(n_seeds, n_places)``."""
    assert isinstance(board.landscape, Landscape)
    return reached(row, "evaluations", places) / board.landscape.random_search(list(places))


def shares(boards: Mapping[str, Board], seeds: int) -> str:
    """How much of the regret of random search is left: the figure, and a table for each budget."""
    left = {
        (row.algorithm, benchmark): relative(board, row, PLACES)[:seeds]
        for benchmark, board in boards.items()
        for row in board.rows
    }
    figure, panels = plt.subplots(2, 2, figsize=(9, 7), sharex=True, sharey=True)
    for axes, benchmark in zip(panels.flat, boards, strict=False):
        for i, method in enumerate(METHODS):
            if (found := left.get((method, benchmark))) is not None:
                axes.plot(PLACES, found.mean(axis=0), color=f"C{i}", label=method)
        axes.axhline(1.0, color="black", linestyle="--", linewidth=1)
        axes.set(xscale="log", title=benchmark, xlim=(PLACES[0], TRIALS), ylim=(0.0, 1.3))
        axes.set_xticks([PLACES[0], *MARKS], labels=[f"{n}" for n in (PLACES[0], *MARKS)])
        axes.minorticks_off()
    panels[0, 1].legend(ncols=2, loc="lower left")
    label(panels, "trials", "regret, random search = 1")
    figure.tight_layout()
    save(figure, "choosing")
    complete = [m for m in METHODS if all((m, benchmark) in left for benchmark in boards)]
    return "\n\n".join(_budget(n, complete, boards, left) for n in MARKS)


def _budget(
    trials: int,
    methods: Sequence[str],
    benchmarks: Iterable[str],
    left: Mapping[tuple[str, str], Values],
) -> str:
    """A table of one budget, best first."""
    place = PLACES.index(trials)
    rows = []
    for method in methods:
        values = [left[method, benchmark][:, [place]] for benchmark in benchmarks]
        mean = np.mean(values, axis=0)
        (low,), (high,) = bootstrap(mean)
        told = f"{mean.mean():.2f} ({low:.2f} to {high:.2f})"
        cells = [f"`{method}`", *map(_marked, values), told]
        rows.append((float(mean.mean()), cells))
    head = [f"after {trials} trials", *benchmarks, "mean"]
    return markdown_table(head, [cells for _, cells in sorted(rows)])


def _marked(values: Values) -> str:
    """A mean over seeds; bold if its interval is below 1, italic if it is above."""
    (low,), (high,) = bootstrap(values)
    mark = "**" if high < 1 else "*" if low > 1 else ""
    return f"{mark}{values.mean():.2f}{mark}"


def _seconds(boards: Iterable[Board]) -> dict[str, str]:
    """Median seconds of the optimiser in one search, the most of all benchmarks."""
    found: dict[str, float] = {}
    for row in (row for board in boards for row in board.rows):
        own = np.median([s.sum() for s in full(row).optimizer_seconds().values()])
        found[row.algorithm] = max(found.get(row.algorithm, 0.0), float(own))
    return {name: f"{value:.2g}" for name, value in found.items()}


def crowd(boards: Mapping[int, Board], seeds: int, seconds: Mapping[str, str]) -> str:
    """What is left of random search's regret with several workers, and the time that it takes."""
    cells: dict[str, list[str]] = {name: [] for name in METHODS}
    for board in boards.values():
        rows = {row.algorithm: row for row in board.rows}
        for method in METHODS:
            if method not in rows:
                cells[method] += ["", ""]
                continue
            hours = np.mean([s.cost("seconds") for s in rows[method].searches[:seeds]]) / 3600
            left = relative(board, rows[method], [TRIALS])[:seeds]
            cells[method] += [_marked(left), f"{hours:,.0f}"]
    head = ["method", *(text for n in boards for text in (f"{n} at once", "hours")), "seconds"]
    return markdown_table(head, [[f"`{m}`", *cells[m], seconds[m]] for m in METHODS])


def main() -> None:
    """Parse the command line, run, and write."""
    parser = parser_of(__doc__, seeds=20, runs="runs/results")
    given = parser.parse_args()
    style()

    def board(setups: Iterable[Setup], out: Path) -> Ranking:
        search = not given.no_search
        options = (given.seeds, given.processes, out)
        return rank([r for one in setups for r in records_of(one, *options, search=search)])

    boards = {
        table: made
        for table in TABLES
        for made in board((setup(m, table) for m in METHODS), given.runs / f"models-{table}")
    }
    if len(boards) < len(TABLES):
        parser.exit(1, f"{given.runs} holds no searches of {sorted({*TABLES} - {*boards})}\n")
    fill(PAGE, "choosing-shares", shares(boards, given.seeds))
    crowds = {
        n: made
        for n in WORKERS
        for made in board(
            (setup(m, CROWD, n) for m in METHODS),
            given.runs / (f"models-{CROWD}" if n == 1 else f"workers-{n}"),
        )
    }
    fill(PAGE, "choosing-workers", crowd(crowds, given.seeds, _seconds(boards.values())))


if __name__ == "__main__":
    main()
