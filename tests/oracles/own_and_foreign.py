"""Final losses of own searches beside those of the packages that they follow, by hand.

``python tests/oracles/own_and_foreign.py [tpe] [smac] [--seeds N] [--processes 2]`` searches
nb201-cifar10 and fcnet-protein on mean values, 150 trials each. For each setting it prints the
means of the lowest losses with their 95 % intervals, and the p-value of the Kolmogorov-Smirnov test
that both samples have one distribution. Searches are recorded, so that a stopped comparison goes
on. Needs the extra ``adapters``. Optuna takes about a second a search, SMAC3 half a minute.
"""

import argparse
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

import nasbench

BENCHMARKS = ("nb201-cifar10", "fcnet-protein")
TRIALS = 150


class Pair(NamedTuple):
    """An algorithm of ours and one of another package.

    Attributes:
        preset: Settings of ours.
        changes: What differs from the preset.
        theirs: Name of the adapted optimiser.
        settings: Its settings.
    """

    preset: str
    changes: Mapping[str, Any]
    theirs: str
    settings: Mapping[str, Any]


OPTUNA, SMAC = "optuna:TPESampler", "smac:HyperparameterOptimizationFacade"
PAIRS = {
    "tpe": (
        Pair("optuna", {}, OPTUNA, {}),
        Pair("optuna4", {}, OPTUNA, {"multivariate": False, "constant_liar": False}),
    ),
    "smac": (Pair("smac3", {"max_calls": 1}, SMAC, {"n_trials": TRIALS}),),
}
"""What is compared, by our algorithm. On mean values one training of an architecture tells all."""
SEEDS = {"tpe": 200, "smac": 30}


def lowest(benchmark: str, algorithm: str, n: int, **search: Any) -> NDArray[np.float64]:
    """Lowest loss of each of ``n`` searches."""
    runs = nasbench.search(
        algorithm,
        benchmark,
        seeds=range(n),
        budget=nasbench.Budget(trials=TRIALS),
        replicate="mean",
        **search,
    )
    return np.array([run.losses[:, 0].min() for run in runs])


def interval(losses: NDArray[np.float64]) -> str:
    """Mean and half the width of its 95 % interval."""
    half = 1.96 * np.std(losses, ddof=1) / np.sqrt(len(losses))
    return f"{np.mean(losses):.4f} ± {half:.4f}"


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("algorithms", nargs="*", choices=[*PAIRS, []], metavar="ALGORITHM")
    parser.add_argument("--seeds", type=int, help="default: 200 of tpe, 30 of smac")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", default="runs/oracles", help="folder for records")
    given = parser.parse_args()
    print("| benchmark | preset | searches | ours | theirs | p |\n|---|---|--:|--:|--:|--:|")
    for name in given.algorithms or PAIRS:
        n = given.seeds or SEEDS[name]
        for benchmark in BENCHMARKS:
            for preset, changes, foreign, settings in PAIRS[name]:
                shared = {"processes": given.processes, "out": given.out}
                ours = lowest(benchmark, name, n, preset=preset, hyperparameters=changes, **shared)
                theirs = lowest(benchmark, foreign, n, hyperparameters=settings, **shared)
                cells = [f"`{benchmark}`", f"`{name}`, `{preset}`", str(n)]
                p = ks_2samp(ours, theirs).pvalue
                cells += [interval(ours), interval(theirs), f"{p:.2f}"]
                print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nOptuna {version('optuna')}, SMAC3 {version('smac')}.")


if __name__ == "__main__":
    main()
