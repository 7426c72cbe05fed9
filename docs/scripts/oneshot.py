"""Every method of weight sharing against searches that train: tables and figures of ``oneshot.md``.

``python docs/scripts/oneshot.py [--table ID] [--seeds 10] [--presets]`` runs what the folder of
records does not hold yet and writes the page. A run that was stopped goes on. Fashion-MNIST is read
from ``NASBENCH_DATA``. Needs the extras ``leaderboard``, ``torch`` and ``surrogates``, and
matplotlib.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow.parquet as pq
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray
from oneshot_cells import cells, first_proposals, without_weights
from pages import DOCS, fill, markdown_table, save, style
from results import full, interval, reached

import nasbench
from algorithms import ALGORITHMS
from data_builders.builds.shards import all_classes
from data_builders.networks.lite201 import Lite201
from data_builders.studies.supernet import (
    BEST_OF,
    MEASURED,
    Look,
    agreement,
    looks,
    one_training,
)
from data_builders.supernets.factory import SupernetFactory
from data_builders.supernets.shared201 import Shared201
from leaderboard.boards import Row
from leaderboard.scores import rank
from leaderboard.statistics import interval as bootstrap
from nasbench.algorithm import hyperparameters
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.runs.fingerprints.fingerprint import code_fingerprint
from nasbench.runs.records import Records
from nasbench.runs.search import record_seeds
from nasbench.runs.setup import Setup

PAGE = DOCS / "oneshot.md"
PROPOSALS = 10
"""Proposals that are trained, at most."""


class Search(NamedTuple):
    """An algorithm, its preset, and the hyperparameters that are others."""

    name: str
    preset: str | None = None
    changes: Mapping[str, Any] = MappingProxyType({})

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.changes.items())])


class Extent(NamedTuple):
    """How much is done for a table.

    Attributes:
        seeds: Seeds of the methods, at most.
        seconds: Simulated seconds of the searches that train.
        classes: Classes that trained supernets rank, at most all.
    """

    seeds: int
    seconds: float
    classes: int


TABLES = {
    "lite201-digits": Extent(10, 40.0, 5_260),
    "lite201-fashion": Extent(5, 900.0, 1_000),
}
TRAINING = (
    (Search("random_search"), 100),
    (Search("regularized_evolution", "nats"), 100),
    (Search("bananas"), 20),
)
"""Searches that train, with their seeds.

Regularized evolution is random search with its defaults, up to its hundredth trial.
"""
VARIANTS = (
    Search("darts", changes={"order": 2}),
    Search("r_darts", changes={"regularization": "drop_path"}),
    Search("sdarts", changes={"perturbation": "adversarial"}),
    Search("proxyless", changes={"update": "reinforce"}),
)
"""Methods of their own in the papers, with the epochs of the defaults."""
FALLING = tuple(
    Search(name, changes={"gate_rate": 0.03})
    for name in ("darts", "darts_es", "darts_ada", "sdarts")
)
"""DARTS with gates that move, and what is said to repair it."""
FALLING_SEEDS = 5
RANKED = (
    Search("random_nas"),
    Search("random_nas", changes={"epochs": 250}),
    Search("fairnas"),
    Search("one_shot"),
    Search("nsas"),
    Search("nao_ws"),
    Search("enas"),
    Search("proxyless"),
    Search("darts"),
    Search("gdas"),
)
"""Ways of sampling paths whose ranking is looked at; the second has as many steps as FairNAS."""
RANKED_SEEDS, POINTS, CLASSES = 3, 5, 300
"""Seeds of these, looks at each, and classes that are compared before the end."""
GATED = ("darts", "gdas", "darts_es", "pc_darts", "sdarts", "snas", "drnas")
CURVED = ("darts_ada", "darts_es")
"""Methods that measure the curvature: the same until the second stops."""

FEWEST = 5
"""Seeds of a method that is marked as better or worse than random search."""

Numbers: TypeAlias = NDArray[np.float64]
History: TypeAlias = Mapping[str, Numbers]


# Searches


def methods() -> list[str]:
    """Registered methods of weight sharing."""
    return sorted(name for name, place in ALGORITHMS.items() if ".oneshot." in place)


def settings(presets: bool) -> list[Search]:
    """Methods, each with its defaults first, then its variants and, if wanted, its presets.

    Presets that equal the defaults are left out.
    """
    found: list[Search] = []
    for name in methods():
        found += [Search(name), *(variant for variant in VARIANTS if variant.name == name)]
        algorithm = ALGORITHMS.load(name)
        if presets:
            own = hyperparameters(algorithm, {}, None)
            found += [
                Search(name, preset)
                for preset in algorithm.presets
                if hyperparameters(algorithm, {}, preset) != own
            ]
    return found


def recorded(
    table: str, search: Search, budget: nasbench.Budget, seeds: int, processes: int, out: Path
) -> Records:
    """Records of a search, which are made where the folder does not hold them."""
    print(table, search, search.preset or "", flush=True)
    setup = Setup(
        algorithm=search.name,
        benchmark=table,
        budget=budget,
        preset=search.preset,
        hyperparameters=search.changes,
    )
    return record_seeds(setup, range(seeds), out, processes=processes)


# The table of results


def rows(records: Iterable[Records]) -> list[Row]:
    """Rows of all boards."""
    return [row for board in rank(records) for row in board.rows]


def results(methods: Sequence[Row], trained: Sequence[Row]) -> str:
    """What methods found, and what searches that train have found by the same simulated time."""
    names = [f"`{row.label}`" for row in trained]
    baseline = [row.label for row in trained].index("random_search")
    lines = []
    for row in sorted(methods, key=lambda row: row.scores["regret"].mean):
        end = float(np.median([search.cost("seconds") for search in row.searches]))
        own = np.array([search.regret for search in row.searches])
        low, high = bootstrap(own[:, None])
        others = [float(reached(other, "seconds", [end]).mean()) for other in trained]
        seconds = full(row).optimizer_seconds().values()
        chance = others[baseline]
        mark = "**" if high[0] < chance else "*" if low[0] > chance else ""
        mark *= len(own) >= FEWEST
        lines.append(
            [
                f"`{row.label}`",
                f"{np.mean([search.cost('evaluations') for search in row.searches]):.1f}",
                f"{mark}{interval(float(own.mean()), low[0], high[0])}{mark}",
                f"{row.scores['validation_regret'].mean:.2f}",
                f"{np.median([run.starts.min() for run in full(row).runs()]):.2f}",
                f"{end:.2f}",
                f"{np.median([spent.sum() for spent in seconds]):.0f}",
                *(f"{regret:.2f}" for regret in others),
            ]
        )
    head = ["method", "trained", "test regret", "validation regret", "supernet", "end", "real"]
    seeds = sorted({len(row.searches) for row in methods})
    sentence = (
        f"{' or '.join(map(str, seeds))} seeds a method; "
        f"{', '.join(f'{len(row.searches)} of {n}' for row, n in zip(trained, names, strict=True))}"
        f"; regrets in points of accuracy, times in seconds."
    )
    if seeds[-1] < FEWEST:
        sentence += " With so few seeds, an interval is hardly more than their range."
    return f"{sentence}\n\n{markdown_table([*head, *names], lines)}"


def repairs(records: Sequence[Records]) -> str:
    """What is found with gates that move, and how much of it has no weights."""
    lines = []
    for record in records:
        (row,) = rows([record])
        own = np.array([search.regret for search in row.searches])
        low, high = bootstrap(own[:, None])
        lines.append(
            [
                f"`{record.manifest.algorithm}`",
                interval(float(own.mean()), low[0], high[0]),
                f"{without_weights(first_proposals(record)):.0f}",
            ]
        )
    sentence = f"{len(own)} seeds a method; regrets in points of accuracy, shares in percent."
    return f"{sentence}\n\n{markdown_table(['method', 'test regret', 'without weights'], lines)}"


# How shared weights rank


def ranked(benchmark: TableBenchmark, seeds: int, out: Path) -> dict[str, list[Look]]:
    """Looks at supernets while they train, by search; those of the same code are not made again."""
    classes = TABLES[benchmark.name].classes
    found: dict[str, list[Look]] = {}
    for search in RANKED:
        parts = (ALGORITHMS.load(search.name), Look, *SupernetFactory(benchmark).code)
        code = code_fingerprint(*parts)[:8]
        extent = f"{POINTS}x{CLASSES}-{classes}"
        for seed in range(seeds):
            path = out / f"looks-{'-'.join(str(search).split())}-{seed}-{extent}-{code}.json"
            if not path.is_file():
                print(benchmark.name, "looks at", search, seed, flush=True)
                made = looks(
                    benchmark,
                    search.name,
                    [seed],
                    changes=search.changes,
                    classes=CLASSES,
                    points=POINTS,
                    at_end=classes,
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps([asdict(look) for look in made]))
            for row in json.loads(path.read_text()):
                chosen = {int(k): regret for k, regret in row["chosen"].items()}
                found.setdefault(str(search), []).append(Look(**(row | {"chosen": chosen})))
    return found


def ranking_table(found: Mapping[str, Sequence[Look]], benchmark: TableBenchmark) -> str:
    """Agreement with the table at the first and at the last look, means over the seeds.

    The last rows have what one training of each architecture says of its others, and what a random
    class is worth.
    """
    lines = []
    for search, mine in found.items():
        moments = sorted({(look.epoch, look.classes) for look in mine})
        for epoch, compared in (moments[0], moments[-1]):
            here = [look for look in mine if (look.epoch, look.classes) == (epoch, compared)]
            seconds = np.mean([look.seconds for look in here])
            values = agreement([asdict(look) for look in here])
            lines.append([f"`{search}`", f"{epoch}", f"{compared:,}", f"{seconds:.2f}", *values])
    classes = TABLES[benchmark.name].classes
    single = agreement(one_training(benchmark, classes))
    lines.append(["one training", "", f"{classes:,}", "", *single])
    accuracies = benchmark.query_many(np.array(all_classes(Lite201)), MEASURED)
    regret = f"{float(accuracies.max() - accuracies.mean()):.2f}"
    lines.append(
        ["chance", "", f"{len(accuracies):,}", "", *["0.00"] * 3, *[regret] * len(BEST_OF)]
    )
    head = ["paths of", "epochs", "classes", "seconds", "tau", "tau, upper quarter", "Spearman"]
    return markdown_table([*head, *(f"best of {k}" for k in BEST_OF)], lines)


def ranking_figure(found: Mapping[str, Sequence[Look]], name: str) -> str:
    """Kendall's tau, and what shared weights choose, over the epochs of the defaults."""
    k = BEST_OF[0]
    values: dict[str, Callable[[Look], float]] = {
        f"Tau over {CLASSES} classes": lambda look: look.tau,
        "Tau in the upper quarter": lambda look: look.upper,
        f"Mean regret of the best of {k}": lambda look: look.chosen[k],
    }
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
    panels[1].sharey(panels[0])
    for axes, (title, value) in zip(panels, values.items(), strict=True):
        for i, search in enumerate(search for search in RANKED if not search.changes):
            mine = [look for look in found[str(search)] if look.classes == CLASSES]
            epochs = sorted({look.epoch for look in mine})
            curves = [[value(look) for look in mine if look.epoch == epoch] for epoch in epochs]
            line(axes, np.array(epochs), np.array(curves).T, f"C{i}", search.name)
        axes.set(title=title, xlabel="epochs")
    for axes in panels[:2]:
        axes.axhline(0, color="0.7", linewidth=0.8)
    names = panels[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=len(RANKED))
    save(figure, f"oneshot-ranks-{name}")
    return (
        f"![Kendall's tau and the regret of the best of {k} over epochs](oneshot-ranks-{name}.svg)"
    )


# What gates favour


def histories(record: Records) -> list[History]:
    """What happened in every epoch, one history a seed."""
    found: list[History] = []
    for path in sorted(record.folder.glob("supernet-*.parquet")):
        table = pq.read_table(path)
        found.append({n: np.array(table[n].to_pylist(), np.float64) for n in table.column_names})
    return found


def favoured(history: History) -> Numbers:
    """Share of decisions whose largest gate has no weights, in percent, by epoch."""
    largest = history["gates"].reshape(-1, *Shared201.shape).argmax(axis=2)
    return np.array([without_weights(cell) for cell in largest])


def gates_figure(records: Sequence[Records], name: str) -> str:
    """Options without weights over epochs, and the curvature where it was measured."""
    by_name: dict[str, Records] = {}
    for record in records:  # those with the defaults are the first of their algorithm
        by_name.setdefault(record.manifest.algorithm, record)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    for i, method in enumerate(GATED):
        curves = [favoured(history) for history in histories(by_name[method])]
        line(left, np.arange(1, len(curves[0]) + 1), np.array(curves), f"C{i}", method)
    left.set(xlabel="epochs", ylabel="largest gates without weights (%)", ylim=(0, 100))
    left.set_title("What would be proposed")
    left.legend(ncols=2)
    for i, method in enumerate(CURVED):
        curves = [history["eigenvalue"][::2] for history in histories(by_name[method])]
        line(right, 2 * np.arange(len(curves[0])) + 1, np.array(curves), f"C{i}", method)
    right.set(xlabel="epochs", ylabel="dominant eigenvalue", yscale="log")
    right.set_title("Curvature of the validation loss in the gates")
    right.legend()
    figure.tight_layout()
    save(figure, f"oneshot-gates-{name}")
    said = "Options without weights over epochs, and the dominant eigenvalue"
    return f"![{said}](oneshot-gates-{name}.svg)"


def line(axes: Axes, at: NDArray[np.number], values: Numbers, color: str, label: str) -> None:
    """A mean over seeds, with the seeds behind it.

    Args:
        axes: Where to draw.
        at: Places, shape ``(n,)``.
        values: Shape ``(n_seeds, n)``.
        color: Color.
        label: What the legend says.
    """
    axes.plot(at, values.mean(axis=0), color=color, linewidth=1.4, label=label, zorder=3)
    axes.plot(at, values.T, color=color, linewidth=0.6, alpha=0.25, zorder=1)


def main() -> None:
    """Parse the command line, run, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", choices=TABLES, default="lite201-digits")
    parser.add_argument("--seeds", type=int, help="at most so many")
    parser.add_argument("--presets", action="store_true", help="presets as well")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    given = parser.parse_args()
    extent = TABLES[given.table]
    seeds = min(extent.seeds, given.seeds or extent.seeds)
    out = given.runs / f"oneshot-{given.table}"
    name = given.table.rpartition("-")[2]
    benchmark = nasbench.load(given.table)
    assert isinstance(benchmark, TableBenchmark)
    style()

    def made(searches: Iterable[tuple[Search, int]], budget: nasbench.Budget) -> list[Records]:
        return [
            recorded(given.table, search, budget, n, given.processes, out) for search, n in searches
        ]

    proposals = nasbench.Budget(trials=PROPOSALS)
    records = made([(search, seeds) for search in settings(given.presets)], proposals)
    trainings = made(TRAINING, nasbench.Budget(seconds=extent.seconds))
    fill(PAGE, f"results-{name}", results(rows(records), rows(trainings)))
    fill(PAGE, f"cells-{name}", f"{cells(records, benchmark)}\n\n{gates_figure(records, name)}")
    falling = made([(search, min(seeds, FALLING_SEEDS)) for search in FALLING], proposals)
    fill(PAGE, f"repairs-{name}", repairs(falling))
    found = ranked(benchmark, min(seeds, RANKED_SEEDS), out)
    figure = ranking_figure(found, name)
    fill(PAGE, f"ranks-{name}", f"{ranking_table(found, benchmark)}\n\n{figure}")


if __name__ == "__main__":
    main()
