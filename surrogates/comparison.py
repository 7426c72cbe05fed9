"""Compares searches on a surrogate with searches on the table that it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, t

import nasbench
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.runs.budget import Budget

ALGORITHMS = (
    "random_search",
    "local_search",
    "regularized_evolution",
    "reinforce",
    "mcts_uct",
    "simulated_annealing",
)
SEEDS = 20
TRIALS = 150


@dataclass(frozen=True, slots=True)
class Side:
    """Searches of several algorithms on one benchmark.

    Attributes:
        values: Objective of the incumbent after each trial, as a mean over trainings according to
            this benchmark and over search seeds; shape ``(n_algorithms, n_trials)``.
        finals: Objective of the final incumbent for every seed, shape ``(n_algorithms, n_seeds)``.
    """

    values: NDArray[np.float64]
    finals: NDArray[np.float64]

    @property
    def intervals(self) -> NDArray[np.float64]:
        """95 % confidence intervals of the means over seeds, shape ``(n_algorithms, 2)``."""
        n = self.finals.shape[1]
        half = t.ppf(0.975, n - 1) * self.finals.std(axis=1, ddof=1) / np.sqrt(n)
        means = self.finals.mean(axis=1)
        return np.stack([means - half, means + half], axis=1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Searches on a table and on its surrogate.

    Attributes:
        algorithms: Registered names of the algorithms.
        table: Searches on the table.
        surrogate: Searches on the surrogate.
        maximised: Whether higher values are better.
    """

    algorithms: tuple[str, ...]
    table: Side
    surrogate: Side
    maximised: bool

    @property
    def rank_correlation(self) -> float:
        """Kendall's tau between the final rankings of the algorithms."""
        a, b = (side.finals.mean(axis=1) for side in (self.table, self.surrogate))
        return float(kendalltau(a, b).statistic)

    @property
    def separated(self) -> list[tuple[str, str]]:
        """Pairs (better, worse) that the table separates: disjoint 95 % intervals."""
        return self._pairs(self.table)

    @property
    def reversed(self) -> list[tuple[str, str]]:
        """Pairs (better, worse) of the table that the surrogate separates the other way round."""
        other = {(b, a) for a, b in self._pairs(self.surrogate)}
        return [pair for pair in self._pairs(self.table) if pair in other]

    def _pairs(self, side: Side) -> list[tuple[str, str]]:
        intervals = side.intervals if self.maximised else -side.intervals[:, ::-1]
        found = []
        for i, j in combinations(range(len(self.algorithms)), 2):
            if intervals[i, 0] > intervals[j, 1]:
                found.append((self.algorithms[i], self.algorithms[j]))
            elif intervals[j, 0] > intervals[i, 1]:
                found.append((self.algorithms[j], self.algorithms[i]))
        return found


def compare(
    table: str,
    surrogate: str,
    objective: str,
    *,
    algorithms: Sequence[str] = ALGORITHMS,
    seeds: int = SEEDS,
    trials: int = TRIALS,
) -> Comparison:
    """Run the same searches on the table and on the surrogate.

    Args:
        table: Id or path of a complete table.
        surrogate: Id or folder of its surrogate.
        objective: The column to optimise.
        algorithms: Registered names.
        seeds: Runs per algorithm.
        trials: Full trainings per run.
    """
    maximised = load(surrogate).column(objective).goal == "max"
    real, modelled = (
        _side(name, objective, algorithms, seeds, trials) for name in (table, surrogate)
    )
    return Comparison(tuple(algorithms), real, modelled, maximised)


def _side(name: str, objective: str, algorithms: Sequence[str], seeds: int, trials: int) -> Side:
    benchmark = load(name, objectives=[objective])
    values = np.stack([_curves(benchmark, name, objective, a, seeds, trials) for a in algorithms])
    return Side(values.mean(axis=1), values[:, :, -1])


def _curves(
    benchmark: AnyBenchmark, name: str, objective: str, algorithm: str, seeds: int, trials: int
) -> NDArray[np.float64]:
    """Mean objective of the incumbent after every trial, shape ``(n_seeds, n_trials)``."""
    full = benchmark.fidelities[-1:]
    runs = nasbench.search(
        algorithm,
        name,
        seeds=range(seeds),
        budget=Budget(trials=trials),
        fidelities=full,
        objectives=[objective],
    )
    curves = np.empty((seeds, trials))
    for run, curve in zip(runs, curves, strict=True):
        losses = run.losses[:, 0]
        best = np.minimum.accumulate(losses)
        incumbent = np.maximum.accumulate(np.where(losses == best, np.arange(len(losses)), 0))
        means = benchmark.query_many(run.archs, objective)
        found = means[incumbent]
        curve[: len(found)] = found
        curve[len(found) :] = found[-1]
    return curves
