"""Final losses of ``smac`` beside those of SMAC3's own facade, on published tables, by hand.

``python tests/oracles/smac_smac3.py [--seeds 20] [--trials 150]`` searches nb201-cifar10 and
fcnet-protein on mean values with preset ``smac3``, one training an architecture, and with
``HyperparameterOptimizationFacade`` for a deterministic scenario, and prints the means of the
lowest losses with their 95 % intervals. SMAC3 is in no extra: ``pip install smac==2.4.1`` in an
environment of its own; a search of 150 trials takes it about a minute.

Nobody has run it on the code as it is.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import nasbench
from nasbench.benchmark import Benchmark

BENCHMARKS = ("nb201-cifar10", "fcnet-protein")


def lowest_theirs(table: Benchmark, seed: int, trials: int) -> float:
    """Lowest loss of one search of SMAC3."""
    try:
        from ConfigSpace import Categorical, ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario
    except ImportError as error:
        raise SystemExit(f"{error}; install SMAC3: pip install smac==2.4.1") from error
    space = ConfigurationSpace(seed=seed)
    for number, (decision, n) in enumerate(
        zip(table.space.decisions, table.space.options, strict=True)
    ):
        ordered = decision.kind != "categorical"
        space.add(Categorical(f"d{number}", list(range(n)), ordered=ordered))
    losses: list[float] = []

    def train(config: dict[str, int], seed: int = 0) -> float:
        arch = tuple(int(config[f"d{number}"]) for number in range(len(table.space.options)))
        losses.append(table.evaluate(arch).losses[0])
        return losses[-1]

    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space,
            deterministic=True,
            n_trials=trials,
            seed=seed,
            output_directory=Path(folder),
        )
        HyperparameterOptimizationFacade(scenario, train, logging_level=40).optimize()
    return min(losses)


def lowest_ours(table: Benchmark, seeds: range, trials: int) -> list[float]:
    """Lowest losses of our searches."""
    runs = nasbench.search(
        "smac",
        table,
        seeds=seeds,
        budget=nasbench.Budget(trials=trials),
        preset="smac3",
        hyperparameters={"max_calls": 1},
        replicate="mean",
    )
    return [float(run.losses[:, 0].min()) for run in runs]


def interval(losses: list[float]) -> str:
    """Mean and half the width of its 95 % interval."""
    half = 1.96 * np.std(losses, ddof=1) / np.sqrt(len(losses))
    return f"{np.mean(losses):.4f} ± {half:.4f}"


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=150)
    args = parser.parse_args()
    print("| benchmark | `smac`, preset `smac3` | SMAC3 |\n|---|--:|--:|")
    for benchmark in BENCHMARKS:
        table = nasbench.load(benchmark)
        theirs = [lowest_theirs(table, seed, args.trials) for seed in range(args.seeds)]
        ours = lowest_ours(table, range(args.seeds), args.trials)
        print(f"| {benchmark} | {interval(ours)} | {interval(theirs)} |", flush=True)


if __name__ == "__main__":
    main()
