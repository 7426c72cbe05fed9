"""Recipes of tasks: digests, changes, plans, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from data_builders import NETWORKS
from data_builders.plan import load_plan
from data_builders.task_recipe import TaskRecipe, made_task
from data_builders.tasks.recall import Recall
from data_builders.tasks.state import State
from data_builders.training.procedure import procedure
from nasbench.errors import InvalidArgumentError, UnknownNameError

TASK = Recall(length=24, pairs=6, queries=4, keys=32, values=32)
RECIPE = TaskRecipe(
    network="seqmix", task=TASK, width=16, heads=2, train=64, valid=32, test=32, epochs=2, batch=16
)
PLAN = """\
id = "tiny"
[recipe]
network = "seqmix"
width = 16
heads = 2
train = 64
valid = 32
test = 32
epochs = 2
batch = 16
[recipe.task]
name = "recall"
length = 24
pairs = 6
queries = 4
keys = 32
values = 32
"""


def written(path: Path, text: str = PLAN) -> str:
    path.write_text(text)
    return str(path)


def test_a_plan_with_a_task(tmp_path: Path) -> None:
    assert load_plan(written(tmp_path / "tiny.toml")).recipe == RECIPE


def test_an_epoch_is_whole_batches() -> None:
    assert RECIPE.steps == 4
    with pytest.raises(InvalidArgumentError, match="the nearest is 64"):
        replace(RECIPE, train=65)


def test_the_digest_is_of_every_hyperparameter_and_of_the_data() -> None:
    others = [
        replace(RECIPE, width=32),
        replace(RECIPE, clip=0.5),
        replace(RECIPE, task=replace(TASK, pairs=5)),
        replace(RECIPE, task=State(length=24, modulus=8)),
    ]
    digests = {recipe.digest("a" * 64) for recipe in (RECIPE, *others)}
    assert len(digests | {RECIPE.digest("b" * 64)}) == 6
    assert replace(RECIPE, clip=1).digest("a" * 64) == RECIPE.digest("a" * 64)


def test_what_is_published_makes_the_recipe_again() -> None:
    published = RECIPE.published()
    assert published["task"]["name"] == "recall"
    again = TaskRecipe(**published | {"task": made_task(published["task"], "here")})
    assert again == RECIPE


def test_changes_of_the_recipe_and_of_its_task() -> None:
    changed = RECIPE.changed({"width": 32, "task": {"pairs": 5}})
    assert changed == replace(RECIPE, width=32, task=replace(TASK, pairs=5))
    other = RECIPE.changed({"task": State(length=24, modulus=8)})
    assert other.task == State(length=24, modulus=8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warmup": 1.0}, "warmup = 1.0 .* below 1"),
        ({"beta2": 1.5}, "beta2 = 1.5 .* below 1"),
        ({"clip": 0.0}, "clip = 0.0 .* above 0"),
        ({"task": {"pairs": 0}}, "pairs = 0"),
        ({"task": {"pair": 5}}, "unknown key 'pair'.*pairs"),
        ({"task": {"name": "recal"}}, "'recal'.*recall"),
        ({"task": 3}, "task = 3 .* a task"),
        ({"channels": 8}, "unknown key 'channels'"),
    ],
)
def test_what_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=message):
        RECIPE.changed(changes)


def test_a_task_without_a_name_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "tiny.toml", PLAN.replace('name = "recall"\n', ""))
    with pytest.raises(InvalidArgumentError, match=r"\[recipe.task\].*recall, copy, state"):
        load_plan(path)


def test_a_training_without_warm_up_is_told_as_one():
    steps = {
        warmup: procedure(NETWORKS.load("seqmix"), replace(RECIPE, warmup=warmup), {})["schedule"]
        for warmup in (0.0, 0.5)
    }
    assert steps[0.0] == (
        "rate 0.0025 (1 + cos(pi t / T)) in step t = 0, ..., T - 1 of T = 8; no warm-up"
    )
    assert steps[0.5].startswith("rate 0.005 (t + 1) / 4 in step t < 4, then")
