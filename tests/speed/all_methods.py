"""All methods that need no torch: microseconds a trial, and how long the whole comparison takes.

``python tests/speed/all_methods.py [METHOD ...]`` lets every registered method, or those named,
search with 500 seeds for 300 trials: multi-fidelity methods on lite201-digits, the others on
nb201-cifar10, methods for several objectives by accuracy and parameters. ``--presets`` adds all
published settings. The times of a trial are those of the processor, so that other work on the
machine matters little; a bare loop over a list is timed beside them, for scale.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter, process_time

import numpy as np
from test_speed import TRIALS, bare_evolution

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import takes_resumable
from nasbench.errors import MissingExtraError
from nasbench.runs.setup import Setup

SEVERAL_OBJECTIVES = {"nsga2", "lemonade", "mo_reward", "random_scalarization"}


def hide_torch() -> None:
    """Methods that need torch cannot be loaded in this process."""
    sys.modules["torch"] = None  # type: ignore[assignment]


def settings(method: str) -> list[str]:
    """The method and its presets; none if it needs torch."""
    try:
        return [method, *(f"{method}/{preset}" for preset in ALGORITHMS.load(method).presets)]
    except MissingExtraError:
        return []


def seconds(setting: str, seeds: Sequence[int], trials: int) -> float:
    """Processor time of some searches."""
    method, _, preset = setting.partition("/")
    several = method in SEVERAL_OBJECTIVES
    prepared = Setup(
        algorithm=method,
        preset=preset or None,
        benchmark="lite201-digits" if takes_resumable(ALGORITHMS.load(method)) else "nb201-cifar10",
        budget=nasbench.Budget(trials=trials),
        objectives=("valid_accuracy", "parameters") if several else None,
    ).prepare()
    before = process_time()
    for seed in seeds:
        prepared.run(seed)
    return process_time() - before


def bare_seconds(seeds: Sequence[int]) -> float:
    """Processor time of bare loops."""
    published = nasbench.load("nb201-cifar10")
    grid = np.array(list(published.space.archs()))
    values = published.query_many(grid, "valid_accuracy").tolist()
    before = process_time()
    for seed in seeds:
        bare_evolution(values, seed)
    return process_time() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="default: all")
    parser.add_argument("--presets", action="store_true", help="all published settings, too")
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    hide_torch()
    found = [s for method in args.methods or ALGORITHMS for s in settings(method)]
    chosen = [setting for setting in found if args.presets or "/" not in setting]
    parts = [range(k, args.seeds, args.processes) for k in range(args.processes)]
    start = perf_counter()
    with ProcessPoolExecutor(
        args.processes, mp_context=get_context("spawn"), initializer=hide_torch
    ) as pool:
        bare = pool.submit(bare_seconds, parts[0])
        running = {
            s: [pool.submit(seconds, s, part, args.trials) for part in parts] for s in chosen
        }
        print("| method | µs a trial |\n|---|--:|")
        of_one = bare.result() / len(parts[0]) / TRIALS
        print(f"| for scale: a bare loop over a list | {of_one * 1e6:.1f} |")
        for setting, times in running.items():
            total = sum(time.result() for time in times)
            print(f"| `{setting}` | {total / args.seeds / args.trials * 1e6:.1f} |", flush=True)
    print(
        f"\n{len(chosen)} methods and settings, {args.seeds} seeds x {args.trials} trials, "
        f"{args.processes} processes: {perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
