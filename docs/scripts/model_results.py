"""Searches with a model beside those without: 150 trials each, for ``results.md``.

``python docs/scripts/model_results.py [--table ID] [--seeds 100] [--processes 2]`` runs what the
folder of records does not hold yet and writes the tables of the section. A run that was stopped
goes on. With ``--no-search`` a row also comes from the records that ship, which hold no seconds:
those are the former row's. Needs the extras ``leaderboard``, ``torch`` and ``surrogates``, and
matplotlib.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pages import fill, filled, markdown_table, table_rows
from results import PAGE, compared, parser_of, reached, records_of

import nasbench
from algorithms import ALGORITHMS
from leaderboard.boards import Row
from leaderboard.compact.record import AnyRecord, CompactRecord, file_name
from leaderboard.scores import rank
from leaderboard.shipped import PLAN, RECORDS
from leaderboard.shipped.plan import load_plan
from nasbench.algorithm import hyperparameters
from nasbench.benchmarks.catalogue import find, is_surrogate, open_table
from nasbench.runs.manifest import Manifest
from nasbench.runs.setup import Setup

TRIALS = 150
PLACES = (50, 100, 150)
FEW, MANY = 30, 100
TABLES = {
    "nb201-cifar10": MANY,
    "nb201-imagenet16": FEW,
    "lite201-fashion": FEW,
    "fcnet-protein": FEW,
    "darts-fashion-surrogate": FEW,
}
"""Seeds by benchmark."""
WITHOUT_MODEL = ("random_search", "local_search", "regularized_evolution")
FAMILIES = ("bayesian", "predictor")
"""Folders of the algorithms with a model."""
OTHERS = ("mcts_surrogate",)
"""Algorithms with a model in other folders."""
SCORED = ("zero_cost", "zero_cost_evolution", "warm_start")
"""Algorithms that know scores before training, where the table has them."""
SCORES = ("synflow", "nwot")
SLOW = {
    name
    for part in load_plan(PLAN)
    if part.name.startswith("with a model")
    for name in part.without
}
"""Presets that take 14 seconds to minutes a search on one core, which the board leaves out too."""


def settings() -> list[tuple[str, str | None]]:
    """Algorithms, each with its defaults and the presets that differ from them."""
    names = [n for n, place in ALGORITHMS.items() if place.split(".")[1] in FAMILIES]
    names += OTHERS
    found: list[tuple[str, str | None]] = [(name, None) for name in WITHOUT_MODEL]
    found += [("regularized_evolution", "naszilla"), ("local_search", "naszilla")]
    for name in names:
        algorithm = ALGORITHMS.load(name)
        values = {preset: hyperparameters(algorithm, {}, preset) for preset in algorithm.presets}
        others = [p for p, own in values.items() if own != hyperparameters(algorithm, {}, None)]
        found += [(name, None), *((name, p) for p in others if f"{name}/{p}" not in SLOW)]
    return found


def run(benchmark: str, seeds: int, processes: int, out: Path, *, search: bool) -> list[AnyRecord]:
    """The records of all searches; what the folder holds already is not run again.

    Without ``search``, those that it or the shipped board holds in full. Presets made for
    objectives in another unit are left out.
    """
    records: list[AnyRecord] = []
    scored = set(SCORES) <= {*open_table(benchmark).arch_columns} if is_table(benchmark) else False
    chosen = [*settings(), *((name, None) for name in SCORED if scored)]
    for algorithm, preset in chosen:
        setup = Setup(
            algorithm=algorithm,
            benchmark=benchmark,
            budget=nasbench.Budget(trials=TRIALS),
            preset=preset,
            known=SCORES if algorithm in SCORED else (),
        )
        prepared = setup.prepare()
        unit = prepared.benchmark.column(prepared.benchmark.objectives[0]).unit
        if prepared.example.loss_unit not in (None, unit):
            continue
        print(benchmark, algorithm, preset or "", flush=True)
        full = records_of(setup, seeds, processes, out, search=search)
        records += full or shipped(prepared.manifest, seeds)
    return records


def shipped(manifest: Manifest, seeds: int) -> list[CompactRecord]:
    """The record of a search that ships, if it has all seeds."""
    path = RECORDS / manifest.benchmark / file_name(manifest)
    if not path.exists():
        return []
    record = CompactRecord(path)
    return [record] if set(range(seeds)) <= {*record.seeds()} else []


def table(records: Sequence[AnyRecord], former: Mapping[str, str]) -> str:
    """Regret after some numbers of trials, and seconds of the optimiser, best first.

    Args:
        records: Of all searches.
        former: Seconds by method, as the page gives them, for records that hold none.
    """
    found = sorted((row for board in rank(records) for row in board.rows), key=_regret)
    heads = [f"{n} trials" for n in PLACES]
    values = {row.label: reached(row, "evaluations", PLACES) for row in found}
    cells, sentence = compared(values, heads)
    rows = [[f"`{row.label}`", *cells[row.label], seconds(row, former)] for row in found]
    return f"{sentence}\n\n{markdown_table(['method', *heads, 'seconds'], rows)}"


def seconds(row: Row, former: Mapping[str, str]) -> str:
    """Seconds of the optimiser in one search, as a median."""
    if isinstance(row.records, CompactRecord):
        return former.get(f"`{row.label}`", "")
    return f"{np.median([s.sum() for s in row.records.optimizer_seconds().values()]):.2g}"


def _regret(row: Row) -> float:
    return row.regret.mean


def is_table(benchmark: str) -> bool:
    """Whether a benchmark answers from a table, not from a surrogate."""
    return not is_surrogate(find(benchmark))


def main() -> None:
    """Parse the command line, run, and write."""
    parser = parser_of(__doc__, seeds=None, runs="runs/results")
    parser.add_argument("--table", choices=TABLES, help="only on this benchmark")
    given = parser.parse_args()
    for benchmark, most in TABLES.items():
        if given.table in (None, benchmark):
            seeds = min(most, given.seeds or most)
            place = f"models-{benchmark}"
            out, search = given.runs / place, not given.no_search
            records = run(benchmark, seeds, given.processes, out, search=search)
            if records:
                former = {name: cells[-1] for name, *cells in table_rows(filled(PAGE, place))}
                fill(PAGE, place, table(records, former))


if __name__ == "__main__":
    main()
