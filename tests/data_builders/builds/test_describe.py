"""Texts of a table are written anew, and nothing else of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import nasbench.data
from data_builders.builds.describe import describe
from data_builders.plan import Plan, load_plan
from nasbench.errors import InvalidArgumentError
from nasbench.tables.table import Table

DATA = Path(nasbench.data.__file__).parent
NAME = "lite201-fashion"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in (f"{NAME}.parquet", f"{NAME}.archs.parquet"):
        shutil.copy(DATA / name, tmp_path)
    return tmp_path / f"{NAME}.parquet"


def test_texts_change_and_numbers_stay(copied: Path) -> None:
    before, plan = Table(copied).metadata, replace(load_plan(NAME), description="Said anew.")
    describe(copied, plan)
    after = Table(copied)
    after.check()
    assert after.metadata.recipe["training"]["loss"].startswith("cross-entropy")
    same = {"description": before.description, "recipe": {}}
    assert replace(after.metadata, **same) == replace(before, **same)
    assert after.metadata.description == "Said anew."
    kept = [
        {k: v for k, v in recipe.items() if k not in ("training", "optimizer")}
        for recipe in (before.recipe, after.metadata.recipe)
    ]
    assert kept[0] == kept[1]


def other_recipe(plan: Plan) -> Plan:
    return replace(plan, recipe=plan.recipe.changed({"batch": 32}))


@pytest.mark.parametrize(
    "change", [other_recipe, lambda plan: replace(plan, version=2)], ids=["recipe", "version"]
)
def test_another_plan_is_refused(copied: Path, change) -> None:
    before = copied.read_bytes()
    with pytest.raises(InvalidArgumentError, match="was not made by the plan of lite201-fashion@"):
        describe(copied, change(load_plan(NAME)))
    assert copied.read_bytes() == before
