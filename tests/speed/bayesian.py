"""Processor time of Bayesian optimisation, beside the plain way with scikit-learn, in one run.

``python tests/speed/bayesian.py [--trials 150] [--rounds 3]`` prints a Markdown table. Both search
nb201-cifar10 by the same kernel, candidates and acquisition function. The plain way fits a new
``GaussianProcessRegressor`` to all results before every query, and computes every encoding anew.
"""

import argparse
import warnings
from collections.abc import Sequence
from functools import partial

import numpy as np
from searches import compare
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from algorithms.bayesian.gp_bo import GPBO
from algorithms.models.acquisition import expected_improvement
from algorithms.models.processes.process_search import scaled
from nasbench.encodings import one_hot
from nasbench.space import Arch


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ways = {
        "`gp_bo`, defaults": GPBO,
        '`gp_bo`, `kernel="hamming"`': partial(GPBO, kernel="hamming"),
        "scikit-learn, fitted anew for every query": partial(Plain, kernel="hamming"),
    }
    compare(ways, options.trials, options.rounds)


if __name__ == "__main__":
    main()
