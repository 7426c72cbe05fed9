"""Which cells of a space a page shows."""

import random
from collections.abc import Sequence
from itertools import islice
from math import prod

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import NotRecordedError
from nasbench.space import SearchSpace

MOST = 20_000
"""Cells of a page; of a larger space it shows a part."""

BEST = 2_000
"""The best cells of a table that a part has, at most."""

SAMPLE = 2_400
"""Cells drawn for a surrogate; the neighbours of the best of them come in addition."""

STARTS = 6
_SEED = 0


def is_whole(space: SearchSpace) -> bool:
    """Whether a page shows every architecture of a space, so that a rank is a place."""
    return not space.has_rules and prod(space.options) <= MOST


def cells(space: SearchSpace, benchmarks: Sequence[AnyBenchmark]) -> NDArray[np.int64]:
    """The cells of a page in the order of their ranks, shape ``(n, d)``.

    All of a small space. Of a large one, what its tables record, or their best and a uniform sample
    of the others; for a surrogate, a uniform sample and the neighbours of its best, so that steps
    from these can be taken on the page.
    """
    if is_whole(space):
        return np.stack(np.unravel_index(np.arange(prod(space.options)), space.options), axis=1)
    found = [_recorded(b) for b in benchmarks if isinstance(b, TableBenchmark)]
    found += [_sampled(b) for b in benchmarks if not isinstance(b, TableBenchmark)]
    kept = [_part(archs, values) for archs, values in found]
    return np.unique(np.concatenate(kept).astype(np.int64), axis=0)


def held(benchmark: AnyBenchmark, archs: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which of ``(n, d)`` architectures a benchmark answers for at full training."""
    if not isinstance(benchmark, TableBenchmark):
        return np.ones(len(archs), dtype=np.bool_)
    table = benchmark.table
    ranks = table.ranks[table.schedule == benchmark.schedules[-1]]
    return np.isin(owners(benchmark, archs), ranks)


def owners(benchmark: AnyBenchmark, archs: NDArray[np.integer]) -> NDArray[np.int64]:
    """Equal numbers for architectures that share their trainings, shape ``(n,)``."""
    if not isinstance(benchmark, TableBenchmark):
        return np.arange(len(archs))
    space = benchmark.table.space
    by_class = benchmark.table.metadata.key == "class"
    return space.rank_many(space.canonical_many(archs) if by_class else archs)


def _recorded(benchmark: TableBenchmark) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    table = benchmark.table
    rows = table.schedule == benchmark.schedules[-1]
    _, first = np.unique(table.ranks[rows], return_index=True)
    archs = table.archs[rows][first]
    try:
        return archs, _goodness(benchmark, archs)
    except NotRecordedError:
        return archs, np.zeros(len(archs))


def _sampled(benchmark: AnyBenchmark) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    space = benchmark.space
    drawn = np.array(list(islice(space.samples(random.Random(_SEED)), SAMPLE)))
    best = np.argsort(-_goodness(benchmark, drawn), kind="stable")[:STARTS]
    around = [n for i in best for n in space.neighbors(tuple(drawn[i].tolist()))]
    archs = np.concatenate([drawn, np.array(around, dtype=drawn.dtype)])
    return archs, np.zeros(len(archs))


def _goodness(benchmark: AnyBenchmark, archs: NDArray[np.integer]) -> NDArray[np.float64]:
    """Values of the objective, higher for better."""
    if not benchmark.objectives:
        return np.zeros(len(archs))
    column = benchmark.column(benchmark.objectives[0])
    values = benchmark.query_many(archs, column.name)
    return np.nan_to_num(values if column.goal == "max" else -values, nan=-np.inf)


def _part(archs: NDArray[np.integer], values: NDArray[np.float64]) -> NDArray[np.integer]:
    if len(archs) <= MOST:
        return archs
    order = np.argsort(-values, kind="stable")
    others = np.random.default_rng(_SEED).permutation(order[BEST:])[: MOST - BEST]
    return archs[np.concatenate([order[:BEST], others])]
