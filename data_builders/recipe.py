"""What a training run is: a recipe, read from TOML, with a hash that every shard and table has."""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of

MAX_SEED = 2**31 - 1
_KINDS: Mapping[Any, str] = {
    int: "an integer",
    float: "a number that float32 holds",
    bool: "true or false",
    str: "text",
}
_LARGEST = float(np.finfo(np.float32).max)
_AT_LEAST_ONE = ("channels", "cells", "box_mean", "train", "valid", "test", "epochs", "batch")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")

_Value = TypeVar("_Value", "Recipe", "Plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one architecture is trained.

    The optimiser is SGD with Nesterov momentum, the loss cross-entropy; the learning rate falls
    to 0 along a cosine, step by step.

    Attributes:
        network: Name of the skeleton (``lite201``).
        channels: Channels of its first stage.
        cells: Cells a stage.
        dataset: Name of a data set (``digits``, ``fashion_mnist``, …; see docs/datasets.md) or the
            path of an ``.npz`` file.
        box_mean: Side of the square of pixels that becomes one pixel; 1 keeps the images.
        train: Training images; a multiple of ``batch``.
        valid: Validation images.
        test: Test images.
        split_seed: Chooses which images those are.
        epochs: Length of the training.
        batch: Images a step.
        learning_rate: At the first step.
        momentum: Nesterov momentum.
        weight_decay: L2 coefficient, on every parameter.
        flip: Whether images are mirrored left to right with probability 1/2.
        crop: Pixels of zero padding from which a crop of the original size is drawn; 0 for none.

    Raises:
        InvalidArgumentError: A value has another type or is impossible.
    """

    network: str
    channels: int
    cells: int
    dataset: str
    box_mean: int = 1
    train: int
    valid: int
    test: int
    split_seed: int = 0
    epochs: int
    batch: int
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    flip: bool = False
    crop: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, possible = getattr(self, field.name), _KINDS[field.type]
            valid = _is(value, field.type)
            if field.type in (int, float):
                low = 1 if field.name in _AT_LEAST_ONE else 0
                possible += f", at least {low}"
                valid = valid and value >= low
            _refuse_unless(valid, field.name, value, possible)
            if field.type is float:  # 1 and 1.0 are one recipe with one digest
                object.__setattr__(self, field.name, float(value))
        if self.train % self.batch:
            raise InvalidArgumentError(
                f"train = {self.train} is no multiple of batch = {self.batch}; "
                f"the nearest is {max(1, round(self.train / self.batch)) * self.batch}"
            )

    @property
    def steps(self) -> int:
        """Optimiser steps an epoch."""
        return self.train // self.batch

    def digest(self, data_digest: str) -> str:
        """SHA-256 over all hyperparameters and the digest of the split; 64 hexadecimal digits."""
        parts = asdict(self) | {"dataset": data_digest}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def published(self) -> dict[str, Any]:
        """All hyperparameters; of a data set's path only the name."""
        return asdict(self) | {"dataset": Path(self.dataset).name}

    def changed(self, values: Mapping[str, Any]) -> "Recipe":
        """A copy with other values.

        Raises:
            UnknownNameError: No hyperparameter has that name.
            InvalidArgumentError: A value is impossible.
        """
        return _construct(Recipe, asdict(self) | dict(values), "recipe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A table to build: a recipe and which trainings of it.

    Attributes:
        id: Name of the table, and of its file.
        version: Its version; to be raised when a number changes or is added.
        description: What the table is good for, in a sentence or two.
        recipe: How every architecture is trained.
        seeds: Training seeds, built in this order.
        architectures: None for every class of the space, or how many classes to draw at random.
        source: Provenance of the images.
        licence: Licence of the table.
        citation: What to cite.

    Raises:
        InvalidArgumentError: A value has another type or is impossible.
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
        def refuse_unless(possible: bool, name: str, kind: str) -> None:
            _refuse_unless(possible, name, getattr(self, name), kind)

        refuse_unless(
            isinstance(self.id, str) and _ID.fullmatch(self.id) is not None,
            "id",
            "letters, digits, '-' and '_', at most 100, the first a letter or digit",
        )
        refuse_unless(isinstance(self.recipe, Recipe), "recipe", "a recipe")
        refuse_unless(
            isinstance(self.seeds, tuple)
            and len(self.seeds) > 0
            and all(_is(seed, int) and 0 <= seed <= MAX_SEED for seed in self.seeds)
            and len(set(self.seeds)) == len(self.seeds),
            "seeds",
            f"different integers in 0..{MAX_SEED}, at least one",
        )
        refuse_unless(
            _is(self.version, int) and self.version >= 1, "version", "an integer, at least 1"
        )
        refuse_unless(
            self.architectures is None
            or (_is(self.architectures, int) and self.architectures >= 1),
            "architectures",
            "an integer, at least 1; leave it out for every class",
        )
        for name in ("description", "source", "licence", "citation"):
            refuse_unless(isinstance(getattr(self, name), str), name, "text")


def shipped() -> dict[str, Path]:
    """Plans that come with the suite, by table id."""
    folder = Path(str(files("data_builders") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_plan(name_or_path: str) -> Plan:
    """Read a plan: a shipped one by its table id, or a TOML file by its path.

    A data set that is an ``.npz`` file is looked up from the folder of the TOML file.

    Raises:
        UnknownNameError: Neither a shipped plan nor a file, or an unknown key in the file.
        InvalidArgumentError: The file is no valid TOML, or a value is missing or impossible.
    """
    path = shipped().get(name_or_path, Path(name_or_path))
    if not os.path.isfile(path):  # unlike Path.is_file, False for any text that is no path
        raise UnknownNameError(
            f"no plan is called {name_or_path!r} and no file has that path"
            f"{one_of(name_or_path, shipped())}"
        )
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"{path} is no valid TOML: {error}") from error
    values, seeds = document.get("recipe"), document.get("seeds", [0])
    if not isinstance(values, dict):
        raise InvalidArgumentError(f"{path} has no section [recipe]")
    if isinstance(dataset := values.get("dataset"), str) and dataset.endswith(".npz"):
        values["dataset"] = str(path.resolve().parent / dataset)
    document["seeds"] = tuple(seeds) if isinstance(seeds, list) else seeds
    document["recipe"] = _construct(Recipe, values, f"{path}, section [recipe]")
    return _construct(Plan, document, str(path))


def _is(value: object, kind: Any) -> bool:
    """Whether a value has the type of its field; an integer is a number, a boolean is neither."""
    if kind is float:
        return type(value) in (int, float) and abs(value) <= _LARGEST  # type: ignore[arg-type]
    return type(value) is kind


def _refuse_unless(possible: bool, name: str, value: object, kind: str) -> None:
    if not possible:
        raise InvalidArgumentError(f"{name} = {value!r} is not possible: it must be {kind}")


def _construct(kind: type[_Value], values: dict[str, Any], where: str) -> _Value:
    """A dataclass from a TOML section; names are checked here, values by the class."""
    known = {field.name: field.default is MISSING for field in fields(kind)}
    for name in values:
        if name not in known:
            raise UnknownNameError(f"{where}: unknown key {name!r}{one_of(name, sorted(known))}")
    missing = [name for name, required in known.items() if required and name not in values]
    if missing:
        raise InvalidArgumentError(f"{where}: missing {', '.join(map(repr, missing))}")
    try:
        return kind(**values)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{where}: {error}") from error
