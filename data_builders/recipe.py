"""The recipe of a training, with the hash that every shard and table carries."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.files import json_digest

MAX_SEED = 2**31 - 1
_KINDS: Mapping[Any, str] = {
    int: "an integer",
    float: "a number that float32 holds",
    bool: "true or false",
    str: "text",
}
_LARGEST = float(np.finfo(np.float32).max)
_AT_LEAST_ONE = ("channels", "cells", "box_mean", "train", "valid", "test", "epochs", "batch")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train one architecture.

    The optimiser is SGD with Nesterov momentum and the loss is cross-entropy. The learning rate
    follows a cosine, step by step, down to 0.

    Attributes:
        network: Name of the skeleton (``lite201``).
        channels: Channels of the first stage.
        cells: Cells per stage.
        dataset: Name of a data set (``digits``, ``fashion_mnist``, …; see docs/datasets.md) or the
            path of an ``.npz`` file.
        box_mean: Side of the square of pixels that is averaged into one pixel; 1 keeps the images.
        train: Number of training images; a multiple of ``batch``.
        valid: Number of validation images.
        test: Number of test images.
        split_seed: Selects which images form the three parts.
        epochs: Length of the training.
        batch: Images per step.
        learning_rate: Learning rate of the first step.
        momentum: Nesterov momentum.
        weight_decay: L2 coefficient, applied to every parameter.
        flip: Whether to mirror images left to right with probability 1/2.
        crop: Pixels of zero padding from which a crop of the original size is drawn; 0 for none.

    Raises:
        InvalidArgumentError: A value has the wrong type or is out of range.
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
            valid = has_type(value, field.type)
            if field.type in (int, float):
                low = 1 if field.name in _AT_LEAST_ONE else 0
                possible += f", at least {low}"
                valid = valid and value >= low
            refuse_unless(valid, field.name, value, possible)
            if field.type is float:  # 1 and 1.0 are one recipe with one digest
                object.__setattr__(self, field.name, float(value))
        if self.train % self.batch:
            raise InvalidArgumentError(
                f"train = {self.train} is not a multiple of batch = {self.batch}; "
                f"the nearest is {max(1, round(self.train / self.batch)) * self.batch}"
            )

    @property
    def steps(self) -> int:
        """Optimiser steps per epoch."""
        return self.train // self.batch

    def digest(self, data_digest: str) -> str:
        """Return the SHA-256 of all hyperparameters and the split's digest, as 64 hex digits."""
        parts = asdict(self) | {"dataset": data_digest}
        return json_digest(parts)

    def published(self) -> dict[str, Any]:
        """Return all hyperparameters, with a data set's path shortened to its file name."""
        return asdict(self) | {"dataset": Path(self.dataset).name}

    def changed(self, values: Mapping[str, Any]) -> "Recipe":
        """Return a copy with some values replaced.

        Raises:
            UnknownNameError: A name is not a hyperparameter.
            InvalidArgumentError: A value has the wrong type or is out of range.
        """
        return construct(Recipe, asdict(self) | dict(values), "recipe")


def has_type(value: object, kind: Any) -> bool:
    """Return whether a value fits a field; integers count as numbers, booleans do not."""
    if kind is float:
        return type(value) in (int, float) and abs(value) <= _LARGEST  # type: ignore[arg-type]
    return type(value) is kind


def refuse_unless(possible: bool, name: str, value: object, kind: str) -> None:
    """Raise an InvalidArgumentError that says what ``kind`` is needed, unless ``possible``."""
    if not possible:
        raise InvalidArgumentError(f"{name} = {value!r} is not possible: it must be {kind}")


def construct(kind: Callable[..., Value], values: dict[str, Any], where: str) -> Value:
    """Return a dataclass made from a TOML section; the class itself checks the values.

    Raises:
        UnknownNameError: A key is not a field of the class.
        InvalidArgumentError: A required field is missing, or the class refuses a value.
    """
    known = {field.name: field.default is MISSING for field in fields(kind)}  # type: ignore[arg-type]
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
