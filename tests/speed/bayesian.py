"""Processor time of Bayesian optimisation, beside the plain way with scikit-learn, in one run.

``python tests/speed/bayesian.py [--trials 150] [--rounds 3]`` prints a Markdown table. Both search
nb201-cifar10 by the same kernel, candidates and acquisition function. The plain way fits a new
``GaussianProcessRegressor`` to all results before every query, and computes every encoding anew.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

import nasbench
from algorithms.bayesian.gp_bo import GPBO
from algorithms.models.acquisition import expected_improvement
from algorithms.models.processes.process_search import scaled
from nasbench.algorithm import Algorithm
from nasbench.encodings import one_hot
from nasbench.runs.replay import replay
from nasbench.space import Arch

ID = "nb201-cifar10"


class Plain(GPBO):
    """The same search, with a regressor of scikit-learn that is fitted from scratch."""

    def choose(self, n: int) -> Sequence[Arch]:
        targets = scaled(self.examples, self.targets)
        kernel = ConstantKernel(1.0, (1e-2, 1e2)) * RBF(1.4, (0.1, 200.0))
        model = GaussianProcessRegressor(kernel + WhiteKernel(0.1, (1e-5, 1.0)), alpha=0.0)
        with warnings.catch_warnings():  # at the bounds, where gp_bo stops without a word
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(one_hot(self.space, self.examples.archs).astype(np.float64), targets)
        pool = self.candidates_near(self.candidates, self.mutated_share, self.parents, self.mutant)
        inputs = one_hot(self.space, pool).astype(np.float64)
        mean, std = model.predict(inputs, return_std=True)
        gains = expected_improvement(mean, std, targets.min())
        return [pool[int(np.argmax(gains))]]

    def mutant(self, arch: Arch) -> Arch:
        return self.space.mutate(arch, self.rng)


def measured(kind: type[GPBO], trials: int, seed: int, kernel: str | None) -> tuple[float, float]:
    """Processor seconds of one search, and the lowest loss that it found."""
    benchmark = nasbench.load(ID)
    algorithm: Algorithm = kind(
        benchmark.space, fidelities=benchmark.fidelities, seed=seed, kernel=kernel
    )
    budget = nasbench.Budget(trials=trials)
    start = time.process_time()
    run = replay(algorithm, benchmark, budget=budget, seed=seed, replicate="mean")
    return time.process_time() - start, float(np.min(run.losses))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = {
        "`gp_bo`, defaults": (GPBO, None),
        '`gp_bo`, `kernel="hamming"`': (GPBO, "hamming"),
        "scikit-learn, fitted anew for every query": (Plain, "hamming"),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
    for kind, kernel in rows.values():  # imports and tables are not measured
        measured(kind, 12, 0, kernel)
    for seed in range(options.rounds):
        for name, (kind, kernel) in rows.items():
            found[name].append(measured(kind, options.trials, seed, kernel))
    seconds = {name: statistics.median(s for s, _ in pairs) for name, pairs in found.items()}
    slowest = list(seconds.values())[-1]
    print(f"| {options.trials} queries of {ID} | processor seconds | times faster | lowest loss |")
    print("|---|---|---|---|")
    for name, pairs in found.items():
        loss = statistics.mean(loss for _, loss in pairs)
        print(f"| {name} | {seconds[name]:.2f} | {slowest / seconds[name]:.1f} | {loss:.3f} |")


if __name__ == "__main__":
    main()
