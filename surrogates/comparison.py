"""Compares searches on a surrogate with searches on the table that it stands for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, t

from nasbench.algorithm import hyperparameters, make
from nasbench.benchmarks.catalogue import open_table
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.benchmarks.objectives import as_loss
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.runs.run import Run
from nasbench.runs.setup import load_algorithm
from nasbench.space import SearchSpace
from surrogates.examples import Examples

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

_Means: TypeAlias = Callable[[NDArray[np.integer]], NDArray[np.float64]]
"""Gives the mean objective over the trainings of architectures."""


@dataclass(frozen=True, slots=True)
class Side:
    """Searches of several algorithms on one benchmark.

    Attributes:
        values: Objective of the incumbent after each trial, as a mean over trainings according to
            this benchmark and over search seeds; shape ``(n_algorithms, n_trials)``. On a table it
            is the mean over the trainings that finished.
        finals: Objective of the final incumbent for every seed, shape ``(n_algorithms, n_seeds)``.
    """

    values: NDArray[np.float64]
    finals: NDArray[np.float64]

    @property
    def intervals(self) -> NDArray[np.float64]:
        """95 % confidence intervals of the means over seeds, shape ``(n_algorithms, 2)``.

        From a single seed, they are infinite.
        """
        n = self.finals.shape[1]
        if n < 2:
            return np.tile([-np.inf, np.inf], (len(self.finals), 1))
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
        seen: Objective of the training that made the final incumbent of each search on the
            surrogate, as the search saw it; shape ``(n_algorithms, n_seeds)``.
        truth: Objective of that incumbent as a mean over its trainings in the table that finished;
            NaN if none did; shape ``(n_algorithms, n_seeds)``.
        maximised: Whether higher values are better.
    """

    algorithms: tuple[str, ...]
    table: Side
    surrogate: Side
    seen: NDArray[np.float64]
    truth: NDArray[np.float64]
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

    Of an incomplete table, both search the recorded architectures, whose true values are known.

    Args:
        table: Id or path of a table.
        surrogate: Id or folder of its surrogate.
        objective: The column to optimise.
        algorithms: Registered names.
        seeds: Runs per algorithm.
        trials: Full trainings per run.
    """
    opened = open_table(table)
    real, modelled = TableBenchmark(opened, [objective]), load(surrogate, objectives=[objective])
    column = modelled.column(objective)
    examples = Examples.read(opened, [objective])

    def measured(archs: NDArray[np.integer]) -> NDArray[np.float64]:
        keys = np.array([real.trainings(tuple(arch)).key for arch in archs.tolist()])
        return examples.means_of(keys, objective)

    def predicted(archs: NDArray[np.integer]) -> NDArray[np.float64]:
        return modelled.query_many(archs, objective)

    on_table, on_surrogate = (
        [
            [_search(name, benchmark, real.space, seed, trials) for seed in range(seeds)]
            for name in algorithms
        ]
        for benchmark in (real, modelled)
    )
    last = [(run, _incumbents(run)[-1]) for runs in on_surrogate for run in runs]
    seen = as_loss(column, np.array([run.losses[i, 0] for run, i in last]))
    truth = measured(np.array([run.archs[i] for run, i in last]))
    return Comparison(
        tuple(algorithms),
        _side(on_table, measured, trials),
        _side(on_surrogate, predicted, trials),
        seen.reshape(-1, seeds),
        truth.reshape(-1, seeds),
        column.goal == "max",
    )


def _search(
    algorithm: str, benchmark: AnyBenchmark, space: SearchSpace, seed: int, trials: int
) -> Run:
    """One search of a part of the benchmark's space, by full trainings."""
    found = load_algorithm(algorithm)
    made = make(
        found,
        space,
        fidelities=benchmark.fidelities[-1:],
        seed=seed,
        hyperparameters=hyperparameters(found, {}),
    )
    return replay(made, benchmark, budget=Budget(trials=trials), seed=seed)


def _incumbents(run: Run) -> NDArray[np.int64]:
    """The best trial so far after every trial, shape ``(n_trials,)``."""
    losses = run.losses[:, 0]
    lowest = np.minimum.accumulate(losses)
    improves = np.append(True, losses[1:] < lowest[:-1])
    incumbents: NDArray[np.int64] = np.maximum.accumulate(
        np.where(improves, np.arange(len(losses)), 0)
    )
    return incumbents


def _side(searches: Sequence[Sequence[Run]], means: _Means, trials: int) -> Side:
    values = np.array([[_curve(run, means, trials) for run in runs] for runs in searches])
    return Side(known_mean(values), values[:, :, -1])


def _curve(run: Run, means: _Means, trials: int) -> NDArray[np.float64]:
    """Mean objective of the incumbent after every trial; a search that ended keeps its last."""
    distinct, place = np.unique(_incumbents(run), return_inverse=True)
    found = means(run.archs[distinct])[place]
    return np.append(found, np.full(trials - len(found), found[-1]))


def known_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over the second axis of what is not NaN, shape ``(n, …)``; NaN where nothing is."""
    means: NDArray[np.float64] = np.ma.masked_invalid(values).mean(axis=1).filled(np.nan)
    return means
