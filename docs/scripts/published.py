"""Published results of NAS-Bench-201 beside a replay of the same protocols: fills ``published.md``.

``python docs/scripts/published.py [--archive PATH] [--runs runs/published] [--processes 2]`` takes
the numbers from an official archive, which it imports unless that was done, or from
``nb201_12_epochs.csv.gz``; runs what the folder of records does not hold yet; and writes the tables
of the page and its figure. None of that data goes into the repository but the means on the page.
Needs the extras ``leaderboard`` and ``torch``, and matplotlib.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib import pyplot as plt
from pages import DOCS, fill, markdown_table, save, style
from published_isolate import isolated
from published_replay import MODEL_TRIALS, MODELS, OURS, Method, Replay, Replayed
from published_rows import (
    ROUNDING,
    SETS,
    Published,
    Value,
    budget,
    read_rows,
    remarks,
    same_cell,
)
from published_source import open_source

from nasbench.errors import NasbenchError
from nasbench.runs.run import Run

PAGE = DOCS / "published.md"
REASONS = {
    "weight sharing": "trains one network that shares its weights; a table records none",
    "scores": "ranks untrained networks by scores that are not in these data",
    "open-ended": "searches another space",
}
QUERIES = (50, 100, 150, 200, 400)
PLAIN: tuple[Method, ...] = (
    ("random_search", None),
    ("regularized_evolution", "nats"),
    ("regularized_evolution", "naszilla"),
    ("local_search", "naszilla"),
)
SCALE = (PLAIN[0], PLAIN[-1])
"""Methods that show what a number of queries gives."""


def beyond_noise(printed: Value, runs: int | None, ours: Replayed) -> bool:
    """Whether two means differ by more than their 95 % interval and the rounding."""
    if printed.sd is None or not runs:
        return False
    error = np.hypot(printed.sd / np.sqrt(runs), ours.sd / np.sqrt(ours.runs))
    return bool(abs(ours.mean - printed.mean) > 1.96 * error + ROUNDING)


def beside(row: Published, name: str, ours: Replayed | None) -> str:
    """A cell: what is printed, what the replay gives, and their difference."""
    if name not in row.test:
        return ""
    printed = row.test[name]
    if ours is None:
        return str(printed)
    mark = "**" if beyond_noise(printed, row.runs, ours) else ""
    return f"{printed} / {ours}, {mark}{ours.mean - printed.mean:+.2f}{mark}"


def link(row: Published) -> str:
    """Its source."""
    return f"[{row.source}]({row.url})"


def by_seconds(replay: Replay, rows: Sequence[Published]) -> str:
    """Rows with a budget of simulated seconds."""
    lines = []
    for row in rows:
        if row.protocol == "12-epoch":
            ours = replay.of(row)
            cells = [beside(row, name, ours.get(name)) for name in SETS]
            place = "CIFAR-10" if row.searched == "cifar10" else SETS[row.searched]
            said = "" if ours else f"no 12-epoch scores of {place} in these data"
            if ours and row.method == "BOHB":
                said = "here with one fidelity: these data have no earlier epochs"
            if row.source.startswith("RoBoT"):
                said = "ImageNet16-120 is the validation accuracy of the first source"
            lines.append([row.method, row.budget, *cells, link(row), said])
    return markdown_table(["method", "budget", *SETS.values(), "source", "remark"], lines)


def by_cell(replay: Replay, rows: Sequence[Published]) -> str:
    """Rows that are one cell, and the best of every column: nothing is searched."""
    lines = []
    cells = replay.source.cells
    for row in rows:
        if row.protocol != "cell":
            continue
        if row.kind == "optimum":
            found = [cells.test[name].max() for name in SETS]
        else:
            arch = np.array([replay.source.space.from_text(row.kind)])
            (place,) = replay.source.places(arch)
            found = [cells.test[name][place] for name in SETS]
        shown = [f"{row.test[n].mean:.2f} / {v:.2f}" for n, v in zip(SETS, found, strict=True)]
        lines.append([row.method, *shown, link(row)])
    return markdown_table(["row", *SETS.values(), "source"], lines)


def by_queries(replay: Replay, rows: Sequence[Published]) -> str:
    """Rows with a budget of fully trained architectures.

    Where the method is not in the suite, two of its methods show what as many queries give.
    """
    lines = []
    for row in rows:
        if row.protocol != "200-epoch":
            continue
        ours = replay.of(row)
        trials = min(queries(row), QUERIES[-1])
        said = [*remarks(row, replay.source.cells)]
        cells = [beside(row, name, ours.get(name)) for name in SETS]
        if not ours:
            said.append("not in the suite" if row.method not in OURS else "not run")
        elif row.method == "NPENAS-NP":
            said.append("here with the default predictor, which is quicker than preset `np`")
        for key in SCALE:
            found = [replay.accuracy(replay.full(*key, n), n, trials).mean for n in SETS]
            cells += [" ".join(f"{mean:.2f}" for mean in found)]
        lines.append(
            [row.method, row.budget or f"? ({trials})", *cells, link(row), "; ".join(said)]
        )
    heads = [f"`{algorithm}`" for algorithm, _ in SCALE]
    return markdown_table(["method", "budget", *SETS.values(), *heads, "source", "remark"], lines)


def queries(row: Published) -> int:
    """Number of queries of a row, or of ours where it is not stated."""
    return (budget(row.budget).trials if row.budget else None) or MODEL_TRIALS


def not_compared(replay: Replay, rows: Sequence[Published]) -> str:
    """Rows of other protocols, with the reason."""
    lines = []
    for row in rows:
        if row.protocol == "other":
            said = [REASONS[row.kind], *remarks(row, replay.source.cells)]
            if (place := same_cell(row, replay.source.cells)) is not None:
                said.append(f"every run is cell {place} of the archive's order")
            cells = [str(row.test[name]) for name in SETS]
            lines.append([row.method, row.budget, *cells, link(row), "; ".join(said)])
    return markdown_table(["method", "budget", *SETS.values(), "source", "why not"], lines)


def own(replay: Replay) -> Iterator[str]:
    """Test accuracy of our searches after some numbers of queries, a table a data set."""
    for name, title in SETS.items():
        lines = []
        for (algorithm, preset), runs in searched(replay, name):
            label = algorithm + (f" ({preset})" if preset else "")
            shown = [
                str(replay.accuracy(runs, name, queries)) if queries <= len(runs[0]) else ""
                for queries in QUERIES
            ]
            means, (hits, needed) = replay.by_mean(runs, name), replay.hits(runs, name)
            lines.append([f"`{label}`", str(len(runs)), *shown, str(means), f"{hits:.0%}", needed])
        head = ["method", "seeds", *map(str, QUERIES), "by means", "hits", "queries a hit"]
        yield f"**{title}**\n\n{markdown_table(head, lines)}"


def searched(replay: Replay, name: str) -> Iterator[tuple[Method, list[Run]]]:
    """The searches of a data set by 200-epoch validation accuracies."""
    for key in PLAIN:
        yield key, replay.full(*key, name, trials=QUERIES[-1])
    for key in MODELS:
        if len(runs := replay.full(*key, name)) > 1:
            yield key, runs


def figure(replay: Replay, rows: Sequence[Published]) -> None:
    """Published against replayed means, a panel a data set."""
    drawn, panels = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained")
    marks = {"12000 s": "o", "20000 s": "s"}
    for axes, (name, title) in zip(panels, SETS.items(), strict=True):
        points: list[float] = []
        for row in rows:
            ours = replay.of(row).get(name) if row.budget in marks else None
            if ours is None or name not in row.test or row.source.startswith("RoBoT"):
                continue
            printed = row.test[name]
            assert printed.sd is not None
            assert row.runs is not None
            axes.errorbar(
                printed.mean,
                ours.mean,
                xerr=1.96 * printed.sd / np.sqrt(row.runs),
                yerr=1.96 * ours.sd / np.sqrt(ours.runs),
                fmt=marks[row.budget],
                color=f"C{('random search', 'REA', 'REINFORCE', 'BOHB').index(row.method)}",
                markersize=4,
                label=f"{row.method}, {row.budget}",
            )
            points += [printed.mean, ours.mean]
        ends = [min(points) - 0.15, max(points) + 0.15]
        axes.plot(ends, ends, color="0.7", linewidth=0.8, zorder=0)
        axes.set(title=f"{title}, %", xlabel="published", ylabel="replayed", xlim=ends, ylim=ends)
    panels[0].legend(loc="upper left", fontsize=6)
    save(drawn, "published")


def counts(rows: Sequence[Published], replay: Replay) -> str:
    """How many rows are compared, and how many means agree."""
    of_method, of_protocol, numbers, off = 0, 0, 0, 0
    for row in rows:
        ours = replay.of(row)
        judged = [n for n in ours if n in row.test and row.test[n].sd is not None and row.runs]
        of_method += bool(ours) or row.protocol == "cell"
        of_protocol += not ours and row.protocol == "200-epoch"
        numbers += len(judged)
        off += sum(beyond_noise(row.test[n], row.runs, ours[n]) for n in judged)
    return (
        f"Of {len(rows)} published rows, {of_method} have the same method or cell beside them, "
        f"{of_protocol} others what our methods reach with as many queries, and the rest the "
        f"reason why not. {numbers} means have a printed deviation and a number of runs: {off} of "
        "them differ from the replay by more than the 95 % interval of the difference and the "
        f"rounding (bold); by chance alone {0.05 * numbers:.0f} would.\n\nNumbers here are from "
        f"{replay.source.name}. The clock charges {replay.source.clock}."
    )


def main() -> None:
    """Parse the command line, run, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, help="official archive, or nb201_12_epochs.csv.gz")
    parser.add_argument("--seeds", type=int, default=500, help="of methods without a model")
    parser.add_argument(
        "--model-seeds", type=int, default=30, help="of methods with one; 0: those recorded"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/published"))
    given = parser.parse_args()
    rows = read_rows()
    with TemporaryDirectory() as folder:
        try:
            source = open_source(given.archive, Path(folder))
            replay = Replay(source, given.seeds, given.model_seeds, given.processes, given.runs)
            write = partial(fill, PAGE)
            write("published-summary", counts(rows, replay))
            write("published-seconds", by_seconds(replay, rows))
            write("published-cells", by_cell(replay, rows))
            write("published-queries", by_queries(replay, rows))
            write("published-own", "\n\n".join(own(replay)))
            write("published-others", not_compared(replay, rows))
            write("published-isolated", isolated(replay, Path(folder)))
            style()
            figure(replay, rows)
        except NasbenchError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main()
