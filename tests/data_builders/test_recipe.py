"""Recipes and plans: what is accepted, what is refused, what the digest depends on."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from data_builders.images.datasets import load_split
from data_builders.plan import Plan, load_plan, shipped
from data_builders.recipe import ImageRecipe
from data_builders.values import MAX_SEED
from nasbench.errors import InvalidArgumentError, UnknownNameError

DIGITS_IMAGES = "3a62a1e188a4be39baae556cacfb2a99f7fa41f472757093e9a4a51f1323cc40"
DIGITS_RECIPE = "3ba6daed9e316ade060a3e161a0d106fdd8915db6517eb6f333f3ba23284e658"
RECIPE = ImageRecipe(
    network="lite201",
    channels=4,
    cells=2,
    dataset="digits",
    box_mean=2,
    train=64,
    valid=30,
    test=20,
    split_seed=3,
    epochs=5,
    batch=16,
    learning_rate=0.2,
    momentum=0.8,
    weight_decay=1e-3,
    flip=True,
    crop=1,
)
PLAN = Plan(
    id="My-table_1",
    recipe=RECIPE,
    seeds=(7, 0, MAX_SEED),
    version=2,
    architectures=12,
    description='What "it" is good for.',
    source="somewhere",
    licence="MIT",
    citation="Someone (2026)",
)
OF_TYPE = {
    kind: [field.name for field in fields(ImageRecipe) if field.type is kind]
    for kind in (int, float, bool, str)
}
LOW = {name: 0 if name in ("crop", "split_seed") else 1 for name in OF_TYPE[int]}

HIGH = dict.fromkeys(OF_TYPE[int], MAX_SEED)
HIGH |= {"channels": 4096, "box_mean": 1024, "crop": 1024, "cells": 256, "epochs": 100_000}
HIGH["batch"] = 2**20


def toml(values: dict[str, object]) -> str:
    """TOML of flat values; JSON writes numbers, booleans, texts and lists in the same way."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def write(folder: Path, recipe: str | None = None, **top: object) -> Path:
    path = folder / "plan.toml"
    text = toml({"id": "x", **top})
    path.write_text(text + "[recipe]\n" + (toml(asdict(RECIPE)) if recipe is None else recipe))
    return path


def test_a_plan_survives_being_written_as_toml(tmp_path: Path) -> None:
    top = {name: value for name, value in asdict(PLAN).items() if name != "recipe"}
    path = write(tmp_path, **top)
    assert load_plan(str(path)) == PLAN


def test_what_a_file_leaves_out_has_its_default(tmp_path: Path) -> None:
    required = {"network", "channels", "cells", "dataset", "train", "valid", "test", "epochs"}
    required |= {"batch"}
    short = {name: value for name, value in asdict(RECIPE).items() if name in required}
    plan = load_plan(str(write(tmp_path, toml(short))))
    assert plan == Plan(id="x", seeds=(0,), recipe=ImageRecipe(**short))
    assert (plan.version, plan.architectures) == (1, None)
    assert (plan.recipe.learning_rate, plan.recipe.momentum) == (0.1, 0.9)
    assert (plan.recipe.weight_decay, plan.recipe.flip, plan.recipe.crop) == (5e-4, False, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in OF_TYPE[int] for value in (True, 1.0, "4", None, [4])),
        *((name, LOW[name] - 1) for name in OF_TYPE[int]),
        *((name, HIGH[name] + 1) for name in OF_TYPE[int]),
        *(
            (name, value)
            for name in OF_TYPE[float]
            for value in (float("nan"), float("inf"), -1e-9, True, "0.1", None, 1e39, 10**400)
        ),
        *((name, value) for name in OF_TYPE[bool] for value in (0, 1, "true", None)),
        *((name, value) for name in OF_TYPE[str] for value in (3, None, True, b"digits")),
    ],
)
def test_an_impossible_value_is_named_with_what_is_possible(name: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        replace(RECIPE, **{name: value})
    possible = {
        "int": f"an integer from {LOW.get(name)} to {HIGH.get(name)}",
        "float": "a number that float32 holds, at least 0",
        "bool": "true or false",
        "str": "text",
    }[next(kind.__name__ for kind, names in OF_TYPE.items() if name in names)]
    assert str(raised.value) == f"{name} = {value!r} is not possible: it must be {possible}"


@pytest.mark.parametrize("name", OF_TYPE[int])
def test_the_smallest_integer_is_accepted(name: str) -> None:
    recipe = replace(RECIPE, **({"batch": 1, "train": 1} | {name: LOW[name]}))
    assert getattr(recipe, name) == LOW[name]


@pytest.mark.parametrize(("train", "nearest"), [(100, 96), (110, 112), (1, 16)])
def test_training_images_must_fill_their_batches(train: int, nearest: int) -> None:
    message = f"train = {train} is not a multiple of batch = 16; the nearest is {nearest}"
    with pytest.raises(InvalidArgumentError, match=message):
        replace(RECIPE, train=train)


def test_digest_changes_with_every_field() -> None:
    other: dict[str, object] = {name: getattr(RECIPE, name) * 2 for name in OF_TYPE[int]}
    other |= {name: getattr(RECIPE, name) * 2 for name in OF_TYPE[float]}
    other |= {"flip": False, "network": "lite301", "batch": 32}
    digests = {RECIPE.digest("images"), RECIPE.digest("other images")}
    digests |= {replace(RECIPE, **{name: value}).digest("images") for name, value in other.items()}
    assert set(other) == {field.name for field in fields(ImageRecipe)} - {"dataset"}
    assert len(digests) == 2 + len(other)


def test_digest_does_not_depend_on_where_the_images_lie() -> None:
    assert replace(RECIPE, dataset="/a.npz").digest("i") == replace(RECIPE, dataset="b").digest("i")


def test_an_integer_is_the_same_recipe_as_the_equal_number() -> None:
    whole = replace(RECIPE, learning_rate=1)
    assert type(whole.learning_rate) is float
    assert whole.digest("i") == replace(RECIPE, learning_rate=1.0).digest("i")


def test_digest_of_the_shipped_digits_table_is_what_it_was_built_with() -> None:
    recipe = load_plan("lite201-digits").recipe
    images = load_split(recipe).digest
    assert images == DIGITS_IMAGES
    assert recipe.digest(images) == DIGITS_RECIPE


def test_changed_checks_names_and_values() -> None:
    assert RECIPE.changed({"epochs": 9, "flip": False}) == replace(RECIPE, epochs=9, flip=False)
    with pytest.raises(UnknownNameError, match="unknown key 'epoch'; did you mean 'epochs'"):
        RECIPE.changed({"epoch": 9})
    with pytest.raises(InvalidArgumentError, match="epochs = '9' is not possible"):
        RECIPE.changed({"epochs": "9"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("id", value)
            for value in ("", "a/b", "../x", ".x", "a b", "x@2", "a.archs", "-x", "é", "x\n", 3)
        ),
        ("id", "x" * 101),
        *(("id", value) for value in ("x.parquet", "x.", "nul")),
        *(("version", value) for value in (0, -1, True, 1.0, "1", None)),
        *(("architectures", value) for value in (0, -5, True, 6.0, "all")),
        *(("seeds", value) for value in ((), (0, 0), (-1,), (2**31,), (True,), (1.0,), "01", 3)),
        ("seeds", [0]),
        ("recipe", {}),
        *((name, 3) for name in ("description", "source", "licence", "citation")),
    ],
)
def test_a_plan_refuses_impossible_values(name: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        replace(PLAN, **{name: value})
    assert str(raised.value).startswith(f"{name} = {value!r} is not possible: it must be ")


def test_shipped_plans_load_and_are_named_like_their_tables() -> None:
    assert "lite201-digits" in shipped()
    for name in shipped():
        assert load_plan(name).id == name


def test_a_data_file_is_looked_up_from_the_folder_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plans").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def loaded(dataset: str) -> str:
        write(tmp_path / "plans", toml(asdict(RECIPE) | {"dataset": dataset}))
        return load_plan("../plans/plan.toml").recipe.dataset

    monkeypatch.chdir(elsewhere)
    assert Path(loaded("images/a.npz")) == tmp_path.resolve() / "plans/images/a.npz"
    assert Path(loaded("../a.npz")).resolve() == tmp_path.resolve() / "a.npz"
    assert loaded("/data/a.npz") == "/data/a.npz"
    assert loaded("digits") == "digits"


@pytest.mark.parametrize("name", ["lite201-digit", "no/such.toml", "", "x" * 5000, "."])
def test_an_unknown_plan_is_named_with_the_shipped_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"no plan is called .*Possible: .*'lite201-digits'"):
        load_plan(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id = ", "is not valid TOML"),
        (b"id = '\xff'", "is not valid TOML"),
        (b"id = 'x'", r"has no section \[recipe\]"),
        (b"id = 'x'\nrecipe = 3", r"has no section \[recipe\]"),
        (b"version = 1" + b"0" * 5_000, "is not valid TOML: .*digits"),
        (b"x = " + b"[" * 100_000, "is not valid TOML: .*nested more than 64 deep"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=rf"plan\.toml {message}"):
        load_plan(str(path))


def test_messages_about_a_file_say_where(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"plan\.toml: unknown key 'seed'; did you .*'seeds'"
    ):
        load_plan(str(write(tmp_path, seed=[1])))
    with pytest.raises(InvalidArgumentError, match=r"plan\.toml: seeds = 3 is not possible"):
        load_plan(str(write(tmp_path, seeds=3)))
    with pytest.raises(InvalidArgumentError, match=r"plan\.toml: seeds = \(0, 0\) is not possible"):
        load_plan(str(write(tmp_path, seeds=[0, 0])))
    bad = toml(asdict(RECIPE) | {"epochs": 0})
    with pytest.raises(InvalidArgumentError, match=r"section \[recipe\]: epochs = 0 is not poss"):
        load_plan(str(write(tmp_path, bad)))
    with pytest.raises(UnknownNameError, match=r"section \[recipe\]: unknown key 'lr'"):
        load_plan(str(write(tmp_path, toml({"lr": 0.1}))))
    short = toml({name: v for name, v in asdict(RECIPE).items() if name not in ("batch", "test")})
    with pytest.raises(InvalidArgumentError, match=r"\[recipe\]: missing 'test', 'batch'$"):
        load_plan(str(write(tmp_path, short)))


def test_a_plan_names_no_module(tmp_path: Path) -> None:
    (tmp_path / "intruder.py").write_text("raise SystemExit('imported')")
    path = write(tmp_path, toml(asdict(RECIPE) | {"network": "intruder:Net"}))
    with pytest.raises(UnknownNameError, match=r"'intruder:Net'; a file can name only what is"):
        load_plan(str(path))
    task = '[recipe.task]\nname = "intruder:Task"\nlength = 9\n'
    with pytest.raises(UnknownNameError, match=r"'intruder:Task'; a file can name only what is"):
        load_plan(str(write(tmp_path, 'network = "seqmix"\n' + task)))
