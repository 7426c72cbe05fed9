"""Damaged input in great numbers: each case must end in the right answer or in an error of ours.

Every kind of input has a module here, with a function ``case(rng, folder)`` that damages a valid
one and returns what to do with it. ``python tests/fuzz/tables.py --cases 10000 --seed 1`` tries
many, ``pytest tests/fuzz`` a few of every kind.
"""

import argparse
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from nasbench.errors import LONGEST, NasbenchError

RIGHT, REFUSED, WRONG, TRACEBACK = "right", "refused", "wrong", "traceback"
Case: TypeAlias = tuple[str, Callable[[], bool]]
"""What was done to the input, and a function that uses it and tells if its answers were right."""
Kind: TypeAlias = Callable[[random.Random, Path], Case]


@dataclass
class Report:
    """How cases ended.

    Attributes:
        counts: Number of cases by outcome.
        failures: What was wrong in the cases that ended otherwise than they must.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        total = self.counts.total()
        shares = ", ".join(f"{self.counts[name]:,} {name}" for name in (RIGHT, REFUSED))
        bad = ", ".join(f"{self.counts[name]:,} {name}" for name in (WRONG, TRACEBACK))
        return f"{total:,} cases: {shares}; {bad}"


def outcome(use: Callable[[], bool]) -> tuple[str, str]:
    """Use a damaged input: how it ended, and the message or traceback."""
    try:
        return (RIGHT, "") if use() else (WRONG, "other answers than the undamaged input")
    except NasbenchError as error:
        message = str(error)
        if "\n" in message or len(message) > LONGEST or not message.isprintable():
            return TRACEBACK, f"not a line to be read: {message[:LONGEST]!r}"
        return REFUSED, message
    except Exception:
        return TRACEBACK, traceback.format_exc()


def tried(kind: Kind, cases: range, folder: Path) -> Report:
    """Try cases, each made from its number alone."""
    report = Report()
    for number in cases:
        place = folder / str(number)
        place.mkdir()
        name, use = kind(random.Random(number), place)
        end, message = outcome(use)
        report.counts[end] += 1
        if end in (WRONG, TRACEBACK):
            report.failures.append(f"case {number}, {name}: {message}")
    return report


def main(kind: Kind) -> None:
    """The command line of a module: many cases, and what went wrong in any."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="how many to try")
    parser.add_argument("--seed", type=int, default=0, help="number of the first, in millions")
    options = parser.parse_args()
    first = 1_000_000 * options.seed
    with tempfile.TemporaryDirectory() as folder:
        report = tried(kind, range(first, first + options.cases), Path(folder))
    print(*report.failures, report, sep="\n")
    sys.exit(bool(report.failures))
