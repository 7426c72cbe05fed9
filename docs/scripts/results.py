"""Every search algorithm under the same budget: makes the figures and tables of ``results.md``.

``python docs/scripts/results.py [--seeds 500] [--processes 2] [--runs runs/results]`` runs what
the folder of records does not hold yet and writes the page's tables and its figures. Needs the
extras ``leaderboard`` and ``torch``, and matplotlib.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path
from typing import TypeAlias

import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from pages import DOCS, draw, fill, label, markdown_table, save, style

import nasbench
from algorithms import ALGORITHMS
from leaderboard import curves
from leaderboard.boards import Board, Row
from leaderboard.landscape import Landscape
from leaderboard.scores import rank
from leaderboard.searches import Axis, step_values
from leaderboard.statistics import interval as bootstrap
from nasbench.runs.records import Records
from nasbench.runs.search import record_seeds
from nasbench.runs.setup import Setup

PAGE = DOCS / "results.md"
FAMILIES = {
    "Random and local search": (
        "random_search",
        "local_search",
        "coordinate_search",
        "hill_climb",
        "simulated_annealing",
    ),
    "Evolution": ("regularized_evolution", "tournament_evolution", "genet", "cgp_es"),
    "Reinforcement learning": (
        "reinforce",
        "metaqnn",
        "reinforce_lstm",
        "ppo_lstm",
        "transform_rl",
    ),
    "Trees and distributions": ("mcts_uct", "lanas", "mdenas", "cross_entropy"),
}
MULTI_FIDELITY = (
    "random_search",
    "regularized_evolution",
    "successive_halving",
    "hyperband",
    "asha",
    "async_hyperband",
    "pasha",
    "bohb",
    "dehb",
)
MULTI_OBJECTIVE = ("random_search", "nsga2", "lemonade", "random_scalarization", "mo_reward")
OBJECTIVES = ("valid_accuracy", "parameters")
TRIALS, EPOCHS = 300, 800
FEW_SEEDS = 100
SLOW = ("reinforce_lstm", "ppo_lstm", "transform_rl")
"""Methods with a recurrent network, of which a trial takes long, run on the first seeds alone."""
RANDOM = "random_search"

Values: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section of the page: searches under one budget.

    Attributes:
        name: Of its markers in the page and of its figure.
        benchmark: Id of the table.
        budget: When a run ends.
        algorithms: Each is run with its defaults and with each of its presets.
        objectives: What is minimised; None for the table's own.
        show: Draws the figure of the records and returns the table.
    """

    name: str
    benchmark: str
    budget: nasbench.Budget
    algorithms: Sequence[str]
    objectives: tuple[str, ...] | None = None
    show: Callable[[Sequence[Records]], str]

    def run(self, seeds: int, processes: int, out: Path) -> list[Records]:
        """The records of all searches; what the folder holds already is not run again.

        Presets made for objectives in another unit than percent are left out.
        """
        records = []
        for algorithm in self.algorithms:
            for preset in (None, *ALGORITHMS.load(algorithm).presets):
                setup = Setup(
                    algorithm=algorithm,
                    benchmark=self.benchmark,
                    budget=self.budget,
                    preset=preset,
                    objectives=self.objectives,
                )
                if setup.prepare().example.loss_unit not in (None, "%"):
                    continue
                print(algorithm, preset or "", flush=True)
                few = min(seeds, FEW_SEEDS) if algorithm in SLOW else seeds
                records.append(record_seeds(setup, range(few), out, processes=processes))
        return records


def records_of(
    setup: Setup, seeds: int, processes: int, out: Path, *, search: bool
) -> list[Records]:
    """The records of a search, which runs what the folder lacks; without ``search`` none then."""
    manifest = setup.prepare().manifest
    folder = out / manifest.benchmark / manifest.folder_name
    if not search and (not folder.exists() or Records(folder).missing(range(seeds))):
        return []
    return [record_seeds(setup, range(seeds), out, processes=processes)]


def parser_of(description: str | None, *, seeds: int | None, runs: str) -> argparse.ArgumentParser:
    """The command line of a script that shows records: :func:`records_of` takes its options.

    Args:
        description: What the script does.
        seeds: Seeds of each search; None for as many as the script has for each benchmark.
        runs: Folder of records.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=seeds, help="at most so many")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path(runs))
    parser.add_argument("--no-search", action="store_true", help="show what is recorded in full")
    return parser


# Tables


def reached(row: Row, axis: Axis, places: Sequence[float]) -> Values:
    """Regret of every seed of a row at some places of an axis, shape ``(n_seeds, n_places)``."""
    found = []
    for search in row.searches:
        levels = np.append(search.before, search.regrets)
        at = np.array(places, dtype=np.float64)
        found.append(step_values(search.steps(axis), levels, at))
    return np.stack(found)


def compared(
    values: Mapping[str, Values], heads: Sequence[str], sign: int = 1
) -> tuple[Cells, str]:
    """Means with intervals, those that differ from random search marked; and how many differ.

    Args:
        values: By method, shape ``(n_seeds, n_places)``, of the same seeds or the first of them.
        heads: What the places are called.
        sign: 1 if lower is better, -1 if higher is.

    Returns:
        Cells of the methods, and a sentence.
    """
    cells: Cells = {name: [] for name in values}
    digits = decimals(float(values[RANDOM][:, -1].mean()))
    counts: list[Counter[str]] = [Counter() for _ in heads]
    for name, found in values.items():
        low, high = bootstrap(found)
        best, worst = bootstrap(sign * (found - values[RANDOM][: len(found)]))
        for i, (mean, count) in enumerate(zip(found.mean(axis=0), counts, strict=True)):
            mark, verdict = "", "level"
            if worst[i] < 0 or best[i] > 0:
                mark, verdict = ("**", "ahead") if worst[i] < 0 else ("*", "behind")
            count[verdict] += name != RANDOM
            cells[name].append(f"{mark}{interval(mean, low[i], high[i], digits)}{mark}")
    said = [
        f"{c['ahead']} / {c['level']} / {c['behind']} after {h}"
        for c, h in zip(counts, heads, strict=True)
    ]
    return cells, (
        f"Of {len(values) - 1} other methods and presets, ahead of / level with / behind "
        f"`{RANDOM}`: {', '.join(said)}."
    )


def decimals(value: float) -> int:
    """Digits behind the point of a table in which random search ends at a value."""
    return 3 if value >= 0.1 else 3 - floor(log10(value))


def interval(mean: float, low: float, high: float, digits: int = 3) -> str:
    """A mean with its 95 % interval."""
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def full(row: Row) -> Records:
    """The full record of a row."""
    assert isinstance(row.records, Records)
    return row.records


def joined(rows: Sequence[Row]) -> dict[str, Row]:
    """Rows by name; rows that made the same trials are one, with all their names."""
    same: dict[str, list[Row]] = {}
    for row in rows:
        same.setdefault(row.content_hash, []).append(row)
    return {" = ".join(f"`{row.label}`" for row in group): group[0] for group in same.values()}


def single(records: Sequence[Records]) -> str:
    """Regret after some numbers of trials, best first, random search in closed form among them."""
    (board,) = rank(records)
    single_figure(board)
    places = [TRIALS // 10, TRIALS // 3, TRIALS]
    heads = [f"{n} trials" for n in places]
    values = {row.label: reached(row, "evaluations", places) for row in board.rows}
    cells, sentence = compared(values, heads)
    rows = [(r.regret.mean, [name, *cells[r.label]]) for name, r in joined(board.rows).items()]
    assert isinstance(board.landscape, Landscape)
    exact = board.landscape.random_search(places).tolist()
    rows.append((exact[-1], ["random search, exact", *(f"{regret:.3f}" for regret in exact)]))
    ranked = [cells for _, cells in sorted(rows, key=lambda row: row[0])]
    return f"{sentence}\n\n{markdown_table(['method', *heads], ranked)}"


def multi_fidelity(records: Sequence[Records]) -> str:
    """Regret at some shares of the simulated time of the slowest row, best first."""
    (board,) = rank(records)
    epochs_figure(board)
    last = max(s.cost("seconds") for row in board.rows for s in row.searches)
    places = [last * share for share in (0.1, 0.3, 1.0)]
    heads = [f"{place:,.0f} s" for place in places]
    values = {row.label: reached(row, "seconds", places) for row in board.rows}
    cells, sentence = compared(values, heads)
    rows = [
        [
            name,
            *cells[row.label],
            f"{row.scores['validation_regret'].mean:.3f}",
            f"{np.mean([s.cost('evaluations') for s in row.searches]):,.0f}",
            f"{np.mean([len(np.unique(run.archs, axis=0)) for run in full(row).runs()]):,.0f}",
        ]
        for name, row in joined(board.rows).items()
    ]
    head = ["method", *heads, "validation regret", "trials", "architectures"]
    return f"{sentence}\n\n{markdown_table(head, rows)}"


# Figures


def single_figure(board: Board) -> None:
    """One panel a family, defaults only; every method in grey behind each."""
    drawn = curves.drawn(board)["evaluations"]
    defaults = {row.algorithm: row.label for row in board.rows if "preset" not in row.settings}
    rest = [drawn[label] for label in defaults.values()]
    figure, panels = plt.subplots(2, 2, figsize=(9, 7), sharex=True, sharey=True)
    for axes, (family, names) in zip(panels.flat, FAMILIES.items(), strict=True):
        lines = {name: drawn[defaults[name]] for name in names} | {
            curves.RANDOM: drawn[curves.RANDOM]
        }
        draw(axes, lines, rest)
        axes.set(xscale="log", yscale="log", title=family, xlim=(3, TRIALS), ylim=(0.02, 6))
        axes.legend(loc="lower left")
    label(panels, "trials", "validation regret (points)")
    figure.tight_layout()
    save(figure, "results-single")


def epochs_figure(board: Board) -> None:
    """Regret over simulated time, defaults only, from a fifteenth of the time on."""
    drawn = curves.drawn(board)["seconds"]
    lines = {r.algorithm: drawn[r.label] for r in board.rows if "preset" not in r.settings}
    last = max(float(line.at[-1]) for line in lines.values())
    shown = np.concatenate([line.mean[line.at >= last / 15] for line in lines.values()])
    figure, axes = plt.subplots(figsize=(7, 4.5))
    draw(axes, lines)
    axes.axhline(board.landscape.exhaustive_mean, color="0.5", linestyle=":", linewidth=1)
    axes.set(xscale="log", xlim=(last / 15, last), ylim=(0.95 * shown.min(), 1.05 * shown.max()))
    axes.set(xlabel="simulated seconds", ylabel="test regret (points)")
    for ticks in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        ticks("{x:.3g}")
    axes.legend(ncols=2)
    figure.tight_layout()
    save(figure, "results-multi-fidelity")


def multi_objective(records: Sequence[Records]) -> str:
    """Share of the best hypervolume after some numbers of trials, best first."""
    (board,) = rank(records)
    marks = [TRIALS // 10, TRIALS // 3, TRIALS]
    places = np.union1d(np.geomspace(3, TRIALS, 40).astype(np.int64), marks)
    lines, values = {}, {}
    for row in board.rows:
        shares = 1 - reached(row, "evaluations", places.tolist())
        lines[row.label] = curves.Curve(
            places.astype(np.float64), shares.mean(axis=0), *bootstrap(shares)
        )
        values[row.label] = shares[:, np.searchsorted(places, marks)]
    figure, axes = plt.subplots(figsize=(7, 4.5))
    draw(axes, {label: line for label, line in lines.items() if "(" not in label})
    axes.set(xscale="log", xlabel="trials", ylabel="share of the best hypervolume")
    axes.legend()
    figure.tight_layout()
    save(figure, "results-multi-objective")
    heads = [f"{n} trials" for n in marks]
    cells, sentence = compared(values, heads, sign=-1)
    ranked = sorted(values, key=lambda label: -float(values[label][:, -1].mean()))
    table = markdown_table(["method", *heads], [[f"`{n}`", *cells[n]] for n in ranked])
    return f"{sentence}\n\n{table}"


PARTS = (
    Part(
        name="single",
        benchmark="nb201-cifar10",
        budget=nasbench.Budget(trials=TRIALS),
        algorithms=[name for names in FAMILIES.values() for name in names],
        show=single,
    ),
    Part(
        name="multi-fidelity",
        benchmark="lite201-digits",
        budget=nasbench.Budget(epochs=EPOCHS),
        algorithms=MULTI_FIDELITY,
        show=multi_fidelity,
    ),
    Part(
        name="multi-objective",
        benchmark="nb201-cifar10",
        budget=nasbench.Budget(trials=TRIALS),
        algorithms=MULTI_OBJECTIVE,
        objectives=OBJECTIVES,
        show=multi_objective,
    ),
)


def main() -> None:
    """Parse the command line, run, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    parser.add_argument("--part", choices=[part.name for part in PARTS], help="only this part")
    given = parser.parse_args()
    style()
    for part in PARTS:
        if given.part in (None, part.name):
            made = part.show(part.run(given.seeds, given.processes, given.runs / part.name))
            fill(PAGE, part.name, made)


if __name__ == "__main__":
    main()
