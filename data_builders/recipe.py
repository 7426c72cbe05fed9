"""The recipe of a training, with the hash that every shard and table carries."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from data_builders.values import MAX_SEED, construct, has_type, refuse_unless
from nasbench.errors import InvalidArgumentError
from nasbench.storage.files import json_digest

LATENCY_BATCH = 1
"""Examples of the answer that a table's latency is of."""
_KINDS: Mapping[Any, str] = {
    int: "an integer",
    float: "a number that float32 holds",
    bool: "true or false",
    str: "text",
}
_AT_LEAST_ONE = (
    *("channels", "cells", "box_mean", "train", "valid", "test", "epochs", "batch"),
    *("width", "heads"),
)
_MOST: Mapping[str, int] = {
    **dict.fromkeys(("channels", "width", "heads"), 4_096),
    **dict.fromkeys(("box_mean", "crop"), 1_024),
    "cells": 256,
    "epochs": 100_000,
    "batch": 2**20,
}
"""Of sizes; other integers end with ``MAX_SEED``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(ABC):
    """How to train one architecture: what the recipes of images and of sequences share.

    Attributes:
        network: Name of the trainable network (``lite201``, ``seqmix``, …).
        train: Training examples an epoch; a multiple of ``batch``.
        valid: Number of validation examples.
        test: Number of test examples.
        epochs: Length of the training.
        batch: Examples a step.
        learning_rate: The largest learning rate.
        weight_decay: Coefficient of the decay, applied to every parameter.

    Raises:
        InvalidArgumentError: A value has the wrong type or is out of range.
    """

    seeded: ClassVar[str]
    """What a seed decides beside initial values."""

    network: str
    train: int
    valid: int
    test: int
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type not in _KINDS:
                continue
            value, possible = getattr(self, field.name), _KINDS[field.type]
            valid = has_type(value, field.type)
            if field.type in (int, float):
                low = 1 if field.name in _AT_LEAST_ONE else 0
                high = _MOST.get(field.name, MAX_SEED)
                possible += f" from {low} to {high}" if field.type is int else f", at least {low}"
                valid = valid and low <= value and (field.type is float or value <= high)
            refuse_unless(valid, field.name, value, possible)
            if field.type is float:  # 1 and 1.0 are one recipe with one digest
                object.__setattr__(self, field.name, float(value))
        if self.train % self.batch:
            raise InvalidArgumentError(
                f"train = {self.train} is not a multiple of batch = {self.batch}; "
                f"the nearest is {max(1, round(self.train / self.batch)) * self.batch}"
            )

    @property
    @abstractmethod
    def data(self) -> str:
        """Short name of what is trained on."""

    @property
    def steps(self) -> int:
        """Optimiser steps per epoch."""
        return self.train // self.batch

    @abstractmethod
    def digest(self, data_digest: str) -> str:
        """Return the SHA-256 of all hyperparameters and of the data, as 64 hex digits."""

    @abstractmethod
    def published(self) -> dict[str, Any]:
        """Return all hyperparameters, with nothing that is true of one machine only."""

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with some values replaced.

        Raises:
            UnknownNameError: A name is not a hyperparameter.
            InvalidArgumentError: A value has the wrong type or is out of range.
        """
        ours = {field.name: getattr(self, field.name) for field in fields(self)}
        return construct(type(self), ours | dict(values), "recipe")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe(Recipe):
    """How to train a network of images.

    The optimiser is SGD with Nesterov momentum and the loss is cross-entropy. The learning rate
    follows a cosine, step by step, down to 0.

    Attributes:
        channels: Channels of the first stage.
        cells: Cells per stage.
        dataset: Name of a data set (``digits``, ``fashion_mnist``, …; see docs/datasets.md) or the
            path of an ``.npz`` file.
        box_mean: Side of the square of pixels that is averaged into one pixel; 1 keeps the images.
        split_seed: Selects which images form the three parts.
        momentum: Nesterov momentum.
        weight_decay: L2 coefficient, applied to every parameter.
        flip: Whether to mirror images left to right with probability 1/2.
        crop: Pixels of zero padding from which a crop of the original size is drawn; 0 for none.
    """

    seeded: ClassVar[str] = "data order"

    channels: int
    cells: int
    dataset: str
    box_mean: int = 1
    split_seed: int = 0
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    flip: bool = False
    crop: int = 0

    @property
    def data(self) -> str:
        return Path(self.dataset).name.removesuffix(".npz")

    def digest(self, data_digest: str) -> str:
        return json_digest(asdict(self) | {"dataset": data_digest})

    def published(self) -> dict[str, Any]:
        """Return all hyperparameters, with a data set's path shortened to its file name."""
        return asdict(self) | {"dataset": Path(self.dataset).name}
