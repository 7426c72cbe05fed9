"""Searches of nb201-cifar10 that are made in several ways, in turns."""

import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np

import nasbench
from nasbench.algorithm import Algorithm
from nasbench.runs.replay import replay

ID = "nb201-cifar10"
MAKING_READY = 12
"""Trials of a first search of every way, since imports and tables are not measured."""


def compare(ways: Mapping[str, Callable[..., Algorithm]], trials: int, rounds: int) -> None:
    """Print a Markdown table with processor seconds beside those of the last way.

    Args:
        ways: What makes the algorithm, by the name of its row.
        trials: Trials of a search.
        rounds: Searches of each way; seconds are their median, losses their mean.
    """
    for make in ways.values():
        _measured(make, MAKING_READY, 0)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for seed in range(rounds):
        for name, make in ways.items():
            found[name].append(_measured(make, trials, seed))
    seconds = {name: statistics.median(s for s, _ in pairs) for name, pairs in found.items()}
    slowest = list(seconds.values())[-1]
    print(f"| {trials} queries of {ID} | processor seconds | times faster | lowest loss |")
    print("|---|--:|--:|--:|")
    for name, pairs in found.items():
        loss = statistics.mean(loss for _, loss in pairs)
        print(f"| {name} | {seconds[name]:.2f} | {slowest / seconds[name]:.1f} | {loss:.3f} |")


def _measured(make: Callable[..., Algorithm], trials: int, seed: int) -> tuple[float, float]:
    """Processor seconds of one search, and the lowest loss that it found."""
    benchmark = nasbench.load(ID)
    algorithm = make(benchmark.space, fidelities=benchmark.fidelities, seed=seed)
    budget = nasbench.Budget(trials=trials)
    start = time.process_time()
    run = replay(algorithm, benchmark, budget=budget, seed=seed, replicate="mean")
    return time.process_time() - start, float(np.min(run.losses))
