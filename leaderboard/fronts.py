"""The scale of boards with several objectives: shares of the best hypervolume of a space.

Zitzler and Thiele (1998), https://doi.org/10.1007/BFb0056872, introduced the hypervolume.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leaderboard.courses import Course, survivors
from leaderboard.landscape import SPAN, Landscape, full_seconds, spaced_targets, spoken, test_column
from leaderboard.populations import Population, population
from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.benchmarks.objectives import as_loss
from nasbench.column import Column
from nasbench.errors import NotRecordedError
from nasbench.registry import require

MARGIN = 0.1
"""Distance of the reference point beyond the worst of the front, in ranges of the front."""


class Seen:
    """The objectives of a search, as one.

    Args:
        columns: The objectives.

    Attributes:
        column: Stands for all of them; it has neither split nor goal.
        name: The objectives in words.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.column = Column(" and ".join(column.name for column in columns))
        self.name = " and ".join(spoken(column) for column in columns)


class Fronts:
    """Sets of architectures, judged by the hypervolume that they dominate.

    The losses of an architecture are means over the recorded seeds at full training, scaled so that
    the Pareto front of the population lies in 0..1. The reference point is 1 plus :data:`MARGIN` in
    every loss. Both follow from the benchmark alone.

    Args:
        benchmark: A benchmark.
        columns: Columns that judge, each with a goal.
        population: Architectures that are drawn uniformly.

    Attributes:
        column: Stands for the hypervolume.
        columns: Columns that judge.
        name: What is reported, in words.
        front: Scaled losses of the non-dominated architectures, shape ``(n_front, n_columns)``.
        best: Hypervolume of the front.
        optimum: Share of the best hypervolume that the front has: 1.
        worst: Share of the best hypervolume that an empty set has: 0.
        mean: Mean share of a single random architecture.
        n_failed: Number of architectures with a diverged training; they dominate nothing.

    Raises:
        NotRecordedError: A column is not recorded at full training for every architecture.
        MissingExtraError: moocore is not installed.
    """

    name = "share of the best hypervolume"
    optimum = 1.0
    worst = 0.0

    def __init__(
        self, benchmark: AnyBenchmark, columns: Sequence[Column], population: Population
    ) -> None:
        self._benchmark = benchmark
        self.columns = tuple(columns)
        self._moocore = require("moocore", "boards of several objectives")
        split = "test" if any("test" in column.split for column in columns) else ""
        self.column = Column("hypervolume", goal="max", split=split)
        losses = self._losses(population.archs)
        finite = np.isfinite(losses).all(axis=1)
        self.n_failed = int((~finite).sum())
        if not finite.any() or self.n_failed > population.n_diverged(population.archs[~finite]):
            names = " and ".join(column.name for column in columns)
            raise NotRecordedError(
                f"{benchmark.name!r} does not record {names} at the end of training for every "
                "architecture"
            )
        losses = losses[finite]
        front = losses[self._moocore.is_nondominated(losses)]
        self._low, high = front.min(axis=0), front.max(axis=0)
        self._range = np.where(high > self._low, high - self._low, 1.0)
        self.front = self._scaled(front)
        self._reference = np.full(len(columns), 1 + MARGIN)
        self.best = self.hypervolume(self.front)
        alone = (self._reference - self._scaled(losses)).clip(min=0).prod(axis=1) / self.best
        self.mean = float(alone.sum() / len(population.archs))

    @property
    def random_regret(self) -> float:
        """Mean hypervolume regret of a single random architecture."""
        return 1.0 - self.mean

    def value(self, regret: float) -> float:
        """The share of the best hypervolume that corresponds to a regret."""
        return 1.0 - regret

    def scaled(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        """Scaled losses of ``(n, d)`` architectures, shape ``(n, n_columns)``; ``inf`` if failed.

        A loss below 0 is better than the best of the population.
        """
        losses = self._losses(archs)
        return self._scaled(np.where(np.isnan(losses), np.inf, losses))

    def hypervolume(self, scaled: NDArray[np.float64]) -> float:
        """Volume that scaled losses dominate up to the reference point.

        A point that is not below the reference in every loss adds nothing.
        """
        inside = scaled[(scaled < self._reference).all(axis=1)]
        if not len(inside):
            return 0.0
        return float(self._moocore.hypervolume(inside, ref=self._reference))

    def _losses(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        query = self._benchmark.query_many
        columns = [as_loss(column, query(archs, column.name)) for column in self.columns]
        return np.stack(columns, axis=1).astype(np.float64)

    def _scaled(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((losses - self._low) / self._range)


class FrontLandscape:
    """The whole space of a benchmark with several objectives; see ``Landscape`` for one.

    A run chooses the trials that no other trial dominates, by what it observed. Its *hypervolume
    regret* is 1 minus the share of the best hypervolume that the chosen architectures dominate. As
    observations are noisy, a later choice may be worth less than an earlier one.

    Args:
        benchmark: A benchmark with at least two objectives.
        replicate: Policy that chooses the training that answers a trial.
        judged_by: Names of the columns that judge; default: for each objective its test
            counterpart, if the benchmark records one, else the objective itself.

    Attributes:
        benchmark: As given.
        replicate: As given.
        population: The architectures that define the scale.
        observed: The objectives.
        reported: The hypervolume.
        full_seconds: Mean cost of a full training and validation, in seconds; 0 if not recorded.

    Raises:
        NotRecordedError: An objective is not recorded at full training.
        MissingExtraError: moocore is not installed.
    """

    measure = "hypervolume regret"
    exhaustive_once: float | None = None
    is_exact = True

    def __init__(
        self,
        benchmark: AnyBenchmark,
        replicate: Literal["draw", "mean"] | int,
        judged_by: Sequence[str] | None = None,
    ) -> None:
        self.benchmark = benchmark
        self.replicate = replicate
        self.population = population(benchmark)
        objectives = [benchmark.column(name) for name in benchmark.objectives]
        self.observed = Seen(objectives)
        tests = [test_column(benchmark, column) or column for column in objectives]
        judges = tests if judged_by is None else [benchmark.column(name) for name in judged_by]
        self._objectives = objectives
        try:
            self.reported = Fronts(benchmark, judges, self.population)
        except NotRecordedError:
            if judged_by is not None or judges == objectives:
                raise
            self.reported = Fronts(benchmark, objectives, self.population)
        self.full_seconds = full_seconds(benchmark, self.archs)

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
        return any("test" in column.split for column in self._objectives)

    @property
    def is_drawn(self) -> bool:
        """Whether a trial sees one training drawn from several."""
        trained = self.population.trained
        return self.replicate == "draw" and any(c.name in trained for c in self._objectives)

    @cached_property
    def exhaustive_mean(self) -> float:
        """Regret of exhaustive search that selects by the means over all trainings."""
        seen = Fronts(self.benchmark, self._objectives, self.population)
        losses = seen.scaled(self.archs)
        finite = np.flatnonzero(np.isfinite(losses).all(axis=1))
        chosen = finite[require("moocore", "fronts").is_nondominated(losses[finite])]
        share = self.reported.hypervolume(self.reported.scaled(self.archs[chosen]))
        return max(0.0, 1.0 - share / self.reported.best)

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """Regrets to reach, evenly spaced on a logarithmic scale, shape ``(TARGETS,)``.

        They fall from the regret of a single random architecture by the factor ``SPAN``.
        """
        random = self.reported.random_regret
        return spaced_targets(random, np.array([random / SPAN]))

    def regrets(self, course: Course) -> NDArray[np.float64]:
        """Regret of what a run had chosen from each of its incumbents on, shape ``(n,)``.

        Args:
            course: A course with the losses of the objectives.
        """
        worth = self.reported.scaled(course.archs)
        chosen: list[int] = []
        regrets = np.empty(len(worth))
        for i, losses in enumerate(course.losses):
            chosen = [*survivors(losses, course.losses, chosen), i]
            regrets[i] = 1.0 - self.reported.hypervolume(worth[chosen]) / self.reported.best
        return regrets


AnyLandscape: TypeAlias = Landscape | FrontLandscape


def landscape(benchmark: AnyBenchmark, replicate: Literal["draw", "mean"] | int) -> AnyLandscape:
    """The scale of a benchmark with one objective or several."""
    several = len(benchmark.objectives) > 1
    return (FrontLandscape if several else Landscape)(benchmark, replicate)
