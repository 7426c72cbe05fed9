"""Processes that write, replace, load and query one table at the same time.

    python tests/fuzz/crowd.py --seconds 60 --processes 8

Each process writes one of a few contents to the same place, or loads and queries what is there. All
have the same id. Whoever loads must get one of the contents as a whole, and nobody may fail.
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.commands import cells, draft

import nasbench
from nasbench.tables.draft import Draft
from nasbench.tables.writer import write_table

CONTENTS = 3
_LEAST = 5
"""Times that each process writes or reads, however slow the machine is."""


def contents() -> list[Draft]:
    """What is written: tables of one id with different numbers, the last of one file."""
    several = [draft("crowd", seed=seed) for seed in range(CONTENTS)]
    return [*several[:-1], replace(several[-1], archs=None)]


def answers(path: Path) -> tuple[str, ...]:
    """What tells one content from another: its hash, a training, a number of an architecture."""
    benchmark = nasbench.load(path)
    answer = benchmark.query(cells()[7], seed=1)
    return benchmark.content_hash, *(f"{answer.get(n)}" for n in ("valid_accuracy", "parameters"))


def possible(folder: Path) -> set[tuple[str, ...]]:
    """The answers of every content alone."""
    found = set()
    for number, one in enumerate(contents()):
        alone = folder / str(number) / "crowd.parquet"
        write_table(alone, one)
        found.add(answers(alone))
    return found


def work(path: Path, number: int, until: float, known: Any, told: Any) -> None:
    """Write or read until the time is up; tell how often, and what went wrong."""
    rng, counted, some = random.Random(number), Counter[str](), contents()
    while time.time() < until or counted.total() < _LEAST:
        task = "write" if rng.random() < 0.3 else "read"
        try:
            if task == "write":
                write_table(path, rng.choice(some), replace=True)
            elif (found := answers(path)) not in known:
                raise ValueError(f"a mixture: {found}")
        except Exception as error:
            message = str(error).replace(str(path.parent), "…")
            counted[f"{task} fails: {type(error).__name__}: {message[:200]}"] += 1
        counted[task] += 1
    told.put(counted)


def crowd(folder: Path, processes: int, seconds: float) -> Counter[str]:
    """How often something was written and read, and every failure with its number."""
    known, path = possible(folder), folder / "home/crowd.parquet"
    write_table(path, contents()[0])
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    until = time.time() + seconds
    several = [
        context.Process(target=work, args=(path, number, until, known, told), daemon=True)
        for number in range(processes)
    ]
    for process in several:
        process.start()
    counted = sum((told.get() for _ in several), Counter[str]())
    for process in several:
        process.join()
    left = {file.name for file in path.parent.iterdir() if file.name.startswith(".")}
    return counted + Counter({f"left fails: {name}": 1 for name in left})


def failures(counted: Counter[str]) -> dict[str, int]:
    """Only what failed."""
    return {what: n for what, n in counted.items() if " fails: " in what}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nasbench-crowd-") as folder:
        counted = crowd(Path(folder), given.processes, given.seconds)
    for what, n in counted.most_common():
        print(f"{n:6d} {what}")
    return 1 if failures(counted) else 0


if __name__ == "__main__":
    sys.exit(main())
