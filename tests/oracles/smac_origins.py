"""Where the proposals of SMAC3 come from, as it says itself, by hand.

``python tests/oracles/smac_origins.py [--seeds 2]`` lets SMAC3 search nb201-cifar10, 150 trials on
mean values each, and counts the origins of its configurations. Needs the extra ``smac``.
"""

import argparse
import logging
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ConfigSpace import Categorical, ConfigurationSpace
from smac import HyperparameterOptimizationFacade, Scenario

import nasbench

TRIALS = 150


def origins(seed: int) -> Counter[str]:
    """Number of trials by origin in one search."""
    table = nasbench.load("nb201-cifar10")
    names = [f"d{i}" for i in range(len(table.space.options))]
    space = ConfigurationSpace(seed=seed)
    for name, n in zip(names, table.space.options, strict=True):
        space.add(Categorical(name, list(range(n))))
    found: Counter[str] = Counter()

    def train(config: Any, seed: int = 0) -> float:
        found[str(config.origin)] += 1
        return table.evaluate(tuple(int(config[name]) for name in names)).losses[0]

    with TemporaryDirectory() as folder:
        scenario = Scenario(
            space, deterministic=True, n_trials=TRIALS, seed=seed, output_directory=Path(folder)
        )
        HyperparameterOptimizationFacade(scenario, train).optimize()
    return found


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    seeds = parser.parse_args().seeds
    logging.disable(logging.CRITICAL)
    for seed in range(seeds):
        print(seed, dict(origins(seed)), flush=True)


if __name__ == "__main__":
    main()
