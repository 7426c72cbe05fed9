"""The race of ``nasbench quickstart``: three algorithms, two benchmarks, many seeds."""

from collections.abc import Callable
from pathlib import Path

from nasbench.runs.records import Records, manifest_name
from nasbench.runs.replay import Budget
from nasbench.runs.search import Setup, search

ALGORITHMS = ("random_search", "local_search", "regularized_evolution")
BENCHMARKS = ("nb201-cifar10", "lite201-digits")


def race(
    runs: Path, seeds: int, trials: int, processes: int, progress: Callable[[int], None]
) -> list[Records]:
    """Run every algorithm on every benchmark and record it under ``runs``.

    Args:
        runs: Folder of records; what it already holds is not run again.
        seeds: Runs of each pair.
        trials: Trials a run.
        processes: Operating-system processes.
        progress: Called with a number of runs whenever so many more are done.

    Returns:
        The records of every pair.
    """
    budget = Budget(trials=trials)
    records = []
    for benchmark in BENCHMARKS:
        for algorithm in ALGORITHMS:
            setup = Setup(algorithm=algorithm, benchmark=benchmark, budget=budget)
            search(
                algorithm,
                benchmark,
                seeds=range(seeds),
                budget=budget,
                processes=processes,
                out=runs,
                progress=progress,
            )
            manifest = setup.prepare().manifest()
            records.append(Records(runs / benchmark / manifest_name(manifest)))
    return records
