"""How well would a recipe tell architectures apart?

``python -m data_builders.pilot PLAN [--set batch=16] …`` trains a few random classes with several
seeds and compares the spread between classes with the spread between seeds. A recipe is worth an
exhaustive table if single seeds agree on the order of the classes.
"""

import argparse
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from statistics import mean
from time import perf_counter

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau

from data_builders import NETWORKS
from data_builders.datasets import load_split
from data_builders.recipe import Recipe, load_plan
from data_builders.shards import sample_classes
from data_builders.training import train
from nasbench.errors import InvalidArgumentError, NasbenchError
from nasbench.space import Arch

_images = lru_cache(maxsize=1)(load_split)  # kept for the next training of this process


def final_accuracies(arch: Arch, seed: int, recipe: Recipe) -> tuple[float, float, float]:
    """Validation accuracy, test accuracy and seconds of one training on one thread."""
    torch.set_num_threads(1)
    split = _images(recipe)
    start = perf_counter()
    curves = train(arch, seed, recipe, split).curves
    return (
        float(curves["valid_accuracy"][-1]),
        float(curves["test_accuracy"][-1]),
        perf_counter() - start,
    )


def agreement(accuracies: NDArray[np.float64]) -> float:
    """Mean Kendall tau over the pairs of seeds.

    Args:
        accuracies: Shape ``(n_classes, n_seeds)``.
    """
    pairs = combinations(accuracies.T, 2)
    return mean(float(kendalltau(a, b).statistic) for a, b in pairs)


def report(recipe: Recipe, n_classes: int, n_seeds: int, processes: int) -> str:
    """One line of figures for a recipe.

    Raises:
        InvalidArgumentError: Too few classes or seeds for a comparison.
    """
    if n_classes < 8 or n_seeds < 2:
        raise InvalidArgumentError(
            f"{n_classes} classes with {n_seeds} seeds tell nothing: at least 8 and 2 are needed"
        )
    archs = sample_classes(NETWORKS.load(recipe.network), n_classes)
    tasks = [(arch, seed) for arch in archs for seed in range(n_seeds)]
    results = joblib.Parallel(n_jobs=processes)(
        joblib.delayed(final_accuracies)(a, s, recipe) for a, s in tasks
    )
    figures = np.array(results).reshape(len(archs), n_seeds, 3)
    valid, test = figures[..., 0], figures[..., 1]
    top = np.argsort(-valid.mean(axis=1), kind="stable")[: len(archs) // 4]
    between, within = valid.mean(axis=1).std(ddof=1), np.sqrt(valid.var(axis=1, ddof=1).mean())
    cross = kendalltau(valid.mean(axis=1), test.mean(axis=1)).statistic
    return (
        f"range {valid.min():.1f}-{valid.max():.1f} %, "
        f"sd between classes {between:.2f}, between seeds {within:.2f}, "
        f"tau between seeds {agreement(valid):.2f} (top quarter {agreement(valid[top]):.2f}), "
        f"tau valid-test {cross:.2f}, {np.median(figures[..., 2]):.2f} s a run"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a hyperparameter"
    )
    parser.add_argument("--classes", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--processes", type=int, default=joblib.cpu_count())
    options = parser.parse_args(arguments)
    try:
        changes = tomllib.loads("\n".join(options.set))
        recipe = load_plan(options.plan).recipe.changed(changes)
        line = report(recipe, options.classes, options.seeds, options.processes)
    except tomllib.TOMLDecodeError as error:
        parser.error(f"--set {' '.join(options.set)}: {error}")
    except NasbenchError as error:
        parser.error(str(error))
    print(f"{changes}: {line}", flush=True)


if __name__ == "__main__":
    main()
