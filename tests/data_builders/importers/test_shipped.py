"""The tables that this suite trained hold what their plans say and the reference loop gives."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nasbench
from data_builders import NETWORKS
from data_builders.images.datasets import load_split
from data_builders.plan import load_plan
from data_builders.recipe import ImageRecipe
from data_builders.training.devices import one_thread
from data_builders.training.procedure import procedure
from data_builders.training.reference import train
from data_builders.zero_cost import SCORES

SHARED = Path(os.environ["NASBENCH_SHARED"])
TABLES = ("lite201-digits", "lite201-fashion")
CELLS = ((3, 3, 3, 1, 3, 3), (0, 0, 0, 3, 0, 0), (4, 1, 2, 1, 4, 3))


def with_images(recipe: ImageRecipe) -> ImageRecipe:
    """The same recipe with its images where they are at hand."""
    if recipe.dataset == "digits":
        return recipe
    path = SHARED / f"data/images/{recipe.dataset}_28.npz"
    if not path.is_file():
        pytest.skip(f"needs {path}; set NASBENCH_SHARED to the folder that holds data/images")
    return replace(recipe, dataset=str(path))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_one_of_its_plan(name: str) -> None:
    benchmark, plan = nasbench.load(name), load_plan(name)
    assert plan.recipe.published().items() <= benchmark.table.metadata.recipe.items()
    metadata = benchmark.table.metadata
    for text in ("description", "source", "licence", "citation"):
        assert getattr(metadata, text) == getattr(plan, text)
    words = procedure(NETWORKS.load(plan.recipe.network), plan.recipe, metadata.recipe)
    assert metadata.recipe["training"] == words
    assert benchmark.seeds == plan.seeds
    assert benchmark.table.metadata.recipe["trainer"] == "batched"
    runs = {tuple(arch) for arch in benchmark.table.archs.tolist()}
    assert (len(runs), len(benchmark.table.archs)) == (5260, 5260 * len(plan.seeds))
    assert not benchmark.table.diverged.any()
    assert SCORES.keys() <= benchmark.table.arch_columns.keys()


@pytest.mark.parametrize("name", TABLES)
def test_trainings_are_those_of_the_reference_loop(name: str) -> None:
    """Rounding grows from step to step: the first epoch agrees closely, the last ones roughly."""
    benchmark, plan = nasbench.load(name), load_plan(name)
    recipe = with_images(plan.recipe)
    split = load_split(recipe)
    assert recipe.digest(split.digest) == benchmark.table.metadata.recipe["digest"]
    seed = plan.seeds[-1]
    for cell in CELLS:
        arch = benchmark.space.canonical(cell)
        with one_thread():
            curves = train(arch, seed, recipe, split).curves
        loss = benchmark.curve(arch, "train_loss", seed=seed)
        np.testing.assert_allclose(curves["train_loss"][0], loss[0], rtol=0.01)
        np.testing.assert_allclose(curves["train_loss"][1], loss[1], rtol=0.05)
        for part in ("valid", "test"):
            accuracy = benchmark.query(arch, seed=seed)[f"{part}_accuracy"]
            assert curves[f"{part}_accuracy"][-1] == pytest.approx(accuracy, abs=2)
