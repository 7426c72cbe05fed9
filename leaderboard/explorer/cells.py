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
"""Cells drawn for a surrogate."""

STARTS = 6
"""Best cells of a table or sample whose neighbours a page shows beside a surrogate."""

_SEED = 0


def is_whole(space: SearchSpace) -> bool:
    """Whether a page shows every architecture of a space, so that a rank is a place."""
    return not space.has_rules and prod(space.options) <= MOST


def cells(space: SearchSpace, benchmarks: Sequence[AnyBenchmark]) -> NDArray[np.int64]:
    """The cells of a page in the order of their ranks, shape ``(n, d)``.

    All of a small space. Of a large one, what its tables record, or their best and a uniform sample
    of the others. Beside a surrogate, a uniform sample and the neighbours of the best cells as
    well, so that steps from these can be taken on the page.
    """
    if is_whole(space):
        return np.stack(np.unravel_index(np.arange(prod(space.options)), space.options), axis=1)
    kept = [_recorded(b) for b in benchmarks if isinstance(b, TableBenchmark)]
    starts = [archs[:STARTS] for archs in kept]
    for benchmark in benchmarks:
        if not isinstance(benchmark, TableBenchmark):
            drawn = np.array(list(islice(space.samples(random.Random(_SEED)), SAMPLE)))
            kept.append(drawn)
            starts.append(drawn[np.argsort(-_goodness(benchmark, drawn), kind="stable")[:STARTS]])
    if not all(isinstance(benchmark, TableBenchmark) for benchmark in benchmarks):
        best = {tuple(arch) for some in starts for arch in some.tolist()}
        kept.append(np.array([n for arch in sorted(best) for n in space.neighbors(arch)]))
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


def _recorded(benchmark: TableBenchmark) -> NDArray[np.integer]:
    """What a table records, the best first; of very many the best and a sample of the others."""
    table = benchmark.table
    rows = table.schedule == benchmark.schedules[-1]
    _, first = np.unique(table.ranks[rows], return_index=True)
    archs = table.archs[rows][first]
    order = np.argsort(-_goodness(benchmark, archs), kind="stable")
    if len(archs) > MOST:
        others = np.random.default_rng(_SEED).permutation(order[BEST:])[: MOST - BEST]
        order = np.concatenate([order[:BEST], others])
    ordered: NDArray[np.integer] = archs[order]
    return ordered


def _goodness(benchmark: AnyBenchmark, archs: NDArray[np.integer]) -> NDArray[np.float64]:
    """Values of the objective, higher for better."""
    if not benchmark.objectives:
        return np.zeros(len(archs))
    column = benchmark.column(benchmark.objectives[0])
    try:
        values = benchmark.query_many(archs, column.name)
    except NotRecordedError:
        return np.zeros(len(archs))
    return np.nan_to_num(values if column.goal == "max" else -values, nan=-np.inf)
