"""Build plans: which trainings of a recipe make a table, read from TOML."""

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from data_builders import NETWORKS
from data_builders.recipe import ImageRecipe, Recipe
from data_builders.task_recipe import TaskRecipe, made_task
from data_builders.values import MAX_SEED, construct, has_type, refuse_unless
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.storage.documents import read_toml
from nasbench.storage.files import expanded
from nasbench.storage.names import MAX_LENGTH, is_id
from nasbench.tables.schema import LAST_VERSION

_MOST_SEEDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A table to build: a recipe, and which trainings of it.

    Attributes:
        id: Name of the table and of its file.
        version: Version of the table; raise it when a number changes or is added.
        description: What the table is good for, in one or two sentences.
        recipe: How to train every architecture.
        seeds: Training seeds, built in this order.
        architectures: Number of classes to draw at random; None for every class of the space.
        source: Provenance of the data.
        licence: Licence of the table.
        citation: What to cite.

    Raises:
        InvalidArgumentError: A value has the wrong type or is out of range.
    """

    id: str
    recipe: Recipe
    seeds: tuple[int, ...]
    version: int = 1
    architectures: int | None = None
    description: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        def refuse(possible: bool, name: str, kind: str) -> None:
            refuse_unless(possible, name, getattr(self, name), kind)

        refuse(
            is_id(self.id),
            "id",
            f"letters, digits, '-', '_' and '.', at most {MAX_LENGTH}, the first a letter or "
            "digit, and neither end in '.', '.archs' or '.parquet' nor be a device of Windows",
        )
        refuse(isinstance(self.recipe, Recipe), "recipe", "a recipe")
        refuse(
            isinstance(self.seeds, tuple)
            and 0 < len(self.seeds) <= _MOST_SEEDS
            and all(has_type(seed, int) and 0 <= seed <= MAX_SEED for seed in self.seeds)
            and len(set(self.seeds)) == len(self.seeds),
            "seeds",
            f"1 to {_MOST_SEEDS:,} different integers in 0..{MAX_SEED}",
        )
        refuse(
            has_type(self.version, int) and 1 <= self.version <= LAST_VERSION,
            "version",
            f"an integer from 1 to {LAST_VERSION:,}",
        )
        refuse(
            self.architectures is None
            or (has_type(self.architectures, int) and 1 <= self.architectures <= MAX_SEED),
            "architectures",
            f"an integer from 1 to {MAX_SEED}; leave it out for every class",
        )
        for name in ("description", "source", "licence", "citation"):
            refuse(isinstance(getattr(self, name), str), name, "text")


def shipped() -> dict[str, Path]:
    """Return the paths of the plans shipped with the suite, by table id."""
    folder = Path(str(files("data_builders") / "plans"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_plan(name_or_path: str) -> Plan:
    """Read a shipped plan by its table id, or a TOML file by its path.

    A section ``[recipe.task]`` makes it the recipe of a task, else it is one of images. The path
    of an ``.npz`` data set is relative to the folder of the TOML file.

    Raises:
        UnknownNameError: The argument is neither a shipped plan nor a file, or the file has an
            unknown key, or a network that is not registered.
        InvalidArgumentError: The file is not valid TOML, or a value is missing or impossible.
    """
    path = shipped().get(name_or_path, expanded(name_or_path))
    if not os.path.isfile(path):  # unlike Path.is_file, False for text that cannot be a path
        raise UnknownNameError(
            f"no plan is called {name_or_path!r} and no file has that path"
            f"{one_of(name_or_path, shipped())}"
        )
    try:
        document = read_toml(path)
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InvalidArgumentError(f"{path} is not valid TOML: {error}") from error
    values, seeds = document.get("recipe"), document.get("seeds", [0])
    if not isinstance(values, dict):
        raise InvalidArgumentError(f"{path} has no section [recipe]")
    document["seeds"] = tuple(seeds) if isinstance(seeds, list) else seeds
    document["recipe"] = _recipe(values, path)
    plan = construct(Plan, document, str(path))
    try:
        NETWORKS.check_registered(plan.recipe.network)
    except UnknownNameError as error:
        raise UnknownNameError(f"{path}, section [recipe]: {error}") from error
    return plan


def _recipe(values: dict[str, Any], path: Path) -> Recipe:
    where = f"{path}, section [recipe]"
    if isinstance(task := values.get("task"), dict):
        made = made_task(task, f"{path}, section [recipe.task]")
        return construct(TaskRecipe, values | {"task": made}, where)
    if isinstance(dataset := values.get("dataset"), str) and dataset.endswith(".npz"):
        values = values | {"dataset": str(path.resolve().parent / dataset)}
    return construct(ImageRecipe, values, where)
