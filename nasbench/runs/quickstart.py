"""The race of ``nasbench quickstart``: three algorithms, two benchmarks, many seeds."""

from collections.abc import Callable
from pathlib import Path

from nasbench.runs.budget import Budget
from nasbench.runs.records import Records
from nasbench.runs.search import record_seeds
from nasbench.runs.setup import Setup

ALGORITHMS = ("random_search", "local_search", "regularized_evolution")
BENCHMARKS = ("nb201-cifar10", "lite201-digits")


def race(
    runs: Path, seeds: int, trials: int, processes: int, progress: Callable[[int], None]
) -> list[Records]:
    """Run every algorithm on every benchmark and record it under ``runs``.

    Args:
        runs: Folder of records; what it already holds is not run again.
        seeds: Number of runs of each pair.
        trials: Trials per run.
        processes: Operating-system processes.
        progress: Called with the number of newly finished runs.

    Returns:
        The records of every pair.
    """
    budget = Budget(trials=trials)
    records = []
    for benchmark in BENCHMARKS:
        for algorithm in ALGORITHMS:
            setup = Setup(algorithm=algorithm, benchmark=benchmark, budget=budget)
            records.append(
                record_seeds(setup, range(seeds), runs, processes=processes, progress=progress)
            )
    return records
