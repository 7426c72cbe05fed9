"""How good surrogates are where the truth is known: makes tables and figures of ``surrogates.md``.

``python docs/scripts/surrogate_results.py [--part NAME] [--work runs/surrogates]`` computes what
the folder does not hold yet, from the same tables and settings by the same code, and writes the
page's tables and its figures. Needs the extras ``surrogates`` and ``torch``, and matplotlib.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import joblib
import numpy as np
from matplotlib import pyplot as plt
from pages import DOCS, fill, markdown_table, save, style

import nasbench
from nasbench.benchmarks.catalogue import catalogue, open_table
from nasbench.benchmarks.surrogate.folder import Description
from nasbench.runs.fingerprints.fingerprint import code_fingerprint
from nasbench.storage.files import json_digest
from surrogates import REGRESSORS, judge
from surrogates.comparison import Comparison, Side, compare
from surrogates.examples import Examples, split
from surrogates.exploits import Exploits, Pool
from surrogates.fit import fit
from surrogates.predictor import Predictor, settings
from surrogates.threads import one_thread

PAGE = DOCS / "surrogates.md"
TABLES = ("nb201-cifar100", "lite201-digits")
SEARCHED = ("nb201-cifar100",)
SIZES = (125, 250, 500, 1000, 2000, 4000)
REPEATS = {125: 1, 250: 1, 500: 1, 1000: 2, 2000: 1, 4000: 1}
PRESETS = (("gaussian_process", "wl"), ("gaussian_process", "path"), ("mlp", "bananas"))
SEARCHES = (
    "random_search",
    "local_search",
    "coordinate_search",
    "hill_climb",
    "simulated_annealing",
    "regularized_evolution",
    "genet",
    "cgp_es",
    "reinforce",
    "cross_entropy",
    "mdenas",
    "mcts_uct",
    "lanas",
)
PROVEN = (
    "nb201-cifar10",
    "nb201-cifar100",
    "nb201-imagenet16",
    "lite201-digits",
    "lite201-fashion",
    "nbmacro-cifar10",
    "nbgraph-cora",
    "nbgraph-arxiv",
    "nbgraph-proteins",
    "fcnet-protein",
    "fcnet-slice",
)
TRAIN, SEEDS, TRIALS = 1000, 100, 300
DEFAULT = ("ensemble", settings("ensemble", {}))
"""The regressor of :func:`surrogates.fit.fit` without another, and its settings."""


def remembered(path: Path, inputs: object, make: Callable[[], Any]) -> Any:
    """What was made of some inputs before; made and written if nothing was.

    Args:
        path: JSON file; the digest of the inputs is added to its name.
        inputs: All that the result depends on, as a JSON document.
        make: Makes the result.
    """
    path = path.with_name(f"{path.name}-{json_digest(inputs)[:8]}.json")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(path, flush=True)
        document = make()
        path.write_text(json.dumps(document))
    return json.loads(path.read_text())


def _code(name: str, values: Mapping[str, Any]) -> str:
    """Fingerprint of what fits, judges and searches a surrogate of a regressor."""
    kinds = [REGRESSORS.load(kind) for kind in sorted({name, values.get("regressor", name)})]
    return code_fingerprint(Predictor, Examples, Comparison, Exploits, *kinds)


# Regressors and numbers of examples


def contenders() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Label, registered name and settings of every regressor and some presets."""
    for name, preset in (*((name, None) for name in REGRESSORS), *PRESETS):
        yield f"{name} ({preset})" if preset else name, name, settings(name, {}, preset)


def score(table: str, name: str, values: dict[str, Any], n: int, seed: int) -> dict[str, float]:
    """Agreement of a regressor with the mean of the trainings of all other networks."""
    examples = Examples.read(open_table(table), [_objective(table)])
    inside, outside = split(examples, n, seed)
    target = examples.means[:, examples.place(_objective(table))]
    others = np.setdiff1d(np.arange(len(examples)), inside)
    with one_thread():
        start = process_time()
        regressor = REGRESSORS.load(name)(examples.space, seed=seed, **values)
        regressor.fit(examples.archs[inside], target[inside])
        seconds = process_time() - start
        predicted = np.zeros(len(target))
        predicted[others] = regressor.predict(examples.archs[others]).mean
    return {
        "kendall": judge.kendall(target[outside], predicted[outside]),
        "kendall_others": judge.kendall(target[others], predicted[others]),
        "r2": judge.r2(target[outside], predicted[outside]),
        "seconds": seconds,
    }


def regressors(work: Path, processes: int) -> str:
    """Tables of all regressors by number of examples, and the figure."""
    folder = work / "regressors"
    keys = [
        (table, label, n, seed)
        for table in TABLES
        for label, _, _ in contenders()
        for n in SIZES
        for seed in range(REPEATS[n])
    ]
    known = {label: (name, values) for label, name, values in contenders()}
    made = joblib.Parallel(processes)(
        joblib.delayed(remembered)(
            folder / table / f"{label}-{n}-{seed}",
            [_content(table), known[label], _code(*known[label])],
            partial(score, table, *known[label], n, seed),
        )
        for table, label, n, seed in keys
    )
    scores = dict(zip(keys, made, strict=True))
    figure, panels = plt.subplots(1, len(TABLES), figsize=(10, 4.2), layout="constrained")
    parts = []
    for panel, table in zip(panels, TABLES, strict=True):
        examples = Examples.read(open_table(table), [_objective(table)])
        between = judge.tau_between_trainings(examples, examples.place(_objective(table)))
        if between is None:
            raise ValueError(f"{table} has no architecture with two trainings")
        attainable = judge.attainable_tau(between, 1 / (1 / examples.counts).mean())
        rows = []
        for label, _, _ in contenders():
            cells, curve = [], []
            for n in SIZES:
                found = [scores[table, label, n, seed] for seed in range(REPEATS[n])]
                curve.append(np.mean([f["kendall"] for f in found]))
                cells.append(f"{curve[-1]:.3f}")
                if n == TRAIN:
                    others = np.mean([f["kendall_others"] for f in found])
                    r2 = np.mean([f["r2"] for f in found])
                    seconds = np.mean([f["seconds"] for f in found])
            rows.append(
                (
                    curve[SIZES.index(TRAIN)],
                    [f"`{label}`", *cells, f"{others:.3f}", f"{r2:.3f}", f"{seconds:.1f}"],
                )
            )
            line = "--" if "(" in label else "-"
            panel.plot(SIZES, curve, line, marker="o", markersize=3, linewidth=1.2, label=label)
        panel.axhline(attainable, color="black", linewidth=1)
        panel.axhline(between, color="black", linewidth=1, linestyle="--")
        panel.set(xscale="log", xticks=SIZES, xticklabels=map(str, SIZES), title=table)
        panel.set(xlabel="training architectures", ylabel="Kendall τ on other networks")
        panel.minorticks_off()
        head = ["regressor", *(f"{n:,}" for n in SIZES), f"all others, {TRAIN:,}", "R²", "CPU s"]
        rows.sort(key=lambda row: -row[0])
        parts += [
            f"### {table}",
            f"Kendall τ over all {len(examples):,} architectures, between two single trainings: "
            f"{between:.3f}; of a perfect predictor with the means, estimated: {attainable:.3f}.",
            markdown_table(head, [cells for _, cells in rows]),
        ]
    panels[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, "surrogates-regressors")
    return "\n\n".join(parts)


def _content(table: str) -> str:
    return open_table(table).metadata.content_hash


def _objective(table: str) -> str:
    return open_table(table).metadata.default_objective or "test_accuracy"


# Surrogates of tables


def tables(work: Path, processes: int) -> str:
    """How well the default surrogate of each table predicts what it has not seen."""
    rows = []
    names = [name for name in PROVEN if name in catalogue()]
    found = joblib.Parallel(processes)(
        joblib.delayed(remembered)(
            work / "tables" / name,
            [_content(name), TRAIN, DEFAULT, _code(*DEFAULT)],
            partial(_judged, name, work),
        )
        for name in names
    )
    for table, judged in zip(names, found, strict=True):
        cells = [f"`{table}`"]
        for name in ("r2", "kendall", "attainable", "between", "sparse_kendall", "spearman"):
            cells.append(f"{judged[name]:.3f}" if name in judged else "")
        cells += [f"{judged['rmse']:.4g}", f"{judged['kendall_top']:.3f}"]
        cells += [f"{judged['inside_50']:.2f}", f"{judged['inside_90']:.2f}"]
        rows.append([*cells, f"{100 * judged['led_astray']:.0f} %"])
    head = ["table", "R²", "τ", "τ, perfect", "τ, two trainings", "sparse τ", "Spearman", "RMSE"]
    head += ["τ, best tenth", "in 50 %", "in 90 %", "led astray"]
    return markdown_table(head, rows)


def _judged(table: str, work: Path) -> dict[str, float]:
    objective = _objective(table)
    folder = work / "fitted"
    made = fit(table, folder, train=TRAIN, metrics=[objective], searches=0, replace=True)
    found = compare(table, str(made.path), objective)
    examples = Examples.read(open_table(table), [objective])
    exploits = Exploits.find(found, Pool.of(examples, examples.place(objective)))
    return {**made.description.judged, "led_astray": exploits.share}


# Searches on tables and on their surrogates


def searches(work: Path, processes: int) -> str:
    """Ranks of algorithms on both, and the figure of their incumbents side by side."""
    figure, panels = plt.subplots(
        len(SEARCHED), 2, figsize=(10, 4), layout="constrained", squeeze=False
    )
    parts = []
    documents = joblib.Parallel(processes)(
        joblib.delayed(remembered)(
            work / "searches" / table,
            [_content(table), _fitted(table, work), SEARCHES, SEEDS, TRIALS, _code(*DEFAULT)],
            partial(_searched, table, work),
        )
        for table in SEARCHED
    )
    for row, table, document in zip(panels, SEARCHED, documents, strict=True):
        found = _comparison(document)
        best = float(np.nanmax(_all_means(table)))
        for panel, side, title in zip(
            row,
            (found.table, found.surrogate),
            (table, f"its surrogate, {TRAIN:,} examples"),
            strict=True,
        ):
            for i, (name, values) in enumerate(zip(found.algorithms, side.values, strict=True)):
                line = "-" if i < 10 else "--"
                panel.plot(np.arange(1, TRIALS + 1), values, line, linewidth=1.2, label=name)
            panel.set(xscale="log", title=title, xlabel="trials")
        row[0].set_ylabel("validation accuracy of the incumbent, %")
        row[0].set_ylim(found.table.values[:, 4].min(), best)
        row[1].set_ylim(found.surrogate.values[:, 4].min(), found.surrogate.values.max() + 0.1)
        body = []
        for i in np.argsort(-found.table.finals.mean(axis=1)):
            cells = [f"`{found.algorithms[i]}`"]
            for side in (found.table, found.surrogate):
                low, high = side.intervals[i]
                cells.append(f"{side.finals[i].mean():.3f} ({low:.3f} to {high:.3f})")
            body.append([*cells, f"{found.truth[i].mean():.3f}"])
        examples = Examples.read(open_table(table), [_objective(table)])
        exploits = Exploits.find(found, Pool.of(examples, examples.place(_objective(table))))
        parts += [
            f"### Searches on {table}",
            markdown_table(["algorithm", "on the table", "on the surrogate", "in truth"], body),
            f"{exploits}.",
            f"Kendall τ of the ranks: {found.rank_correlation:.2f}. The table separates "
            f"{len(found.separated)} of "
            f"{len(found.algorithms) * (len(found.algorithms) - 1) // 2} pairs (disjoint 95 % "
            f"intervals over {SEEDS} seeds); the surrogate separates {len(found.reversed)} of them "
            f"in the opposite order"
            + (
                ": " + "; ".join(f"{a} over {b}" for a, b in found.reversed)
                if found.reversed
                else ""
            )
            + ".",
        ]
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, "surrogates-searches")
    return "\n\n".join(parts)


def _comparison(document: dict[str, Any]) -> Comparison:
    table, surrogate = (
        Side(*(np.array(part) for part in document[name])) for name in ("table", "surrogate")
    )
    seen, truth = (np.array(document[name]) for name in ("seen", "truth"))
    return Comparison(SEARCHES, table, surrogate, seen, truth, maximised=True)


def _fitted(table: str, work: Path) -> str:
    return Description.read(work / "fitted" / f"{table}-surrogate").content_hash


def _searched(table: str, work: Path) -> dict[str, Any]:
    surrogate = str(work / "fitted" / f"{table}-surrogate")
    found = compare(
        table, surrogate, _objective(table), algorithms=SEARCHES, seeds=SEEDS, trials=TRIALS
    )
    sides = {
        name: (side.values.tolist(), side.finals.tolist())
        for name, side in (("table", found.table), ("surrogate", found.surrogate))
    }
    return {**sides, "seen": found.seen.tolist(), "truth": found.truth.tolist()}


def _all_means(table: str) -> Any:
    benchmark = nasbench.load(table)
    archs = np.array(list(benchmark.space.archs()))
    return benchmark.query_many(archs, _objective(table))


PARTS: dict[str, Callable[[Path, int], str]] = {
    "tables": tables,
    "searches": searches,
    "regressors": regressors,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, compute, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="only this part")
    parser.add_argument("--work", type=Path, default=Path("runs/surrogates"))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    style()
    for name, make in PARTS.items():
        if given.part in (None, name):
            made = make(given.work, given.processes)
            fill(PAGE, name, made)


if __name__ == "__main__":
    main()
