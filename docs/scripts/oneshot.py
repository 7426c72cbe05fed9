"""Every method of weight sharing against searches that train: tables and figures of ``oneshot.md``.

``python docs/scripts/oneshot.py [--table ID] [--seeds 10] [--presets]`` runs what the folder of
records does not hold yet and writes the page. A run that was stopped goes on. Fashion-MNIST is read
from ``NASBENCH_DATA``. Needs the extras ``leaderboard``, ``torch`` and ``surrogates``, and
matplotlib.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow.parquet as pq
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray
from pages import DOCS, fill, markdown_table, save, style
from results import full, interval, reached

import nasbench
from algorithms import ALGORITHMS
from data_builders.studies.supernet import BEST_OF, Look, agreement, looks, one_training
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
from nasbench.spaces.nb201 import OPERATIONS

PAGE = DOCS / "oneshot.md"
PROPOSALS = 10
"""Proposals that are trained, at most."""
TABLES = {"lite201-digits": (10, 40.0), "lite201-fashion": (5, 900.0)}
"""Seeds of the methods, and simulated seconds of the searches that train, by table."""
TRAINING: dict[tuple[str, str | None], int] = {
    ("random_search", None): 100,
    ("regularized_evolution", "nats"): 100,
    ("bananas", None): 20,
}
"""Searches that train and their presets, with their seeds.

Regularized evolution is random search with its defaults, up to its hundredth trial.
"""
RANKED = ("random_nas", "fairnas", "one_shot", "darts", "gdas")
"""Ways of sampling paths whose ranking is looked at."""
RANKED_SEEDS, POINTS, CLASSES = 3, 5, 300
GATED = ("darts", "gdas", "darts_es", "pc_darts", "sdarts", "snas", "drnas")
CURVED = ("darts_es", "darts_ada")
"""Methods that measure the curvature."""

FEWEST = 5
"""Seeds of a method that is marked as better or worse than random search."""

Numbers: TypeAlias = NDArray[np.float64]
History: TypeAlias = Mapping[str, Numbers]


# Searches


def methods() -> list[str]:
    """Registered methods of weight sharing."""
    return sorted(name for name, place in ALGORITHMS.items() if ".oneshot." in place)


def settings(presets: bool) -> list[tuple[str, str | None]]:
    """Methods, each with its defaults and, if wanted, with the presets that differ from them."""
    found: list[tuple[str, str | None]] = []
    for name in methods():
        found.append((name, None))
        algorithm = ALGORITHMS.load(name)
        if presets:
            own = hyperparameters(algorithm, {}, None)
            found += [
                (name, preset)
                for preset in algorithm.presets
                if hyperparameters(algorithm, {}, preset) != own
            ]
    return found


def trained(table: str, seconds: float, processes: int, out: Path) -> list[Records]:
    """Records of the searches that train."""
    records = []
    for (name, preset), seeds in TRAINING.items():
        print(table, name, preset or "", flush=True)
        setup = Setup(
            algorithm=name,
            benchmark=table,
            budget=nasbench.Budget(seconds=seconds),
            preset=preset,
        )
        records.append(record_seeds(setup, range(seeds), out, processes=processes))
    return records


def shared(table: str, seeds: int, presets: bool, processes: int, out: Path) -> list[Records]:
    """Records of the methods of weight sharing."""
    records = []
    for name, preset in settings(presets):
        print(table, name, preset or "", flush=True)
        setup = Setup(
            algorithm=name,
            benchmark=table,
            budget=nasbench.Budget(trials=PROPOSALS),
            preset=preset,
        )
        records.append(record_seeds(setup, range(seeds), out, processes=processes))
    return records


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


def cells(records: Sequence[Records]) -> str:
    """What first proposals are made of, in percent of the decisions."""
    lines = []
    for record in records:
        archs = np.array([run.archs[0] for run in record.runs()])
        shares = [100 * float(np.mean(archs == option)) for option in range(len(OPERATIONS))]
        label = record.manifest.algorithm
        preset = record.manifest.preset
        lines.append(
            [
                f"`{label}{f' {preset}' if preset else ''}`",
                *(f"{share:.0f}" for share in shares),
                f"{shares[0] + shares[1] + shares[4]:.0f}",
            ]
        )
    head = ["method", *(f"`{name}`" for name in OPERATIONS), "without weights"]
    return markdown_table(head, lines)


# How shared weights rank


def ranked(table: str, seeds: int, out: Path) -> list[Look]:
    """Looks at supernets while they train; those of the same code are not made again."""
    benchmark = nasbench.load(table)
    assert isinstance(benchmark, TableBenchmark)
    found = []
    for method in RANKED:
        parts = (ALGORITHMS.load(method), Look, *SupernetFactory(benchmark).code)
        code = code_fingerprint(*parts)[:8]
        for seed in range(seeds):
            path = out / f"looks-{method}-{seed}-{code}.json"
            if not path.is_file():
                print(table, "looks at", method, seed, flush=True)
                made = looks(benchmark, method, [seed], classes=CLASSES, points=POINTS)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps([asdict(look) for look in made]))
            for row in json.loads(path.read_text()):
                chosen = {int(k): regret for k, regret in row["chosen"].items()}
                found.append(Look(**(row | {"chosen": chosen})))
    return found


def ranking_table(found: Sequence[Look], table: str) -> str:
    """Agreement with the table at the first and at the last look, means over the seeds.

    The last row has what one training of each architecture says of its others.
    """
    lines = []
    for method in RANKED:
        epochs = sorted({look.epoch for look in found if look.method == method})
        for epoch in (epochs[0], epochs[-1]):
            here = [look for look in found if (look.method, look.epoch) == (method, epoch)]
            seconds = np.mean([look.seconds for look in here])
            values = agreement([asdict(look) for look in here])
            lines.append([f"`{method}`", f"{epoch}", f"{seconds:.2f}", *values])
    benchmark = nasbench.load(table)
    assert isinstance(benchmark, TableBenchmark)
    lines.append(["one training", "", "", *agreement(one_training(benchmark, CLASSES))])
    head = ["paths of", "epochs", "seconds", "tau", "tau, upper quarter", "Spearman"]
    return markdown_table([*head, *(f"best of {k}" for k in BEST_OF)], lines)


def ranking_figure(found: Sequence[Look], name: str) -> None:
    """Kendall's tau over training, over all classes and over those that the table ranks highest."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    for axes, field, title in zip(
        panels, ("tau", "upper"), ("All classes", "The upper quarter"), strict=True
    ):
        for i, method in enumerate(RANKED):
            mine = [look for look in found if look.method == method]
            epochs = sorted({look.epoch for look in mine})
            values = [[getattr(x, field) for x in mine if x.epoch == epoch] for epoch in epochs]
            line(axes, np.array(epochs), np.array(values).T, f"C{i}", method)
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.set(title=title, xlabel="epochs")
    panels[0].set_ylabel("Kendall's tau with the table")
    panels[0].legend(ncols=2)
    figure.tight_layout()
    save(figure, f"oneshot-ranks-{name}")


# What gates favour


def histories(record: Records) -> list[History]:
    """What happened in every epoch, one history a seed."""
    found: list[History] = []
    for path in sorted(record.folder.glob("supernet-*.parquet")):
        table = pq.read_table(path)
        found.append({n: np.array(table[n].to_pylist(), np.float64) for n in table.column_names})
    return found


def without_weights(history: History) -> Numbers:
    """Share of decisions whose largest gate has no weights, in percent, by epoch."""
    largest = history["gates"].reshape(-1, *Shared201.shape).argmax(axis=2)
    weighted = np.array(Shared201.has_weights)
    return np.asarray(100 * (~weighted[largest]).mean(axis=1))


def gates_figure(records: Sequence[Records], name: str) -> None:
    """Options without weights over epochs, and the curvature where it was measured."""
    by_name = {r.manifest.algorithm: r for r in records if r.manifest.preset is None}
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    for i, method in enumerate(GATED):
        curves = [without_weights(history) for history in histories(by_name[method])]
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
    most, seconds = TABLES[given.table]
    seeds = min(most, given.seeds or most)
    out = given.runs / f"oneshot-{given.table}"
    name = given.table.rpartition("-")[2]
    style()
    records = shared(given.table, seeds, given.presets, given.processes, out)
    trainings = trained(given.table, seconds, given.processes, out)
    fill(PAGE, f"results-{name}", results(rows(records), rows(trainings)))
    fill(PAGE, f"cells-{name}", cells(records))
    gates_figure(records, name)
    found = ranked(given.table, min(seeds, RANKED_SEEDS), out)
    fill(PAGE, f"ranks-{name}", ranking_table(found, given.table))
    ranking_figure(found, name)


if __name__ == "__main__":
    main()
