"""The four training sets of NAS-Bench-201 and NATS-Bench, and the meaning of their columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from data_builders.importers.recipes import with_digest
from nasbench.column import Column

TOP5 = "train_top5_accuracy"
"""Column that a table has in the schedules in which all trainings have it."""

_PARAMETERS = (28_000, 243_040)  # of a 1x1 and of a 3x3 convolution in all 15 cells


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """A set of images to train networks on, with the images to evaluate them on.

    Attributes:
        name: Name in the archives.
        id: Last part of the tables' ids.
        dataset: Data set of the tables.
        title: Name for people.
        train: Number of training images.
        parts: Number of evaluation images by the archives' name of the part.
        columns: First part of the columns' names, by the archives' name of the part.
        sparse: Parts that NATS-Bench evaluates only after the last of 200 epochs.
        meaning: Meaning of a column's images, by the first part of its name.
        purpose: What the table is for.
        classes: Number of classes.
        crop: Pixels of padding before the random crop.
        mean: Means of the red, green and blue values in 0..255.
        deviation: Their standard deviations.
        parameters: Parameters of a network whose cell has no convolution.
        macs: Multiply-adds of that network, of a 1x1 and of a 3x3 convolution of the cell.
    """

    name: str
    id: str
    dataset: str
    title: str
    train: int
    parts: Mapping[str, int]
    columns: Mapping[str, str]
    sparse: frozenset[str]
    meaning: Mapping[str, str]
    purpose: str
    classes: int
    crop: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    parameters: int
    macs: tuple[int, int, int]

    @cached_property
    def curves(self) -> tuple[str, ...]:
        """Columns with one value per epoch."""
        prefixes = ("train", *self.columns.values())
        names = (f"{p}_{metric}" for p in prefixes for metric in ("accuracy", "loss"))
        return *names, TOP5, "seconds"

    @cached_property
    def seconds(self) -> Mapping[str, str]:
        """Columns with the seconds of one evaluation, by part."""
        return {
            part: f"{'validation' if prefix == 'valid' else prefix}_seconds"
            for part, prefix in self.columns.items()
        }

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Columns with one value per training."""
        published = ("published_parameters", "published_macs", "published_latency")
        return *self.seconds.values(), *published

    @property
    def objective(self) -> str | None:
        """Column for a search to optimise; None without validation images."""
        return "valid_accuracy" if "valid" in self.columns.values() else None

    @cached_property
    def costs(self) -> Mapping[tuple[int, int], tuple[int, int]]:
        """Parameters and multiply-adds by the numbers of 1x1 and 3x3 convolutions in the cell.

        Convolutions without a signal count, too.
        """
        parameters, (macs, *more) = self.parameters, self.macs
        return {
            (ones, threes): (
                parameters + ones * _PARAMETERS[0] + threes * _PARAMETERS[1],
                macs + ones * more[0] + threes * more[1],
            )
            for ones in range(7)
            for threes in range(7 - ones)
        }

    def recipe(
        self, network: Mapping[str, Any], schedules: Sequence[int], release: str
    ) -> dict[str, Any]:
        """Return every hyperparameter, with digest and release.

        Args:
            network: Hyperparameters shared by all networks of the space.
            schedules: Numbers of epochs.
            release: Name of the archive.
        """
        recipe = {
            **network,
            "dataset": self.dataset,
            "train": self.train,
            "valid": next((n for p, n in self.parts.items() if self.columns[p] == "valid"), 0),
            "epochs": list(schedules),
            "batch": 256,
            "optimizer": "SGD, Nesterov momentum, cosine to 0",
            "learning_rate": 0.1,
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "flip": True,
            "crop": self.crop,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }
        return with_digest(recipe, release)

    def texts(self) -> dict[str, str]:
        """Return the meaning of columns of networks made of cells, by name."""
        (parameters, macs), (p1, m1), (p3, m3) = (self.costs[n] for n in ((0, 0), (1, 0), (0, 1)))
        return {
            "parameters": "trainable parameters of the network as written, convolutions that no "
            f"signal passes included: {parameters} + {p1 - parameters} a + {p3 - parameters} b for "
            "a 1x1 and b 3x3 convolutions",
            "macs": "multiply-adds for one image, of convolutions and the linear layer only, "
            f"convolutions that no signal passes included: {macs} + {m1 - macs} a + {m3 - macs} b "
            "for a 1x1 and b 3x3 convolutions",
            "published_parameters": "millions of parameters, as published with this training; "
            "wrong, those of another cell, in some trainings of about 200 cells",
            "published_macs": "millions of multiply-adds, as published with this training, where "
            "they are called flop; wrong where published_parameters is",
            "published_string": "the string by which the authors of NAS-Bench-201 count 6,466 "
            "cells; see nasbench.spaces.nb201.published_string for how it differs from the 5,260 "
            "classes",
        }


NETWORK = {
    "network": "NAS-Bench-201: three stages of cells, residual blocks of stride 2 between them",
    "channels": 16,
    "cells": 5,
}
"""Hyperparameters shared by all networks made of cells."""

_HALVES = {"x-valid": "valid", "x-test": "test", "ori-test": "valtest"}
_OF_HALVES = (
    "valid and test are two halves of one set and valtest is both: searching on valtest looks at "
    "the test images."
)
_CIFAR10: dict[str, Any] = {
    "title": "CIFAR-10",
    "classes": 10,
    "crop": 4,
    "mean": (125.3, 123.0, 113.9),
    "deviation": (63.0, 62.1, 66.7),
    "parameters": 73_306,
    "macs": (7_783_050, 3_932_160, 35_389_440),
}
SETS = (
    TrainingSet(
        name="cifar10-valid",
        id="cifar10-valid",
        dataset="cifar10-valid",
        train=25_000,
        parts={"x-valid": 25_000, "ori-test": 10_000},
        columns={"x-valid": "valid", "ori-test": "test"},
        sparse=frozenset({"ori-test"}),
        meaning={
            "train": "half of the CIFAR-10 training set (25,000 images)",
            "valid": "the other half of the CIFAR-10 training set (25,000 images, x-valid)",
            "test": "the CIFAR-10 test set (10,000 images, ori-test), for networks trained on half "
            "of the training set; the accuracies that papers report are those of the training set "
            "cifar10, about 3 percentage points higher",
        },
        purpose="Search here, and look up the test accuracy of what was found in the table of the "
        "training set cifar10.",
        **_CIFAR10,
    ),
    TrainingSet(
        name="cifar10",
        id="cifar10",
        dataset="cifar10",
        train=50_000,
        parts={"ori-test": 10_000},
        columns={"ori-test": "test"},
        sparse=frozenset(),
        meaning={
            "train": "the CIFAR-10 training set (50,000 images); nothing is left for validation",
            "test": "the CIFAR-10 test set (10,000 images, ori-test)",
        },
        purpose="There are no validation images: search in the table of the training set "
        "cifar10-valid, and look up test accuracies here.",
        **_CIFAR10,
    ),
    TrainingSet(
        name="cifar100",
        id="cifar100",
        dataset="cifar100",
        title="CIFAR-100",
        train=50_000,
        parts={"x-valid": 5_000, "x-test": 5_000, "ori-test": 10_000},
        columns=_HALVES,
        sparse=frozenset({"x-valid", "x-test"}),
        meaning={
            "train": "the CIFAR-100 training set (50,000 images)",
            "valid": "half of the CIFAR-100 test set (5,000 images, x-valid)",
            "test": "the other half of the CIFAR-100 test set (5,000 images, x-test)",
            "valtest": "the whole CIFAR-100 test set (10,000 images, ori-test): the validation "
            "images and the test images together",
        },
        purpose=_OF_HALVES,
        classes=100,
        crop=4,
        mean=(129.3, 124.1, 112.4),
        deviation=(68.2, 65.4, 70.4),
        parameters=79_156,
        macs=(7_788_900, 3_932_160, 35_389_440),
    ),
    TrainingSet(
        name="ImageNet16-120",
        id="imagenet16",
        dataset="imagenet16-120",
        title="ImageNet16-120",
        train=151_700,
        parts={"x-valid": 3_000, "x-test": 3_000, "ori-test": 6_000},
        columns=_HALVES,
        sparse=frozenset({"x-valid", "x-test"}),
        meaning={
            "train": "the ImageNet16-120 training set (151,700 images of 16x16 pixels)",
            "valid": "half of the ImageNet validation images of the 120 classes (3,000, x-valid)",
            "test": "the other half of the ImageNet validation images of the 120 classes (3,000, "
            "x-test)",
            "valtest": "all ImageNet validation images of the 120 classes (6,000, ori-test): those "
            "called validation here and those called test together",
        },
        purpose=_OF_HALVES,
        classes=120,
        crop=2,
        mean=(122.68, 116.66, 104.01),
        deviation=(63.22, 61.26, 65.09),
        parameters=80_456,
        macs=(1_953_400, 983_040, 8_847_360),
    ),
)


def columns(
    images: TrainingSet,
    names: Iterable[str],
    sparse: Mapping[str, Mapping[int, list[int]]],
    texts: Mapping[str, str],
) -> tuple[Column, ...]:
    """Return the columns of a table with their meaning.

    Args:
        images: The training set of the table.
        names: Names of the columns.
        sparse: Recorded epochs of the schedules in which a curve lacks some, by column.
        texts: Meaning of single columns, in addition to those common to all archives.
    """
    texts = {
        "index": "number of the architecture in the archive, from 0",
        "latency_gpu_ms": "milliseconds of the forward pass of a batch of 256 images; mean over "
        "the trainings of the architecture; the model of the GPU is not published, and the "
        "published code stops the clock without waiting for the GPU, so that it is mostly the time "
        "to launch kernels",
        "published_latency": "seconds of the forward pass of a batch of 256 images, as published "
        "with this training",
        **texts,
    }
    for part, name in images.seconds.items():
        text = f"seconds of one evaluation of the {images.parts[part]:,} images of {part}"
        texts[name] = text + texts.get("evaluation", "")
    for split, meaning in images.meaning.items():
        if split == "train":
            meaning += "; augmented, and the mean over an epoch in which the weights change"
            texts[TOP5] = f"{meaning}; right if the class is among the five most likely"
        texts[f"{split}_accuracy"] = meaning
        texts[f"{split}_loss"] = f"{meaning}; cross-entropy, NaN where it is not finite"
    found = []
    for name in names:
        if name in texts:
            epochs = sparse.get(name, {})
            rare = "".join(
                f"; of {schedule} epochs, {'after the last only' if some else 'not recorded'}"
                for schedule, some in epochs.items()
            )
            column = replace(Column.of(name, texts[name] + rare), epochs=epochs)
            found.append(replace(column, unit="%", goal="max") if name == TOP5 else column)
    return tuple(found)
