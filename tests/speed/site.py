"""Time of building a leaderboard site from synthetic records, and of opening its pages.

``python tests/speed/site.py [--algorithms 60] [--benchmarks 12] [--seeds 25 50] [--trials 300]``
makes records of real searches: evolution with as many population sizes as there are algorithms,
recorded under as many names. It prints the processor seconds of each stage for each number of
seeds, and what 500 seeds would take if the time grows on as between the fewest and the most. Then
it opens the overview and the largest page of each folder in chromium, and prints their sizes and
the medians of ``--opened`` times until they are loaded, scripts and charts included
(``loadEventEnd``). Sizes do not depend on seeds. With ``--compact`` the records are of the kind
that the board that ships is made of.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
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

sys.path.append(str(Path(__file__).parents[1]))
from chromium import CHROMIUM, Browser

TABLES = (
    *("nb201-cifar10", "nb201-cifar100", "nb201-imagenet16", "lite201-digits", "lite201-fashion"),
    *("fcnet-naval", "fcnet-parkinsons", "fcnet-protein", "fcnet-slice"),
    *("nbgraph-cora", "nbgraph-arxiv", "nbgraph-cs"),
)
WHOLE = 500
LOADED = (
    "new Promise(done => setTimeout(() => "
    "done(performance.getEntriesByType('navigation')[0].loadEventEnd)))"
)


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


def measure(runs: Path) -> tuple[dict[str, float], dict[str, str | bytes], int]:
    """Seconds by stage, the files, and the bytes of the feed."""
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
    return found, made, len(text)


def largest(made: Mapping[str, str | bytes]) -> dict[str, int]:
    """Bytes of the largest page in each folder by its name, the largest first."""
    found: dict[str, tuple[int, str]] = {}
    for name, page in made.items():
        if isinstance(page, str) and name.endswith(".html"):
            folder = name.rpartition("/")[0]
            found[folder] = max(found.get(folder, (0, "")), (len(page.encode()), name))
    return {name: size for size, name in sorted(found.values(), reverse=True)}


def open_pages(made: Mapping[str, str | bytes], folder: Path, times: int) -> None:
    """Open the largest pages some times in turn; print their sizes, and when they are loaded."""
    sizes = largest(made)
    for name in sizes:
        page = folder / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(str(made[name]), encoding="utf-8")
    loaded: dict[str, list[float]] = {name: [] for name in sizes}
    browser = Browser(folder / "profile")
    for _ in range(times):
        for name in sizes:
            browser.open(folder / name, 1280)
            loaded[name].append(browser.evaluate(LOADED) / 1000)
    browser.close()
    for name, size in sizes.items():
        seconds = median(loaded[name])
        print(f"  {name}: {size / 1e6:.2f} MB, loaded after {seconds:.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithms", type=int, default=60)
    parser.add_argument("--benchmarks", type=int, default=len(TABLES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[25, 50])
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--opened", type=int, default=5, help="times that pages are opened")
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
            stages, made, n = measure(runs)
        measured[seeds] = sum(stages.values())
        told = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
        print(f"{seeds} seeds: {measured[seeds]:.1f} s of processor time ({told})", flush=True)
        print(f"  feed {n / 1e6:.1f} MB", flush=True)
    if CHROMIUM is None:
        print("no page is opened: that needs chromium")
    else:
        with TemporaryDirectory() as folder:
            open_pages(made, Path(folder), given.opened)
    if len(measured) > 1:
        low, high = min(measured), max(measured)
        slope = (measured[high] - measured[low]) / (high - low)
        whole = measured[low] + slope * (WHOLE - low)
        print(f"each further seed adds {slope:.3f} s: {WHOLE} seeds take {whole:.0f} s")


if __name__ == "__main__":
    main()
