"""Check that a benchmark answers what it cannot with the named errors."""

import random
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from nasbench.benchmark import Benchmark
from nasbench.errors import IllegalArchError, InvalidArgumentError, NotRecordedError
from nasbench.space import Arch
from nasbench.testing.points import Point
from nasbench.testing.requirements import require, require_error, require_missing

_NO_METRIC = "no such metric"
_NO_INTEGER = (InvalidArgumentError, NotRecordedError)


def check_missing(benchmark: Benchmark, points: Sequence[Point]) -> None:
    """Epochs, schedules, seeds and metrics that are not recorded, or no integers, are refused."""
    arch, rows = points[0].arch, np.array([points[0].arch])
    metric = _of_trainings(points)
    after = benchmark.schedules[-1] + 1
    for epoch in (-1, 0, after):
        require_missing(benchmark, "query", arch, epoch=epoch)
        require_missing(benchmark, "evaluate", arch, epoch=epoch)
        require_missing(benchmark, "query_many", rows, metric, epoch=epoch)
    for epoch in sorted({*range(1, after)} - {*benchmark.fidelities})[:3]:
        require_missing(benchmark, "evaluate", arch, epoch=epoch)
    require_missing(benchmark, "query", arch, schedule=after)
    require_missing(benchmark, "curve", arch, metric, schedule=after)
    require_missing(benchmark, "query_many", rows, metric, schedule=after)
    require_missing(benchmark, "curve", arch, _NO_METRIC)
    require_missing(benchmark, "query_many", rows, _NO_METRIC)
    answer = benchmark.query(arch)
    require_error(f"query(...)[{_NO_METRIC!r}]", LookupError, answer.__getitem__, _NO_METRIC)
    for point in points:
        if point.seed is not None:
            continue
        seeds = benchmark.trainings(point.arch, point.epoch).seeds
        others = {*benchmark.seeds, max(seeds) + 1} - {*seeds} if seeds else set()
        for seed in (-1, *others):
            asked = {"epoch": point.epoch, "seed": seed}
            require_missing(benchmark, "query", point.arch, **asked)
            require_missing(benchmark, "evaluate", point.arch, **asked)
            require_missing(
                benchmark, "curve", point.arch, metric, schedule=point.schedule, seed=seed
            )
            require_missing(benchmark, "query_many", np.array([point.arch]), metric, **asked)
    for name, value in product(("epoch", "schedule", "seed"), ("1", True, 1.0)):
        given: dict[str, object] = {name: value}
        what = f"{name}={value!r}, which is no integer,"
        require_error(f"query with {what}", _NO_INTEGER, benchmark.query, arch, **given)
        if name != "schedule" and benchmark.objectives:
            require_error(f"evaluate with {what}", _NO_INTEGER, benchmark.evaluate, arch, **given)


def _of_trainings(points: Sequence[Point]) -> str:
    """A metric that comes out of trainings: not the same at every epoch and seed, if possible."""
    values: dict[tuple[Arch, str], set[float]] = {}
    for point in points:
        for name, value in point.answer.items():
            values.setdefault((point.arch, name), set()).add(value)
    return max(values, key=lambda key: len(values[key]))[1]


def check_illegal(benchmark: Benchmark, archs: Sequence[Arch], seed: int) -> None:
    """Every method refuses what is not an architecture of the space."""
    space, rng, arch = benchmark.space, random.Random(seed), archs[0]
    n = space.options[-1]
    for given in ((*arch, 0), arch[:-1], (*arch[:-1], n), (*arch[:-1], -1), None):
        _illegal(benchmark, given)
    for text in ("", "no architecture", "\x00"):
        require_error(f"query({text!r})", IllegalArchError, benchmark.query, text)
    for _ in archs:
        raw = tuple([int(rng.random() * n) for n in space.options])
        if raw in space:
            continue
        try:
            key = benchmark.trainings(raw).key
        except (IllegalArchError, NotRecordedError):
            _illegal(benchmark, raw, NotRecordedError)
        else:  # legal, and answered by the trainings of an equal network
            require(
                space.unrank(key) in space, f"trainings({raw}) has key {key}, which nobody owns"
            )
    metric = next(iter(benchmark.query(arch)))
    for rows in ([(*arch, 0)], [arch[:-1]], [(*arch[:-1], n)], [(*arch[:-1], -1)]):
        array = np.array(rows)
        require_error(f"query_many({rows})", IllegalArchError, benchmark.query_many, array, metric)


def _illegal(benchmark: Benchmark, given: Any, *or_else: type[Exception]) -> None:
    errors: tuple[type[Exception], ...] = (IllegalArchError, *or_else)
    for method in ("query", "trainings", *(["evaluate"] if benchmark.objectives else [])):
        require_error(f"{method}({given!r})", errors, getattr(benchmark, method), given)
