"""The scale of a board: what a benchmark knows of its whole space."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leaderboard import statistics
from leaderboard.courses import Course
from leaderboard.populations import Population, population
from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError, NotRecordedError

TARGETS = 50
"""Number of the regrets to reach."""

SPAN = 1000
"""Ratio of the largest to the smallest regret to reach, at most."""

_SPLITS = {"valid": "validation", "valtest": "validation and test", "train": "training"}


class Yardstick:
    """One column at full training, mean over seeds, as a distance to the best architecture.

    Args:
        benchmark: Benchmark to query.
        column: A column with a goal.
        population: Architectures that are drawn uniformly.
        others: Further candidates for the best architecture, shape ``(m, d)``.

    Attributes:
        column: As given.
        optimum: Best value over ``population`` and ``others``.
        worst: Worst value over ``population``.
        mean: Mean value over ``population``: what a random architecture reaches.
        n_failed: Number of architectures of ``population`` with a diverged training; they count as
            the worst.

    Raises:
        NotRecordedError: The column is not recorded at full training for every architecture.
    """

    def __init__(
        self,
        benchmark: AnyBenchmark,
        column: Column,
        population: Population,
        others: NDArray[np.integer],
    ) -> None:
        self._benchmark = benchmark
        self.column = column
        self._sign = -1.0 if column.goal == "max" else 1.0
        values = benchmark.query_many(population.archs, column.name)
        failed = np.isnan(values)
        self.n_failed = int(failed.sum())
        if failed.all() or self.n_failed > population.n_diverged(population.archs[failed]):
            raise NotRecordedError(
                f"{benchmark.name!r} does not record {column.name!r} at the end of training for "
                "every architecture"
            )
        best, worst = (np.max, np.min) if column.goal == "max" else (np.min, np.max)
        self.worst = float(worst(values[~failed]))
        further = benchmark.query_many(others, column.name)
        self.optimum = float(best(np.append(values[~failed], further)))
        self.mean = float(np.where(failed, self.worst, values).mean())

    @property
    def name(self) -> str:
        """Name of the column in words."""
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
        """Regret of each of ``(n, d)`` architectures, shape ``(n,)``."""
        return self._sign * (self.values(archs) - self.optimum)

    def value(self, regret: float) -> float:
        """The value that corresponds to a regret."""
        return self.optimum + self._sign * regret


class Landscape:
    """The whole space of a benchmark, for one objective and one replicate policy.

    Args:
        benchmark: Benchmark with one objective.
        replicate: Policy that chooses the training that answers a trial.

    Attributes:
        benchmark: As given.
        replicate: As given.
        population: The architectures that define the scale.
        observed: The column by which searches select.
        reported: The column by which their choice is judged: the test counterpart of the objective
            if the benchmark has one, else ``observed``.
        full_seconds: Mean cost of a full training and validation, in seconds; 0 if not recorded.

    Raises:
        NotRecordedError: The objective is not recorded at full training.
    """

    def __init__(self, benchmark: AnyBenchmark, replicate: Literal["draw", "mean"] | int) -> None:
        self.benchmark = benchmark
        self.replicate = replicate
        self.population = population(benchmark)
        objective = benchmark.column(benchmark.objectives[0])
        test = test_column(benchmark, objective)
        columns = [objective] if test is None else [objective, test]
        self._others = np.concatenate([self.population.peaks(column) for column in columns])
        self.observed = Yardstick(benchmark, objective, self.population, self._others)
        self.reported = self.observed
        if test is not None:
            with suppress(NotRecordedError):
                self.reported = Yardstick(benchmark, test, self.population, self._others)
        self.full_seconds = full_seconds(benchmark, self.archs)

    def regrets(self, course: Course) -> NDArray[np.float64]:
        """Regret of each incumbent of a run, shape ``(n,)``."""
        return self.reported.regrets(course.archs)

    @property
    def archs(self) -> NDArray[np.integer]:
        """Architectures that a uniform draw chooses from, shape ``(n, d)``."""
        return self.population.archs

    @property
    def complete(self) -> bool:
        """Whether the population contains every legal architecture."""
        return self.population.extent == "whole"

    @property
    def selected_on_test(self) -> bool:
        """Whether the search itself saw test results."""
        return "test" in self.observed.column.split

    @property
    def measure(self) -> str:
        """Name of the regret, such as ``"test regret"``, after the split that judges."""
        split = self.reported.column.split
        return f"{_SPLITS.get(split, split)} regret".strip()

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """Regrets to reach, evenly spaced on a logarithmic scale, shape ``(TARGETS,)``.

        They fall from the regret of a random architecture to the smallest above 0 in the
        population, but by no more than the factor :data:`SPAN`. So they follow from the benchmark
        alone, and no search that is added changes them. Empty if all architectures are equally
        good.
        """
        regrets = self.reported.regrets(self.archs)
        return spaced_targets(self.reported.random_regret, regrets)

    def random_times(self, targets: NDArray[np.float64], n_runs: int) -> NDArray[np.float64]:
        """Full trainings until simulated runs of random search reach targets.

        Args:
            targets: Regrets, shape ``(n_targets,)``.
            n_runs: Number of runs.

        Returns:
            Shape ``(n_runs, n_targets)``; ``inf`` where the run ends with a choice that validation
            prefers to all that are good enough.
        """
        return statistics.random_search_times(*self._draws, targets, n_runs)

    @cached_property
    def exhaustive_mean(self) -> float:
        """Regret of exhaustive search that selects by the mean over all trainings.

        A reference, not a limit: a choice that validation ranks lower can do better on test.
        """
        archs = np.concatenate([self.archs, self._others])
        regrets = self.observed.regrets(archs)
        return float(self.reported.regrets(archs[regrets == regrets.min()]).mean())

    @cached_property
    def exhaustive_once(self) -> float | None:
        """Expected regret of exhaustive search that trains every architecture once.

        A reference, not a limit: the best of so many single results is often a lucky one. A search
        that trains fewer architectures, or some of them again, meets fewer lucky results and can
        end lower.

        None unless training seeds are drawn, and if only a sample of the space is known.
        """
        if not self.is_drawn or self.population.extent == "sampled":
            return None
        return statistics.exhaustive_search(*self._trainings)

    @property
    def is_exact(self) -> bool:
        """Whether the expectation of random search is exact, not estimated from samples."""
        return self.population.extent != "sampled" and not (
            self.population.surrogate and self.is_drawn
        )

    def random_search(
        self, evaluations: Sequence[int], *, replacement: bool = True
    ) -> NDArray[np.float64]:
        """Expected regret of random search after numbers of full trainings; see :attr:`is_exact`.

        Args:
            evaluations: Numbers of trainings, each at least 1.
            replacement: If False, no class of identical networks is drawn twice.

        Returns:
            Shape ``(n_evaluations,)``.

        Raises:
            InvalidArgumentError: Without replacement, if classes are not equally likely or an
                architecture has several trainings to draw from.
        """
        observed, reported, weights = self._draws
        if replacement:
            return statistics.random_search(
                observed, reported, weights / weights.sum(), evaluations
            )
        classes = self.benchmark.space.canonical_many(self.archs)
        n_classes = len(np.unique(self.benchmark.space.rank_many(classes)))
        if n_classes < len(observed) or np.ptp(weights) > 0:
            raise InvalidArgumentError(
                f"{self.benchmark.name!r} with replicate = {self.replicate!r} has no exact "
                "expectation without replacement: that needs one training to draw per "
                "architecture, and no two architectures that are the same network"
            )
        return statistics.random_search_without_replacement(observed, reported, evaluations)

    def random_search_middle(
        self, evaluations: Sequence[int], summary: Literal["iqm", "median"]
    ) -> NDArray[np.float64]:
        """Inter-quartile mean or median of what random search reports; see :attr:`is_exact`.

        Args:
            evaluations: Numbers of full trainings, each at least 1.
            summary: Which of the two.

        Returns:
            Regrets, shape ``(n_evaluations,)``.
        """
        return statistics.random_search_middle(*self._draws, evaluations, summary)

    @cached_property
    def _draws(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Possible trials of random search: observed losses, reported regrets, weights."""
        if self.is_drawn:
            keys, observed, reported = self._trainings
            _, place, n_seeds = np.unique(keys, return_inverse=True, return_counts=True)
            owners, members = np.unique(self.population.owners(self.archs), return_counts=True)
            at = np.minimum(np.searchsorted(owners, keys), len(owners) - 1)
            weights = np.where(owners[at] == keys, members[at], 0) / n_seeds[place]
        else:
            seed = self.replicate if isinstance(self.replicate, int) else None
            values = self.benchmark.query_many(self.archs, self.observed.column.name, seed=seed)
            observed, reported = self._losses(values), self.reported.regrets(self.archs)
            weights = np.ones(len(observed))
        reported = np.where(np.isinf(observed), self.reported.random_regret, reported)
        used = weights > 0
        return observed[used], reported[used], weights[used]

    @property
    def is_drawn(self) -> bool:
        """Whether a trial sees one training drawn from several."""
        return self.replicate == "draw" and self.observed.column.name in self.population.trained

    @cached_property
    def _trainings(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Full trainings: owner, observed loss, and reported regret of the architecture."""
        owners, archs, values = self.population.trainings(self.observed.column.name)
        return owners, self._losses(values), self.reported.regrets(archs)

    def _losses(self, values: NDArray[np.number]) -> NDArray[np.float64]:
        wide = values.astype(np.float64)
        loss = -wide if self.observed.column.goal == "max" else wide
        return np.where(np.isnan(loss), np.inf, loss)


def full_seconds(benchmark: AnyBenchmark, archs: NDArray[np.integer]) -> float:
    """Mean cost of a full training and validation in seconds; 0 if not recorded."""
    total = 0.0
    for name in ("seconds", "validation_seconds") if benchmark.is_clocked else ():
        with suppress(NotRecordedError):
            total += float(np.nanmean(benchmark.query_many(archs, name)))
    return total


def spaced_targets(random: float, regrets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Regrets to reach, from that of a random architecture down; see :attr:`Landscape.targets`."""
    positive = regrets[regrets > 0]
    if not (positive.size and random > 0):
        return np.empty(0)
    return np.geomspace(random, max(float(positive.min()), random / SPAN), TARGETS)


def spoken(column: Column) -> str:
    """Name of a column in words, such as ``"validation accuracy"``."""
    metric = column.name.removeprefix(f"{column.split}_") if column.split else column.name
    return f"{_SPLITS.get(column.split, column.split)} {metric.replace('_', ' ')}".strip()


def test_column(benchmark: AnyBenchmark, objective: Column) -> Column | None:
    """The test counterpart of the objective; None if there is none."""
    if objective.split in ("", "test"):
        return None
    return benchmark.columns.get(f"test_{objective.name.removeprefix(objective.split + '_')}")
