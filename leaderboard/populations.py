"""The scale of a board: the architectures of a space and their full trainings."""

import random
from collections.abc import Collection
from itertools import islice
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
from nasbench.benchmarks.surrogate.folder import Description
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.column import Column
from nasbench.space import SearchSpace

SAMPLE = 10_000
"""Size of the sample that represents a space too large to enumerate."""

STARTS = 5
"""Number of sampled architectures from which a local search for the optimum starts."""

TRAININGS = 5
"""Trainings drawn from a surrogate for each network."""

_ENUMERABLE = 1_000_000
_SEED = 0

Extent = Literal["whole", "recorded", "sampled"]


class TrainingResults(NamedTuple):
    """Results of ``n`` full trainings.

    Attributes:
        owners: Equal for trainings that stand for the same architectures, shape ``(n,)``.
        archs: The trained architectures, shape ``(n, d)``.
        values: The values of one column, shape ``(n,)``.
    """

    owners: NDArray[np.int64]
    archs: NDArray[np.integer]
    values: NDArray[np.number]


class Population(Protocol):
    """Architectures of a benchmark, drawn uniformly, and their full trainings.

    Attributes:
        archs: Architectures that a uniform draw chooses from, shape ``(n, d)``.
        extent: Whether ``archs`` are all legal ones, those that a table records, or a sample.
        surrogate: Description of the surrogate; None for a table.
        trained: Names of the columns that depend on the seed of a training.
    """

    archs: NDArray[np.integer]
    extent: Extent
    surrogate: Description | None
    trained: Collection[str]

    def peaks(self, column: Column) -> NDArray[np.integer]:
        """Further candidates for the best architecture by a column, shape ``(m, d)``."""
        ...

    def owners(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Owner of the trainings that stand for each ``(n, d)`` architecture, shape ``(n,)``."""
        ...

    def trainings(self, column: str) -> TrainingResults:
        """Full trainings: all that a table records, or some drawn from a surrogate."""
        ...

    def n_diverged(self, archs: NDArray[np.integer]) -> int:
        """Number of the ``(n, d)`` architectures with a diverged full training."""
        ...


class TablePopulation:
    """All architectures that a search sees, with a training in the longest schedule of a table.

    Args:
        benchmark: A table.
    """

    surrogate: Description | None = None

    def __init__(self, benchmark: TableBenchmark) -> None:
        self._benchmark = benchmark
        self._table = table = benchmark.table
        self._last = table.schedule == benchmark.schedules[-1]
        self._rows = self._last
        self.trained: Collection[str] = table.columns
        self.extent: Extent = "recorded"
        ranks, first = np.unique(table.ranks[self._rows], return_index=True)
        self.archs: NDArray[np.integer] = table.archs[self._rows][first]
        listed = _enumerated(benchmark.space)
        if listed is not None:
            held = np.isin(self.owners(listed), ranks)
            self.archs = listed[held]
            if held.all():
                self.extent = "whole"
        if benchmark.constraints:
            self._rows = self._last & np.isin(table.ranks, self.owners(self.archs))

    def peaks(self, column: Column) -> NDArray[np.integer]:
        return self.archs[:0]

    def owners(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        space = self._table.space
        by_class = self._table.metadata.key == "class"
        return space.rank_many(space.canonical_many(archs) if by_class else archs)

    def trainings(self, column: str) -> TrainingResults:
        table = self._table
        read = table.final if table.is_curve(column) else table.numbers
        values = read(column, self._benchmark.schedules[-1])[self._rows[self._last]]
        return TrainingResults(table.ranks[self._rows], table.archs[self._rows], values)

    def n_diverged(self, archs: NDArray[np.integer]) -> int:
        if not len(archs):
            return 0
        diverged = self._table.ranks[self._table.diverged & self._rows]
        return int(np.isin(self.owners(archs), diverged).sum())


class SurrogatePopulation:
    """All architectures of a space, or a sample of a large one, as a surrogate predicts them.

    Args:
        benchmark: A surrogate.
    """

    def __init__(self, benchmark: SurrogateBenchmark) -> None:
        self._benchmark = benchmark
        self.surrogate: Description | None = benchmark.description
        has_noise = benchmark.description.repeated != 0
        self.trained: Collection[str] = benchmark.columns if has_noise else ()
        listed = _enumerated(benchmark.space)
        self.extent: Extent = "sampled" if listed is None else "whole"
        if listed is None:
            draws = benchmark.space.samples(random.Random(_SEED))
            listed = np.array(list(islice(draws, SAMPLE)))
        self.archs: NDArray[np.integer] = listed

    def peaks(self, column: Column) -> NDArray[np.integer]:
        """Ends of steepest ascents on the predicted mean from the best architectures."""
        if self.extent == "whole":
            return self.archs[:0]
        values = self._goodness(self.archs, column)
        best = np.argsort(-values, kind="stable")[:STARTS]
        archs, values = self.archs[best], values[best]
        rising = list(range(len(best)))
        while rising:
            around = [self._neighbors(archs[i]) for i in rising]
            found = self._goodness(np.concatenate(around), column)
            still, end = [], 0
            for i, neighbors in zip(rising, around, strict=True):
                start, end = end, end + len(neighbors)
                place = start + int(found[start:end].argmax()) if len(neighbors) else None
                if place is not None and found[place] > values[i]:
                    archs[i], values[i] = neighbors[place - start], found[place]
                    still.append(i)
            rising = still
        return archs

    def owners(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        space = self._benchmark.space
        return space.rank_many(space.canonical_many(archs))

    def trainings(self, column: str) -> TrainingResults:
        owners, first = np.unique(self.owners(self.archs), return_index=True)
        drawn = [
            self._benchmark.query_many(self.archs, column, seed=seed)[first]
            for seed in range(TRAININGS)
        ]
        return TrainingResults(
            np.tile(owners, TRAININGS),
            np.tile(self.archs[first], (TRAININGS, 1)),
            np.concatenate(drawn),
        )

    def n_diverged(self, archs: NDArray[np.integer]) -> int:
        return 0

    def _goodness(self, archs: NDArray[np.integer], column: Column) -> NDArray[np.float64]:
        values = self._benchmark.query_many(archs, column.name)
        return values if column.goal == "max" else -values

    def _neighbors(self, arch: NDArray[np.integer]) -> NDArray[np.integer]:
        found = list(self._benchmark.space.neighbors(tuple(arch.tolist())))
        return np.array(found, dtype=arch.dtype).reshape(len(found), len(arch))


def population(benchmark: AnyBenchmark) -> Population:
    """The population of a benchmark."""
    if isinstance(benchmark, SurrogateBenchmark):
        return SurrogatePopulation(benchmark)
    return TablePopulation(benchmark)


def _enumerated(space: SearchSpace) -> NDArray[np.integer] | None:
    """All legal architectures, shape ``(n, d)``; None if there are too many."""
    if space.size is None or space.size > _ENUMERABLE:
        return None
    if not space.has_rules:
        return np.stack(np.unravel_index(np.arange(space.size), space.options), axis=1)
    return np.array(list(space.archs()))
