"""Processor time of SMAC, beside the plain way with scikit-learn's forest, in one run.

``python tests/speed/smac.py [--trials 150] [--rounds 1]`` prints a Markdown table. Both search
nb201-cifar10 with the defaults: as many trees, random candidates and local searches, the same
features and expected improvement. The plain way fits a new ``RandomForestRegressor`` to the
logarithms of all losses before every query, asks each of its trees, and asks for one neighbourhood
after the other.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from searches import compare
from sklearn.ensemble import RandomForestRegressor

from algorithms.bayesian.smac import SMAC, log_normal_improvement
from algorithms.models.candidates import unseen
from algorithms.models.features import mixed
from nasbench.space import Arch


class Plain(SMAC):
    """The same search, with a forest of scikit-learn."""

    def choose(self, n: int) -> Sequence[Arch]:
        targets = np.log(self.examples.finite_losses())
        forest = RandomForestRegressor(
            self.trees, random_state=int(self.array_rng.integers(2**31))
        ).fit(mixed(self.space, self.examples.archs), targets)
        best = targets.min()

        def improvements(archs: Sequence[Arch]) -> NDArray[np.float64]:
            features = mixed(self.space, archs)
            means = np.stack([tree.predict(features) for tree in forest.estimators_])
            std = np.maximum(means.std(axis=0), 1e-5)
            return log_normal_improvement(means.mean(axis=0), std, best)

        if self.rng.random() < self.random_fraction:
            return unseen(self.space, 1, self.rng, self.seen)
        pool = unseen(self.space, self.candidates, self.rng, self.seen)
        values = dict(zip(pool, improvements(pool), strict=True))
        starts = self.examples.best(self.starts)
        starts += sorted(values, key=values.__getitem__)[-self.starts :]
        for arch, value in zip(starts, improvements(starts), strict=True):
            end, reached = arch, value
            while True:
                near = list(self.space.neighbors(end))
                found = improvements(near)
                if not found.max() > reached:
                    break
                end, reached = near[int(found.argmax())], found.max()
            if end not in self.seen:
                values[end] = reached
        return [max(values, key=values.__getitem__)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    ways = {
        "`smac`, defaults": SMAC,
        "scikit-learn's forest, fitted and asked anew for every query": Plain,
    }
    compare(ways, options.trials, options.rounds)


if __name__ == "__main__":
    main()
