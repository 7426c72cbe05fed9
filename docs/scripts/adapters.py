"""Optimisers of other packages beside ours, and what can be relied on, for ``adapters.md``.

``python docs/scripts/adapters.py [--seeds 20] [--processes 2] [--runs FOLDER]`` runs what the
folder of records does not hold yet and fills in the tables; with ``--only NAME ...`` these
optimisers alone, and the rows of the others stay as they are. A run that was stopped goes on. Needs
the extras ``adapters`` and ``leaderboard``, and matplotlib.
"""

from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pages import DOCS, fill, filled, markdown_table, table_rows
from results import full, parser_of, records_of

import nasbench
from algorithms import ALGORITHMS
from algorithms.adapters.verdicts import VERDICTS
from leaderboard.boards import Row
from leaderboard.scores import rank
from nasbench.runs.records import Records
from nasbench.runs.setup import Setup

TRIALS = 100
OURS = ("random_search", "regularized_evolution", "tpe", "smac")
OURS_OF_SEVERAL = ("random_search", "nsga2")
SLOW = (
    "optuna:GPSampler",
    "nevergrad:NGOpt",
    "synetune:BORE",
    "synetune:ASHABORE",
    "synetune:CQR",
    "synetune:ASHACQR",
    "smac:HyperparameterOptimizationFacade",
    "smac:BlackBoxFacade",
    "smac:AlgorithmConfigurationFacade",
    "smac:MultiFidelityFacade",
)
"""Optimisers that take seconds a search, run after the others."""
TABLES: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "nb201-cifar10": ("nb201-cifar10", None),
    "fcnet-protein": ("fcnet-protein", None),
    "two objectives": ("nb201-cifar10", ("valid_accuracy", "parameters")),
}
PAGE = DOCS / "adapters.md"


def verdicts() -> str:
    """What is declared, and tested, of every optimiser."""
    rows = []
    for name, verdict in VERDICTS.items():
        (package, *_) = ALGORITHMS.load(name).packages
        found = ["yes" if value else "no" for value in verdict]
        rows.append([f"`{name}`", f"{package} {version(package)}", *found])
    head = ["optimiser", "version", "same search", "late results", "given trials", "objectives"]
    return markdown_table(head, rows)


def run(
    title: str, seeds: int, processes: int, out: Path, *, search: bool, only: Collection[str] = ()
) -> list[Records]:
    """The records of all searches of a table; what the folder holds already is not run again.

    Without ``search``, those that it holds in full.
    """
    benchmark, objectives = TABLES[title]
    several = objectives is not None
    theirs = sorted(
        (name for name, verdict in VERDICTS.items() if verdict.objectives or not several),
        key=lambda name: name in SLOW,
    )
    records = []
    for algorithm in (*(OURS_OF_SEVERAL if several else OURS), *theirs):
        if only and algorithm not in only:
            continue
        kind = ALGORITHMS.load(algorithm)
        if not kind.multi_objective if several else getattr(kind, "least", 1) > 1:
            continue
        print(title, algorithm, flush=True)
        setup = Setup(
            algorithm=algorithm,
            benchmark=benchmark,
            budget=nasbench.Budget(trials=TRIALS),
            objectives=objectives,
        )
        records += records_of(setup, seeds, processes, out, search=search)
    return records


def table(records: Sequence[Records], former: Sequence[Sequence[str]] = ()) -> str:
    """Final score with its interval, and seconds of the optimiser, best first.

    Args:
        records: Of all searches, or of those that are new.
        former: Rows of the table as it was; those of searches without a record stay.
    """
    (board,) = rank(records)
    rows = {name: [name, *cells] for name, *cells in former}
    for row in sorted(board.rows, key=lambda row: row.regret.mean):
        seconds = np.median([s.sum() for s in full(row).optimizer_seconds().values()])
        name = f"`{row.label}`"
        rows[name] = [name, *_score(row), f"{seconds:.2g}"]
    ranked = sorted(rows.values(), key=lambda cells: float(cells[1]))
    return markdown_table(["method", "regret", "95 % interval", "seconds"], ranked)


def _score(row: Row) -> tuple[str, str]:
    score = row.regret
    return f"{score.mean:.3g}", f"{score.low:.3g} to {score.high:.3g}"


def main() -> None:
    """Parse the command line, run, and write."""
    parser = parser_of(__doc__, seeds=20, runs="runs/adapters")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=(), help="these optimisers")
    given = parser.parse_args()
    fill(PAGE, "verdicts", verdicts())
    for title in TABLES:
        out, place = given.runs / title.replace(" ", "-"), f"adapters-{title}"
        search, only = not given.no_search, given.only
        records = run(title, given.seeds, given.processes, out, search=search, only=only)
        if records:
            fill(PAGE, place, table(records, table_rows(filled(PAGE, place)) if only else ()))


if __name__ == "__main__":
    main()
