"""Processor time of building a leaderboard site from synthetic records, by stage.

``python tests/speed/site.py [--algorithms 60] [--benchmarks 12] [--seeds 25 50] [--trials 300]``
makes records of real searches: evolution with as many population sizes as there are algorithms,
recorded under as many names. It prints the seconds of each stage for each number of seeds, what the
time grows by for each further seed, and what 500 seeds would take by that. The sizes of the pages
do not depend on seeds; the largest one is printed. With ``--compact`` the records are of the kind
that the board that ships is made of.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from leaderboard.admission import find_readable
from leaderboard.scores import rank
from leaderboard.shipped.fill import compact_all
from leaderboard.site.feed import feed
from leaderboard.site.overview import verdicts
from leaderboard.site.pages import Site, files
from leaderboard.site.shown import shown
from nasbench.runs.budget import Budget
from nasbench.runs.records import Records
from nasbench.runs.setup import Setup

TABLES = (
    *("nb201-cifar10", "nb201-cifar100", "nb201-imagenet16", "lite201-digits", "lite201-fashion"),
    *("fcnet-naval", "fcnet-parkinsons", "fcnet-protein", "fcnet-slice"),
    *("nbgraph-cora", "nbgraph-arxiv", "nbgraph-cs"),
)
WHOLE = 500


def make_records(runs: Path, n_algorithms: int, tables: Sequence[str], seeds: int, n: int) -> None:
    """Record the same searches under many names."""
    for table in tables:
        for i in range(n_algorithms):
            settings = {"population": 10 + i, "sample": 2 + i % 5}
            prepared = Setup(
                algorithm="regularized_evolution",
                hyperparameters=settings,
                benchmark=table,
                budget=Budget(trials=n),
            ).prepare()
            manifest = replace(prepared.manifest, algorithm=f"synthetic_{i:02d}:Search")
            Records.create(runs, manifest).add([prepared.run(seed) for seed in range(seeds)])


def measure(runs: Path) -> tuple[dict[str, float], tuple[int, str], int]:
    """Seconds by stage, the largest page, and the bytes of the feed."""
    found: dict[str, float] = {}
    last = process_time()

    def lap(stage: str) -> None:
        nonlocal last
        now = process_time()
        found[stage], last = now - last, now

    records, _ = find_readable(runs)
    boards = list(rank(records))
    lap("rank")
    judged, reason, faults = verdicts(boards)
    lap("verdict")
    drawn = shown(boards, {})
    lap("curves, targets")
    document = feed(drawn, judged, [], [runs])
    text = json.dumps(document)
    lap("feed")
    made = files(Site(drawn, judged, reason, faults, document, (), ()))
    lap("pages")
    pages = ((len(page), name) for name, page in made.items() if name.endswith(".html"))
    return found, max(pages), len(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithms", type=int, default=60)
    parser.add_argument("--benchmarks", type=int, default=len(TABLES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[25, 50])
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--compact", action="store_true")
    given = parser.parse_args()
    measured = {}
    for seeds in given.seeds:
        with TemporaryDirectory() as folder:
            tables = TABLES[: given.benchmarks]
            runs = Path(folder) / "runs"
            make_records(runs, given.algorithms, tables, seeds, given.trials)
            if given.compact:
                small = Path(folder) / "compact"
                compact_all(runs, small)
                runs = small
            stages, (size, page), n = measure(runs)
        measured[seeds] = sum(stages.values())
        told = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
        print(f"{seeds} seeds: {measured[seeds]:.1f} s of processor time ({told})", flush=True)
        print(f"  largest page {size / 1e6:.2f} MB ({page}), feed {n / 1e6:.1f} MB", flush=True)
    if len(measured) > 1:
        low, high = min(measured), max(measured)
        slope = (measured[high] - measured[low]) / (high - low)
        whole = measured[low] + slope * (WHOLE - low)
        print(f"each further seed adds {slope:.3f} s: {WHOLE} seeds take {whole:.0f} s")


if __name__ == "__main__":
    main()
