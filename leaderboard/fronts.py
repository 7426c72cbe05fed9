"""Multi-objective scores: the share of the best hypervolume of a space that a run has found."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leaderboard.hypervolume import hypervolume
from leaderboard.landscape import Landscape
from nasbench.benchmarks.objectives import as_loss
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.runs.run import Run

MARGIN = 0.1
"""Distance of the reference point beyond the worst of the front, in ranges of the front."""


class Scale:
    """The Pareto front of a whole space, against which multi-objective searches are measured.

    The losses of an architecture are means over the recorded seeds at full training, scaled so that
    the front of the space lies in 0..1. The reference point is 1 plus :data:`MARGIN` in every loss.

    Args:
        benchmark: A table with at least two objectives.

    Attributes:
        front: Scaled losses of the non-dominated architectures, shape ``(n_front, n_objectives)``.
        best: Hypervolume of the front.

    Raises:
        NotRecordedError: An objective is not recorded for every architecture.
    """

    def __init__(self, benchmark: TableBenchmark) -> None:
        self._benchmark = benchmark
        archs = Landscape(benchmark, "mean").archs
        losses = self._losses(archs)
        losses = losses[np.isfinite(losses).all(axis=1)]
        front = losses[_non_dominated(losses)]
        self._low, high = front.min(axis=0), front.max(axis=0)
        self._range = np.where(high > self._low, high - self._low, 1.0)
        self.front = self._scaled(front)
        self._reference = np.full(losses.shape[1], 1 + MARGIN)
        self.best = hypervolume(self.front, self._reference.tolist())

    def shares(self, run: Run, trials: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float64]:
        """Share of the best hypervolume that a run's choice reaches after numbers of ended trials.

        A run chooses by what it observed: the trials that no other trial dominates. With noisy
        observations the choice may be worth less than a smaller one.

        Args:
            run: A record with the losses of the benchmark's objectives.
            trials: Numbers of trials, each at least 1.

        Returns:
            Shape ``(n_trials,)``.
        """
        observed, values = run.losses[run.order], self._losses(run.archs[run.order])
        scaled = self._scaled(np.where(np.isnan(values), np.inf, values))
        found = []
        for n in trials:
            chosen = _non_dominated(observed[:n])
            found.append(hypervolume(scaled[:n][chosen], self._reference.tolist()) / self.best)
        return np.array(found)

    def _losses(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        benchmark = self._benchmark
        columns = [
            as_loss(benchmark.column(name), benchmark.query_many(archs, name))
            for name in benchmark.objectives
        ]
        return np.stack(columns, axis=1)

    def _scaled(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled: NDArray[np.float64] = (losses - self._low) / self._range
        return scaled


def _non_dominated(losses: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the rows of ``(n, n_objectives)`` that no other row dominates."""
    left = np.flatnonzero(np.isfinite(losses).all(axis=1))
    left = left[np.lexsort(losses[left].T[::-1])]
    kept: list[int] = []
    while left.size:
        first, kept = left[0], [*kept, int(left[0])]
        equal = (losses[left] == losses[first]).all(axis=1)
        left = left[(losses[left] < losses[first]).any(axis=1) | (equal & (left != first))]
    return np.array(kept, dtype=np.int64)
