"""The whole space as a benchmark records it: the scale that searches are measured on."""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leaderboard import statistics
from nasbench.errors import InvalidArgumentError, NotRecordedError
from nasbench.schema import Column
from nasbench.space import SearchSpace
from nasbench.tabular import TableBenchmark

_LISTABLE = 1_000_000
_SPLITS = {"valid": "validation", "valtest": "validation and test", "train": "training"}


class Yardstick:
    """One column at full training, mean over seeds, as a distance to the best architecture.

    Args:
        benchmark: What is asked.
        column: Name of a column that has a goal.
        archs: Architectures that the sampling measure draws from, uniformly; shape ``(n, d)``.

    Attributes:
        column: Meaning of the column.
        optimum: Best value among ``archs``.
        worst: Worst value among them.
        mean: Mean over them: what a random architecture has.
        n_failed: How many have a diverged training; they count as the worst.
    """

    def __init__(self, benchmark: TableBenchmark, column: str, archs: NDArray[np.integer]) -> None:
        self._benchmark = benchmark
        self.column: Column = benchmark.column(column)
        self._sign = -1.0 if self.column.goal == "max" else 1.0
        values = benchmark.query_many(archs, column)
        failed = np.isnan(values)
        self.n_failed = int(failed.sum())
        if failed.all() or self.n_failed > len(_diverged(benchmark, archs, failed)):
            raise NotRecordedError(
                f"{benchmark.name!r} does not record {column!r} of every architecture at the end "
                "of its training"
            )
        pick = (np.max, np.min) if self.column.goal == "max" else (np.min, np.max)
        self.optimum, self.worst = (float(best(values[~failed])) for best in pick)
        self.mean = float(np.where(failed, self.worst, values).mean())

    @property
    def name(self) -> str:
        """The column in words."""
        return spoken(self.column)

    @property
    def random_regret(self) -> float:
        """Mean regret of a random architecture."""
        return self._sign * (self.mean - self.optimum)

    def values(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        """Value of each of ``(n, d)`` architectures, shape ``(n,)``."""
        values = self._benchmark.query_many(archs, self.column.name)
        return np.where(np.isnan(values), self.worst, values)

    def regrets(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        """How much worse each of ``(n, d)`` architectures is than the best, shape ``(n,)``."""
        return self._sign * (self.values(archs) - self.optimum)

    def value(self, regret: float) -> float:
        """The value that has this regret."""
        return self.optimum + self._sign * regret


class Landscape:
    """What a benchmark says of its whole space, for one objective and one replicate policy.

    Args:
        benchmark: With the objective chosen.
        replicate: Which recorded training answers a search.

    Attributes:
        benchmark: As given.
        replicate: As given.
        complete: Whether every legal architecture is recorded; if not, the scale is made of the
            recorded ones.
        archs: The architectures that a uniform draw chooses from, shape ``(n, d)``.
        observed: What a search selects by.
        reported: What is reported of its choice: the test column if the table has one for the
            objective, else ``observed``.
        full_seconds: Mean cost of a full training and validation.

    Raises:
        NotRecordedError: The column is not recorded at full training.
    """

    def __init__(self, benchmark: TableBenchmark, replicate: Literal["draw", "mean"] | int) -> None:
        self.benchmark = benchmark
        self.replicate = replicate
        self._rows = benchmark.table.schedule == benchmark.schedules[-1]
        self.archs, self.complete = self._all_archs()
        objective = benchmark.objectives[0]
        self.observed = Yardstick(benchmark, objective, self.archs)
        test = _test_column(benchmark, self.observed.column, self.archs)
        self.reported = self.observed if test is None else test
        self.full_seconds = sum(
            float(np.nanmean(benchmark.query_many(self.archs, name)))
            for name in ("seconds", "validation_seconds")
            if name in benchmark.table.columns and benchmark.is_clocked
        )

    @property
    def selected_on_test(self) -> bool:
        """Whether the search itself saw test results."""
        return "test" in self.observed.column.split

    @property
    def measure(self) -> str:
        """What the regret is called: ``"test regret"``, without a test column another."""
        split = self.reported.column.split
        return f"{_SPLITS.get(split, split)} regret".strip()

    @cached_property
    def floor(self) -> float:
        """Regret of a search that knows the mean over seeds of what it selects by."""
        regrets = self.observed.regrets(self.archs)
        return float(self.reported.regrets(self.archs[regrets == regrets.min()]).mean())

    @cached_property
    def ceiling(self) -> float | None:
        """Expected regret of a search that sees one training of every architecture.

        None unless training seeds are drawn.
        """
        if self.replicate != "draw" or not self._is_trained:
            return None
        keys, archs, observed = self._runs()
        return statistics.oracle(keys, observed, self.reported.regrets(archs))

    def random_search(
        self, evaluations: Sequence[int], *, replacement: bool = True
    ) -> NDArray[np.float64]:
        """Exact expected regret of random search after numbers of full trainings.

        Args:
            evaluations: Numbers of trainings, at least 1 each.
            replacement: False: no class of identical networks is drawn twice.

        Returns:
            Shape ``(n_evaluations,)``.

        Raises:
            InvalidArgumentError: Without replacement, but classes are not equally likely, or
                training seeds are drawn from several.
        """
        if self.replicate == "draw" and self._is_trained:
            keys, archs, observed = self._runs()
            _, place, n_seeds = np.unique(keys, return_inverse=True, return_counts=True)
            owners, members = np.unique(self._owners(self.archs), return_counts=True)
            at = np.minimum(np.searchsorted(owners, keys), len(owners) - 1)
            weights = np.where(owners[at] == keys, members[at], 0) / n_seeds[place]
            equal = n_seeds.max() == 1
        else:
            archs = self.archs
            seed = self.replicate if isinstance(self.replicate, int) else None
            values = self.benchmark.query_many(archs, self.observed.column.name, seed=seed)
            observed = self._losses(values)
            weights = np.ones(len(archs))
            equal = True
        used = weights > 0
        reported = self.reported.regrets(archs[used])
        reported = np.where(np.isinf(observed[used]), self.reported.random_regret, reported)
        if replacement:
            shares = weights[used] / weights[used].sum()
            return statistics.random_search(observed[used], reported, shares, evaluations)
        classes = self.benchmark.space.canonical_many(self.archs)
        if not equal or len(np.unique(self.benchmark.space.rank_many(classes))) < used.sum():
            raise InvalidArgumentError(
                f"{self.benchmark.name!r} with replicate = {self.replicate!r} has no exact "
                "expectation without replacement: it needs one training to draw for each "
                "architecture, and no two architectures that are the same network"
            )
        return statistics.random_search_without_replacement(observed[used], reported, evaluations)

    @property
    def _is_trained(self) -> bool:
        """Whether the objective comes out of a training, and so depends on its seed."""
        return self.observed.column.name in self.benchmark.table.columns

    def _owners(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Rank of the architecture whose training runs stand for each of ``archs``."""
        space = self.benchmark.space
        by_class = self.benchmark.table.metadata.key == "class"
        return space.rank_many(space.canonical_many(archs) if by_class else archs)

    def _runs(self) -> tuple[NDArray[np.int64], NDArray[np.integer], NDArray[np.float64]]:
        """Every full training: rank of its architecture, the architecture, the observed loss."""
        table, name = self.benchmark.table, self.observed.column.name
        schedule = self.benchmark.schedules[-1]
        read = table.final if table.is_curve(name) else table.numbers
        values = read(name, schedule)
        archs = table.archs[self._rows]
        return table.ranks[self._rows], archs, self._losses(values)

    def _losses(self, values: NDArray[np.number]) -> NDArray[np.float64]:
        wide = values.astype(np.float64)
        loss = -wide if self.observed.column.goal == "max" else wide
        return np.where(np.isnan(loss), np.inf, loss)

    def _all_archs(self) -> tuple[NDArray[np.integer], bool]:
        space, table = self.benchmark.space, self.benchmark.table
        ranks, first = np.unique(table.ranks[self._rows], return_index=True)
        recorded = table.archs[self._rows][first]
        if space.size is None or space.size > _LISTABLE:
            return recorded, False
        if type(space).is_legal is SearchSpace.is_legal:
            archs = np.stack(np.unravel_index(np.arange(space.size), space.options), axis=1)
        else:
            archs = np.array(list(space.archs()))
        held = np.isin(self._owners(archs), ranks)
        return archs[held], bool(held.all())


def spoken(column: Column) -> str:
    """Name of a column in words: ``"validation accuracy"``."""
    metric = column.name.removeprefix(f"{column.split}_") if column.split else column.name
    return f"{_SPLITS.get(column.split, column.split)} {metric.replace('_', ' ')}".strip()


def _test_column(
    benchmark: TableBenchmark, objective: Column, archs: NDArray[np.integer]
) -> Yardstick | None:
    """The test counterpart of the objective, where the table records one for every architecture."""
    if objective.split in ("", "test"):
        return None
    name = f"test_{objective.name.removeprefix(objective.split + '_')}"
    if name not in benchmark.table.columns:
        return None
    try:
        return Yardstick(benchmark, name, archs)
    except NotRecordedError:
        return None


def _diverged(
    benchmark: TableBenchmark, archs: NDArray[np.integer], among: NDArray[np.bool_]
) -> NDArray[np.integer]:
    """Those of ``archs[among]`` of which a recorded full training diverged."""
    table, space = benchmark.table, benchmark.space
    if not among.any():
        return archs[among]
    rows = table.diverged & (table.schedule == benchmark.schedules[-1])
    candidates = archs[among]
    owners = space.canonical_many(candidates) if table.metadata.key == "class" else candidates
    return candidates[np.isin(space.rank_many(owners), table.ranks[rows])]
