"""What a training run is: a recipe, read from a TOML file, with a hash that every shard and table carries."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one architecture is trained. The optimiser is SGD with Nesterov momentum, the loss cross-entropy, the
    learning rate falls to 0 along a cosine, step by step.

    Attributes:
        network: Name of the skeleton (``lite201``).
        channels: Channels of its first stage.
        cells: Cells a stage.
        dataset: A registered data set (``digits``) or the path of an ``.npz`` file.
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
            value = getattr(self, field.name)
            kind = {"int": int, "float": (int, float), "bool": bool, "str": str}[
                str(field.type.__name__)
            ]  # type: ignore[union-attr]
            if not isinstance(value, kind) or (isinstance(value, bool) and field.type is not bool):
                raise InvalidArgumentError(
                    f"recipe: {field.name} = {value!r} is no {field.type.__name__}"
                )  # type: ignore[union-attr]
        at_least_one = (
            "channels",
            "cells",
            "box_mean",
            "train",
            "valid",
            "test",
            "epochs",
            "batch",
        )
        for name in at_least_one:
            if getattr(self, name) < 1:
                raise InvalidArgumentError(
                    f"recipe: {name} = {getattr(self, name)} must be at least 1"
                )
        for name in ("learning_rate", "momentum", "weight_decay", "crop", "split_seed"):
            if getattr(self, name) < 0:
                raise InvalidArgumentError(
                    f"recipe: {name} = {getattr(self, name)} must not be negative"
                )
        if self.train % self.batch:
            raise InvalidArgumentError(
                f"recipe: train = {self.train} is no multiple of batch = {self.batch}; "
                f"the nearest is {max(1, round(self.train / self.batch)) * self.batch}"
            )

    @property
    def steps(self) -> int:
        """Optimiser steps an epoch."""
        return self.train // self.batch

    def digest(self, data_digest: str) -> str:
        """SHA-256 over every hyperparameter and the digest of the split images; 64 hexadecimal digits."""
        parts = asdict(self) | {"dataset": data_digest}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A table to build: a recipe and which trainings of it.

    Attributes:
        id: Name of the table.
        version: Its version; to be raised when a number changes or is added.
        description: What the table is good for, in a sentence or two.
        recipe: How every architecture is trained.
        seeds: Training seeds, built in this order.
        architectures: None for every class of the space, or the number of classes to draw at random.
        source: Provenance of the images.
        licence: Licence of the table.
        citation: What to cite.
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


def shipped() -> dict[str, Path]:
    """Plans that come with the suite, by table id."""
    folder = Path(str(files("data_builders") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_plan(name_or_path: str) -> Plan:
    """Read a plan: a shipped one by its table id, or a TOML file by its path.

    Raises:
        UnknownNameError: Neither a shipped plan nor a file, or an unknown key in the file.
        InvalidArgumentError: The file is no valid TOML, or a value is impossible.
    """
    path = shipped().get(name_or_path, Path(name_or_path))
    try:
        document = tomllib.loads(path.read_text())
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UnknownNameError(
            f"no plan is called {name_or_path!r} and no file has that path{one_of(name_or_path, shipped())}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"{path} is no valid TOML: {error}") from error
    recipe = _construct(Recipe, document.pop("recipe", {}), f"{path}, section [recipe]")
    seeds = document.pop("seeds", [0])
    if (
        not isinstance(seeds, list)
        or not seeds
        or not all(type(s) is int and 0 <= s < 2**31 for s in seeds)
    ):
        raise InvalidArgumentError(
            f"{path}: seeds = {seeds!r} must be a list of integers in 0..{2**31 - 1}"
        )
    return _construct(
        Plan, document | {"recipe": recipe, "seeds": tuple(dict.fromkeys(seeds))}, str(path)
    )


def _construct(kind: Any, values: dict[str, Any], where: str) -> Any:
    known = {field.name for field in fields(kind)}
    for name in values:
        if name not in known:
            raise UnknownNameError(f"{where}: unknown key {name!r}{one_of(name, sorted(known))}")
    try:
        return kind(**values)
    except TypeError as error:
        missing = str(error).partition("argument")[2].lstrip("s: ")
        raise InvalidArgumentError(f"{where}: missing {missing}") from error
