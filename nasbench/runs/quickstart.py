"""The searches of ``nasbench quickstart``: three algorithms on two benchmarks, with many seeds."""

from collections.abc import Callable
from pathlib import Path

from nasbench.runs.budget import Budget
from nasbench.runs.records import Records
from nasbench.runs.search import record_seeds
from nasbench.runs.setup import Setup

ALGORITHMS = ("random_search", "local_search", "regularized_evolution")
BENCHMARKS = ("nb201-cifar10", "lite201-digits")


def race(
    runs: Path,
    seeds: int,
    trials: int,
    processes: int,
    *,
    fresh: bool,
    progress: Callable[[int], None],
) -> list[Records]:
    """Run every algorithm on every benchmark and record the runs.

    Args:
        runs: Folder of records; recorded seeds are not run again, unless ``fresh``.
        seeds: Number of runs per algorithm and benchmark.
        trials: Trials per run.
        processes: Number of operating-system processes.
        fresh: Whether to run recorded seeds again, and replace them.
        progress: Called with the number of newly finished runs.

    Returns:
        One record per algorithm and benchmark.
    """
    budget = Budget(trials=trials)
    records = []
    for benchmark in BENCHMARKS:
        for algorithm in ALGORITHMS:
            setup = Setup(algorithm=algorithm, benchmark=benchmark, budget=budget)
            records.append(
                record_seeds(
                    setup,
                    range(seeds),
                    runs,
                    processes=processes,
                    fresh=fresh,
                    progress=progress,
                )
            )
    return records
