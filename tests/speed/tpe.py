"""Processor time of ``tpe`` and of Optuna's own sampler, in turn in one process.

``python tests/speed/tpe.py [--seeds 10] [--trials 150]`` searches nb201-cifar10 and fcnet-protein
with the same settings and prints the medians of processor times of a search and their ratio. It
needs the extra ``tune``.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import optuna

import nasbench
from nasbench.algorithm import Algorithm, hyperparameters
from nasbench.benchmark import Benchmark
from nasbench.runs.replay import replay

sys.path.append(str(Path(__file__).parents[1] / "oracles"))
from tpe_optuna import BENCHMARKS, THEIRS, Optuna

from algorithms.bayesian.tpe import TPE


def seconds(make: Callable[..., Algorithm], table: Benchmark, seed: int, trials: int) -> float:
    """Processor time of a search, its making included."""
    before = process_time()
    search = make(table.space, fidelities=table.fidelities, seed=seed)
    replay(search, table, budget=nasbench.Budget(trials=trials), seed=seed, replicate="mean")
    return process_time() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=150)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print("| benchmark | preset | `tpe`, s | Optuna, s | ratio |\n|---|---|--:|--:|--:|")
    for benchmark in BENCHMARKS:
        table = nasbench.load(benchmark)
        for preset, arguments in THEIRS.items():
            kinds = partial(TPE, **hyperparameters(TPE, {}, preset)), partial(Optuna, **arguments)
            times: list[list[float]] = [[], []]
            for seed in range(args.seeds):
                for spent, kind in zip(times, kinds, strict=True):
                    spent.append(seconds(kind, table, seed, args.trials))
            ours, theirs = map(statistics.median, times)
            print(
                f"| {benchmark} | `{preset}` | {ours:.3f} | {theirs:.3f} | {theirs / ours:.1f} |",
                flush=True,
            )
    print(
        f"\nMedians of {args.seeds} searches of {args.trials} trials, processor time, everything "
        f"included; Optuna {optuna.__version__}."
    )


if __name__ == "__main__":
    main()
