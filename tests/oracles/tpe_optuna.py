"""Final losses of ``tpe`` beside those of Optuna's own sampler, on published tables, by hand.

``python tests/oracles/tpe_optuna.py [BENCHMARK ...] [--seeds 200] [--trials 150]`` searches
nb201-cifar10 and fcnet-protein, or the benchmarks named, on mean values with both. For each setting
it prints the mean of the lowest losses with its 95 % interval, and the p-value of the
Kolmogorov-Smirnov test that both samples have one distribution. It needs the extra ``tune``.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import optuna
from scipy.stats import ks_2samp

import nasbench
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.runs.replay import replay

BENCHMARKS = ("nb201-cifar10", "fcnet-protein")
THEIRS = {
    "optuna": {},
    "optuna4": {"multivariate": False, "constant_liar": False},
}
"""Arguments of Optuna's sampler by preset of ours."""


class Optuna(Algorithm):
    """Optuna's sampler behind the contract: categories, and integers for ordered decisions."""

    def __init__(self, space, *, fidelities, seed, **arguments):
        super().__init__(space, fidelities=fidelities, seed=seed)
        sampler = optuna.samplers.TPESampler(seed=seed, **arguments)
        self.study = optuna.create_study(sampler=sampler)
        self.running = {}

    def ask(self):
        trial = self.study.ask()
        arch = tuple(
            [
                trial.suggest_categorical(decision.name, range(n))
                if decision.kind == "categorical"
                else trial.suggest_int(decision.name, 0, n - 1)
                for decision, n in zip(self.space.decisions, self.space.options, strict=True)
            ]
        )
        proposal = Proposal(arch)
        self.running.setdefault(proposal, []).append(trial)
        return proposal

    def tell(self, observation: Observation):
        self.study.tell(self.running[observation.proposal].pop(0), observation.loss)


def lowest_theirs(benchmark: str, preset: str, seed: int, trials: int) -> float:
    """Lowest loss of one search of Optuna."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = nasbench.load(benchmark)
    search = Optuna(table.space, fidelities=table.fidelities, seed=seed, **THEIRS[preset])
    budget = nasbench.Budget(trials=trials)
    run = replay(search, table, budget=budget, seed=seed, replicate="mean")
    return float(run.losses[:, 0].min())


def lowest_ours(benchmark: str, preset: str, seeds: range, trials: int) -> list[float]:
    """Lowest losses of our searches."""
    budget = nasbench.Budget(trials=trials)
    runs = nasbench.search(
        "tpe", benchmark, seeds=seeds, budget=budget, preset=preset, replicate="mean"
    )
    return [float(run.losses[:, 0].min()) for run in runs]


def interval(losses: list[float]) -> str:
    """Mean and half the width of its 95 % interval."""
    half = 1.96 * np.std(losses, ddof=1) / np.sqrt(len(losses))
    return f"{np.mean(losses):.4f} ± {half:.4f}"


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmarks", nargs="*", default=BENCHMARKS, metavar="BENCHMARK")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    print("| benchmark | preset | `tpe` | Optuna | p |\n|---|---|--:|--:|--:|")
    with ProcessPoolExecutor(args.processes, mp_context=get_context("spawn")) as pool:
        for benchmark in args.benchmarks:
            for preset in THEIRS:
                theirs = [
                    pool.submit(lowest_theirs, benchmark, preset, seed, args.trials)
                    for seed in range(args.seeds)
                ]
                ours = lowest_ours(benchmark, preset, range(args.seeds), args.trials)
                found = [each.result() for each in theirs]
                p = ks_2samp(ours, found).pvalue
                row = [benchmark, f"`{preset}`", interval(ours), interval(found), f"{p:.2f}"]
                print(f"| {' | '.join(row)} |", flush=True)
    print(
        f"\nMean of the lowest losses of {args.seeds} searches of {args.trials} trials on mean "
        f"values, with 95 % intervals; Optuna {optuna.__version__}."
    )


if __name__ == "__main__":
    main()
