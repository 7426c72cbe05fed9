"""Which difference between the replay and the published protocol moves a mean, and how far."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pages import markdown_table
from published_replay import OURS, SHORT, Replay, Replayed
from published_rows import SETS

import nasbench
from data_builders.importers.table.importer import TableImporter
from nasbench import Budget
from nasbench.tables.writer import write_table

SECONDS = 12_000
VALIDATION = 1.035
"""Seconds with one validation, over those without: between 1.03 and 1.04 in official records."""
HALVES = (0.35, 0.7)
"""Half of the difference between two trainings: 0.65 to 1.17 points in official records."""
RATES = (0.001, 0.02, 0.05, 0.1, 0.5)
DRAWS = 20_000


def twin(replay: Replay, runs: int = DRAWS) -> dict[str, Replayed]:
    """Random search of 12-epoch scores without any code of the suite's searches."""
    source = replay.source
    benchmark = nasbench.load(source.short["cifar10"])
    scores = benchmark.query_many(source.archs, "valid_accuracy", epoch=SHORT)
    archs = map(tuple, source.archs.tolist())
    costs = np.array([benchmark.evaluate(arch, epoch=SHORT).seconds for arch in archs])
    rng = np.random.default_rng(0)
    chosen = []
    for _ in range(runs):
        drawn = rng.integers(len(scores), size=int(SECONDS / costs.min()) + 1)
        paid = drawn[: np.searchsorted(costs[drawn].cumsum(), SECONDS, side="right")]
        chosen.append(paid[scores[paid].argmax()])
    found = {}
    for name in SETS:
        values = source.cells.test[name][chosen]
        found[name] = Replayed(float(values.mean()), float(values.std(ddof=1)), runs)
    return found


def two_trainings(replay: Replay, folder: Path, distance: float) -> str:
    """A table with two trainings a cell whose mean is the score, instead of that mean."""
    source = replay.source
    benchmark = nasbench.load(source.short["cifar10"])
    rng = np.random.default_rng(0)
    rows = []
    for arch in source.archs.tolist():
        answer = benchmark.query(tuple(arch), epoch=SHORT)
        half = distance * rng.choice([-1, 1])
        score, text = answer["valid_accuracy"], benchmark.space.to_text(tuple(arch))
        rows.append([text, answer["seconds"], min(score + half, 100), min(score - half, 100)])
    path = folder / f"two-{distance}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["arch", "seconds", "a", "b"], *rows])
    id_ = f"nb201-two-trainings-{round(100 * distance)}"
    importer = TableImporter(
        id=id_,
        space="nb201",
        arch="arch",
        metrics=["valid_accuracy@12=a", "valid_accuracy@12=b", "seconds@12=seconds"],
        dataset="cifar10",
    )
    (draft,) = importer.tables([path], work=folder)
    table = folder / f"{id_}.parquet"
    write_table(table, draft)
    return str(table)


def variants(replay: Replay, folder: Path) -> Iterator[tuple[str, str, dict[str, Replayed]]]:
    """Method, what is changed, and what it gives."""

    def given(method: str, seconds: float = SECONDS, **changes: Any) -> dict[str, Replayed]:
        runs = replay.short(*OURS[method], "cifar10", Budget(seconds=seconds), changes)
        return {name: replay.accuracy(runs, name) for name in SETS}

    noisy = {half: two_trainings(replay, folder, half) for half in HALVES}
    for method in ("random search", "REA", "REINFORCE", "BOHB"):
        yield method, "as replayed", given(method)
        if method == "random search":
            yield method, "NumPy on the same columns, nothing of the suite", twin(replay)
        yield method, "a clock that charges 3.5 % more", given(method, round(SECONDS / VALIDATION))
        for half, table in noisy.items():
            until = Budget(seconds=SECONDS)
            runs = replay.search(*OURS[method], table, SHORT, until, {}, replay.seeds)
            found = {name: replay.accuracy(runs, name) for name in SETS}
            yield method, f"one of two trainings, {half} above or below their mean", found
        if method == "REINFORCE":
            for rate in RATES:
                yield method, f"learning rate {rate}", given(method, learning_rate=rate)


def isolated(replay: Replay, folder: Path) -> str:
    """The table of the variants."""
    lines = [
        [method, change, *(str(found[name]) for name in SETS)]
        for method, change, found in variants(replay, folder)
    ]
    return markdown_table(["method", "changed", *SETS.values()], lines)
