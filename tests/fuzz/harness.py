"""Damaged input in great numbers: each case must end in the right answer or in an error of ours.

Every kind of input has a module here, with a function ``case(rng, folder)`` that damages a valid
one and returns what to do with it. ``python tests/fuzz/tables.py --cases 10000 --seed 1`` tries
many, ``pytest tests/fuzz`` a few of every kind.
"""

import argparse
import json
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

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


# Damage


def damaged_bytes(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Some bytes flipped, cut off, repeated, blanked or put elsewhere."""
    data, n = bytearray(content), len(content)
    at, length = rng.randrange(n), 1 + min(rng.randrange(200), rng.randrange(n))
    how = rng.choice(["flip", "flip", "cut", "repeat", "blank", "move", "empty", "end"])
    if how == "flip":
        for _ in range(rng.choice([1, 1, 2, 10])):
            data[rng.randrange(n)] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del data[at : at + length]
    elif how == "repeat":
        data[at:at] = data[at : at + length]
    elif how == "blank":
        data[at : at + length] = bytes(len(data[at : at + length]))
    elif how == "move":
        part = data[at : at + length]
        del data[at : at + length]
        to = rng.randrange(len(data) + 1)
        data[to:to] = part
    elif how == "end":
        del data[at:]
    else:
        data.clear()
    return f"{how} at {at} of {n}", bytes(data)


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -0.0, 1e308, 5e-324, "", "x", "../x"),
    *(float("nan"), float("inf"), "\x1b[31m", "\u202e", "x" * 100_000, [], {}, [[]], {"": {}}),
)


def damaged_document(document: Any, rng: random.Random) -> tuple[str, Any]:
    """A JSON document with an entry deleted, added, exchanged or replaced by something odd."""
    copy = json.loads(json.dumps(document))
    inside: list[tuple[Any, Any]] = []

    def visit(value: Any) -> None:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            inside.append((value, key))
            if isinstance(value[key], dict | list):
                visit(value[key])

    visit(copy)
    owner, key = rng.choice(inside)
    how = rng.choice(["odd", "odd", "odd", "delete", "double", "wrap", "exchange", "deep"])
    if how == "odd":
        owner[key] = rng.choice(ODD)
    elif how == "delete":
        del owner[key]
    elif how == "double" and isinstance(owner, dict):
        owner[f"{key}2"] = owner[key]
    elif how == "double":
        owner.insert(key, owner[key])
    elif how == "wrap":
        owner[key] = [owner[key]]
    elif how == "deep":
        for _ in range(500):
            owner[key] = [owner[key]]
    else:
        other, there = rng.choice(inside)
        owner[key] = json.loads(json.dumps(other[there])) if there in _keys(other) else None
    return f"{how} of {key!r}", copy


def _keys(value: Any) -> Any:
    return value if isinstance(value, dict) else range(len(value))
