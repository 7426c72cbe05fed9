"""Pilots print what separate trainings of the same classes say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

import nasbench
from data_builders import NETWORKS
from data_builders.builds.shards import sample_classes
from data_builders.images.datasets import load_split
from data_builders.recipe import ImageRecipe
from data_builders.studies.pilot import COLUMNS, edges, pilot_table, report
from data_builders.training.devices import one_thread
from data_builders.training.reference import train
from nasbench.errors import NasbenchError

RECIPE = ImageRecipe(
    network="lite201",
    channels=4,
    cells=1,
    dataset="digits",
    train=64,
    valid=200,
    test=100,
    epochs=2,
    batch=16,
)
PLAN = """
id = "tried"
seeds = [0]
[recipe]
network = "lite201"
channels = 4
cells = 1
dataset = "digits"
train = 32
valid = 200
test = 100
epochs = 2
batch = 16
"""


def test_figures_are_those_of_separate_trainings() -> None:
    archs, split = sample_classes(NETWORKS.load("lite201"), 8), load_split(RECIPE)
    with one_thread():
        runs = [[train(arch, seed, RECIPE, split).curves for arch in archs] for seed in range(3)]
    valid, test = (
        np.array([[run[f"{part}_accuracy"][-1] for run in of_seed] for of_seed in runs])
        for part in ("valid", "test")
    )
    means = valid.mean(axis=0)
    best = sorted(range(8), key=lambda i: -means[i])[:2]
    pairs = [(0, 1), (0, 2), (1, 2)]
    published = nasbench.load("nb201-cifar10")
    theirs = [published.query(arch)["valid_accuracy"] for arch in archs]
    some = (slice(None), best)
    between = [np.std(means[i], ddof=1) for i in some]
    within = [np.sqrt(np.var(valid[:, i], axis=0, ddof=1).mean()) for i in some]
    tau = np.mean([kendalltau(valid[a], valid[b])[0] for a, b in pairs])
    _, images = np.unique(split.valid.y, return_counts=True)
    guess, near = 100 * max(images) / 200, 0.02 * (max(means) - min(means))
    ceiling = np.mean([mean >= max(means) - near for mean in means])
    floor = np.mean([mean <= max(guess, min(means)) + near for mean in means])
    of_a_third = []
    for a, b in pairs:
        top = sorted(range(8), key=lambda i: -valid[3 - a - b, i])[:2]
        of_a_third.append(kendalltau(valid[a, top], valid[b, top])[0])
    expected = [
        f"{valid.min():.1f}-{valid.max():.1f}",
        f"{100 * ceiling:.0f} / {100 * floor:.0f}",
        f"{between[0]:.2f} / {within[0]:.2f}",
        f"{between[1]:.2f} / {within[1]:.2f}",
        f"{tau:.2f} / {np.mean(of_a_third):.2f}".replace("nan", "-"),
        f"{kendalltau(means, test.mean(axis=0)).statistic:.2f}",
        f"{spearmanr(means, theirs).statistic:.2f}",
    ]
    assert report(RECIPE, 8, 3, 1)[:-1] == expected


def test_edges_count_classes_near_the_best_and_those_that_solve_nothing() -> None:
    means = np.array([20.0, 21.9, 22.1, 50.0, 97.9, 98.1, 99.0, 120.0 - 1e-9])
    assert edges(means, 10.0) == (1 / 8, 2 / 8)
    assert edges(means, 48.1) == (1 / 8, 4 / 8)
    assert edges(np.array([5.0, 5.0]), 10.0) == (1.0, 1.0)


@pytest.fixture
def plan(tmp_path: Path) -> str:
    """Path of a plan."""
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return str(path)


def test_a_table_has_one_row(plan: str) -> None:
    table = pilot_table(plan, {"train": 64}, classes=8, seeds=2, processes=2, trainer="batched")
    header, rule, row = table.splitlines()
    assert header == f"| {' | '.join(COLUMNS)} |"
    assert header.count("|") == rule.count("|") == row.count("|")
    lowest, highest = map(float, row.split("|")[2].split("-"))
    assert row.startswith("| train=64 |")
    assert 0 < lowest < highest <= 100


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"trian": 64}, {}, "did you mean 'train'"),
        ({}, {"classes": 4}, "at least 8 and 2"),
        ({}, {"seeds": 1}, "at least 8 and 2"),
        ({}, {"processes": 0}, "processes = 0 must be at least 1"),
        ({}, {"trainer": "bached"}, "did you mean 'batched'"),
    ],
)
def test_what_is_not_possible(
    plan: str, changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    sizes = {"classes": 8, "seeds": 2, "processes": 1}
    with pytest.raises(NasbenchError, match=message):
        pilot_table(plan, changes, **(sizes | options))
