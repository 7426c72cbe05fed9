"""How one architecture is trained: a recipe, with a hash that every shard and table carries."""

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
        return json_digest(parts)

    def published(self) -> dict[str, Any]:
        """All hyperparameters; of a data set's path only the name."""
        return asdict(self) | {"dataset": Path(self.dataset).name}

    def changed(self, values: Mapping[str, Any]) -> "Recipe":
        """A copy with other values.

        Raises:
            UnknownNameError: No hyperparameter has that name.
            InvalidArgumentError: A value is impossible.
        """
        return construct(Recipe, asdict(self) | dict(values), "recipe")


def has_type(value: object, kind: Any) -> bool:
    """Whether a value has the type of its field; an integer is a number, a boolean is neither."""
    if kind is float:
        return type(value) in (int, float) and abs(value) <= _LARGEST  # type: ignore[arg-type]
    return type(value) is kind


def refuse_unless(possible: bool, name: str, value: object, kind: str) -> None:
    """Raise :class:`InvalidArgumentError` unless a value is possible, and say what would be."""
    if not possible:
        raise InvalidArgumentError(f"{name} = {value!r} is not possible: it must be {kind}")


def construct(kind: Callable[..., Value], values: dict[str, Any], where: str) -> Value:
    """A dataclass from a TOML section; names are checked here, values by the class."""
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
