"""Processor time of ``tpe`` and of Optuna's own sampler, in turn in one process.

``python tests/speed/tpe.py [--seeds 10] [--trials 150]`` searches nb201-cifar10 and fcnet-protein
with the same settings and prints the medians of processor times of a search and their ratio. It
needs the extra ``tune``.
"""

import argparse
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

import nasbench

sys.path.append(str(Path(__file__).parents[1] / "oracles"))
from own_and_foreign import BENCHMARKS, PAIRS


def seconds(algorithm: str, benchmark: str, seed: int, trials: int, **settings: Any) -> float:
    """Processor time of a search, its making included."""
    before = process_time()
    budget = nasbench.Budget(trials=trials)
    nasbench.search(algorithm, benchmark, seeds=[seed], budget=budget, replicate="mean", **settings)
    return process_time() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=150)
    args = parser.parse_args()
    print("| benchmark | preset | `tpe`, s | Optuna, s | ratio |\n|---|---|--:|--:|--:|")
    for benchmark in BENCHMARKS:
        for preset, _, foreign, settings in PAIRS["tpe"]:
            searches: tuple[tuple[str, dict[str, Any]], ...] = (
                ("tpe", {"preset": preset}),
                (foreign, {"hyperparameters": settings}),
            )
            for name, given in searches:  # imports and tables are not measured
                seconds(name, benchmark, 0, 12, **given)
            times: list[list[float]] = [[], []]
            for seed in range(args.seeds):
                for spent, (name, given) in zip(times, searches, strict=True):
                    spent.append(seconds(name, benchmark, seed, args.trials, **given))
            ours, theirs = map(statistics.median, times)
            print(
                f"| {benchmark} | `{preset}` | {ours:.3f} | {theirs:.3f} | {theirs / ours:.1f} |",
                flush=True,
            )
    print(
        f"\nMedians of {args.seeds} searches of {args.trials} trials, processor time, everything "
        f"but imports and tables included; Optuna {version('optuna')}."
    )


if __name__ == "__main__":
    main()
