"""NAS-Bench-Macro (Su et al., 2021, https://arxiv.org/abs/2103.11922).

The archive is one JSON file ``{"22212220": {"test_acc": [3 numbers], "mean_acc": …, "std": …,
"params": …, "flops": …}, …}`` from https://github.com/xiusu/NAS-Bench-Macro. It covers all 6,561
architectures, but its authors trained identical networks once; these share a record.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr
from typing import Any

import numpy as np
import pyarrow as pa

from data_builders.archives.bounded import read
from data_builders.archives.damage import JSON, check_kind, damage, reason
from data_builders.importer import Importer, Progress, silent
from data_builders.importers.recipes import with_digest
from nasbench.column import Column
from nasbench.errors import ArchiveError, InvalidArgumentError, one_of
from nasbench.space import Arch
from nasbench.spaces.nbmacro import STAGES, NBMacro
from nasbench.storage.documents import parse_json
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

FILE = "nas-bench-macro_cifar10.json"
REPOSITORY = "https://github.com/xiusu/NAS-Bench-Macro"
SHA256 = "686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297"
LIMIT = 1 << 24
CLASSES = 3969
FIELDS = ("test_acc", "mean_acc", "std", "params", "flops")
TRIALS = 3
TEST_IMAGES = 10_000
EPOCHS = 50
BLOCKS = {1: (3, 3), 2: (6, 5)}


@dataclass(frozen=True, slots=True)
class Record:
    """The archive's record of one architecture.

    Attributes:
        accuracies: Test accuracy of every training, percent.
        parameters: Number of parameters.
        macs: Multiply-adds, which the archive calls flops.
    """

    accuracies: tuple[float, ...]
    parameters: int
    macs: int


class NBMacroImporter(Importer):
    """The table of NAS-Bench-Macro."""

    name = "nbmacro"
    summary = f"NAS-Bench-Macro test accuracies on CIFAR-10, from {FILE}: nbmacro-cifar10"
    ids = ("nbmacro-cifar10",)

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield the one table, from one file."""
        data = _read(files)
        where = str(files[0])
        records = parse(data, where)
        progress(1, 2)
        check(records, where)
        progress(2, 2)
        yield imported(records, hashlib.sha256(data).hexdigest())


def _read(files: Sequence[Path]) -> bytes:
    wanted = f"give {FILE} from {REPOSITORY}"
    if len(files) != 1:
        raise InvalidArgumentError(f"{len(files)} files are given, 1 is needed: {wanted}")
    path = files[0]
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise InvalidArgumentError(f"{path} {problem}: {wanted}")
    check_kind(path, FILE, JSON)
    with damage(str(path)), path.open("rb") as file:
        return read(file, LIMIT, f"{path} is not {FILE}: it")


def parse(data: bytes, where: str) -> dict[Arch, Record]:
    """Return the content of the file by architecture.

    Raises:
        ArchiveError: The data are not JSON, or not in the layout of the archive.
    """
    space = NBMacro()
    records = {}
    for key, row in _load_object(data, where).items():
        if not re.fullmatch("[0-2]{8}", key):
            raise ArchiveError(f"{where}: {repr(key):.80} is not a text of 8 digits 0..2")
        records[space.from_text(key)] = _record(row, f"{where}, architecture {key}")
    return records


def _load_object(data: bytes, where: str) -> dict[str, Any]:
    try:
        content = parse_json(data)
    except ValueError as error:
        raise ArchiveError(f"{where} is not a JSON file, or is damaged: {reason(error)}") from error
    if not isinstance(content, dict) or not content:
        raise ArchiveError(f"{where} holds {repr(content):.80} instead of architectures")
    return content


def _record(row: object, where: str) -> Record:
    if not isinstance(row, dict):
        raise ArchiveError(f"{where} is {repr(row):.80}, not an object of {FIELDS}")
    for name in FIELDS:
        if name not in row:
            raise ArchiveError(f"{where} has no {name!r}, only {repr(sorted(row)):.80}")
    for name in row:
        if name not in FIELDS:
            raise ArchiveError(f"{where} has an unknown {repr(name):.80}{one_of(name, FIELDS)}")
    accuracies = row["test_acc"]
    if not isinstance(accuracies, list) or len(accuracies) != TRIALS:
        raise ArchiveError(f"{where}: test_acc is {repr(accuracies):.80}, not 3 numbers")
    for name, value in (
        *(("test_acc", accuracy) for accuracy in accuracies),
        ("mean_acc", row["mean_acc"]),
        ("std", row["std"]),
    ):
        if not isinstance(value, float) or not 0 <= value <= 100:
            raise ArchiveError(f"{where}: {name} is {repr(value):.80}, not a number in 0..100")
    for name in ("params", "flops"):
        if type(row[name]) is not int:
            raise ArchiveError(f"{where}: {name} is {repr(row[name]):.80}, not an integer")
    for name, value in (("mean_acc", np.mean(accuracies)), ("std", np.std(accuracies))):
        if abs(row[name] - value) > 1e-9:
            raise ArchiveError(f"{where}: {name} is {row[name]}, but its test_acc gives {value}")
    return Record(tuple(accuracies), row["params"], row["flops"])


def check(records: Mapping[Arch, Record], where: str) -> None:
    """Compare the records with what is known of the archive.

    Raises:
        ArchiveError: Something differs.
    """
    space = NBMacro()
    first: dict[Arch, Arch] = {}
    for arch, record in records.items():
        text = space.to_text(arch)
        for accuracy in record.accuracies:
            right = accuracy * TEST_IMAGES / 100
            if abs(right - round(right)) > 0.1 or float(np.float32(accuracy)) != accuracy:
                raise ArchiveError(
                    f"{where}, architecture {text}: {accuracy} is not a float32 percentage of "
                    f"{TEST_IMAGES:,} images"
                )
        expected = cost(arch)
        if (record.parameters, record.macs) != expected:
            raise ArchiveError(
                f"{where}, architecture {text}: params and flops are {record.parameters} and "
                f"{record.macs}, but its layers give {expected[0]} and {expected[1]}"
            )
        twin = first.setdefault(space.canonical(arch), arch)
        if records[twin] != record:
            raise ArchiveError(
                f"{where}: {text} and {space.to_text(twin)} are the same network, but have "
                f"test_acc {record.accuracies} and {records[twin].accuracies}"
            )


def cost(arch: Arch) -> tuple[int, int]:
    """Return trainable parameters, and multiply-adds for one image, of the published network.

    Convolutions have no bias. Multiply-adds count neither batch normalisation nor the bias of the
    linear layer.
    """
    parameters, macs = 1280 * 10 + 10, 1280 * 10
    for inputs, outputs, kernel, groups, side in _convolutions(arch):
        weights = inputs // groups * outputs * kernel**2
        parameters += weights + 2 * outputs
        macs += weights * side**2
    return parameters, macs


def _convolutions(arch: Arch) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield input and output channels, kernel, groups and output side of every convolution."""
    side = channels = 32
    yield 3, channels, 3, 1, side
    choices = iter(arch)
    for layers in STAGES:
        for layer in range(layers):
            choice, before, inputs = next(choices), side, channels
            if layer == 0:
                side, channels = side // 2, 2 * channels
            if choice in BLOCKS:
                expansion, kernel = BLOCKS[choice]
                hidden = expansion * inputs
                yield inputs, hidden, 1, 1, before
                yield hidden, hidden, kernel, hidden, side
                yield hidden, channels, 1, 1, side
            elif layer == 0:
                yield inputs, channels, 1, 1, side
    yield channels, 1280, 1, 1, side


def imported(records: Mapping[Arch, Record], sha256: str) -> Draft:
    """Return the table.

    Args:
        records: Records by architecture as written; identical networks have equal records.
        sha256: SHA-256 of the file that the records come from.
    """
    space = NBMacro()
    classes = {space.canonical(arch): record for arch, record in records.items()}
    trials = [(a, t, record.accuracies[t]) for a, record in classes.items() for t in range(TRIALS)]
    runs = {
        "arch": _archs([arch for arch, _, _ in trials]),
        "schedule": pa.array([EPOCHS] * len(trials), pa.int32()),
        "seed": pa.array([trial for _, trial, _ in trials], pa.int32()),
        "status": pa.array(["finished"] * len(trials)),
        "test_accuracy": pa.array([[a] for _, _, a in trials], pa.list_(pa.float32())),
    }
    archs = {
        "arch": _archs(list(records)),
        "parameters": pa.array([record.parameters for record in records.values()], pa.int64()),
        "macs": pa.array([record.macs for record in records.values()], pa.int64()),
    }
    return Draft(
        metadata=_metadata(sha256, complete=len(classes) == CLASSES),
        runs=pa.table(runs),
        archs=pa.table(archs),
        columns=_columns(),
    )


def _archs(archs: list[Arch]) -> Any:
    return pa.array([list(arch) for arch in archs], pa.list_(pa.uint8(), len(NBMacro.decisions)))


def _columns() -> tuple[Column, ...]:
    return (
        Column.of(
            "test_accuracy",
            "of the 10,000 test images of CIFAR-10, as published in single precision; the "
            "published training code evaluates them after every epoch and keeps the highest of "
            "the 50 accuracies, so this is an early stopping on test images; there is no "
            "validation set",
        ),
        Column.of(
            "parameters",
            "trainable parameters, as published (params); the import recounts them from the layers",
        ),
        Column.of(
            "macs",
            "multiply-adds for one image, of convolutions and the linear layer without bias; the "
            "archive calls them flops; the import recounts them from the layers",
        ),
    )


def _metadata(sha256: str, *, complete: bool) -> Metadata:
    genuine = sha256 == SHA256
    recipe = {
        "network": "NAS-Bench-Macro: 3x3 convolution to 32 channels; stages of 2, 3, 3 layers at "
        "64, 128, 256 channels, the first layer of each with stride 2; 1x1 convolution to 1280 "
        "channels, mean, linear",
        "dataset": "cifar10",
        "train": 50_000,
        "test": TEST_IMAGES,
        "epochs": EPOCHS,
        "batch": 256,
        "optimizer": "SGD, cosine to 0 by epoch",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "flip": True,
        "crop": 4,
        "mean": [0.49139968, 0.48215827, 0.44653124],
        "deviation": [0.24703233, 0.24348505, 0.26158768],
        "selection": "highest test accuracy of the epochs",
    }
    release = f"{FILE} of 2021" if genuine else f"another file than the published {FILE}"
    return Metadata(
        id="nbmacro-cifar10",
        space=NBMacro.name,
        key="class",
        dataset="cifar10",
        epochs={EPOCHS: [EPOCHS]},
        complete=complete,
        default_objective=None,
        title="NAS-Bench-Macro on CIFAR-10: published test accuracies of 50-epoch trainings",
        description=(
            "Test accuracies of three trainings of every different network among the 6,561 "
            "architectures (3,969), with parameters and multiply-adds. Good for the structure of a "
            "small macro space. There is no validation set: a search must ask for test_accuracy "
            "by name and is selected on test. No training times: budgets are counted in trials. "
            "No learning curves."
        ),
        seeds="training seeds 0, 1, 2: the order in the archive, by the published training code",
        elsewhere=(
            f"validation accuracies, losses, curves and times were not published ({REPOSITORY} "
            "has the code to train again)"
        ),
        recipe=with_digest(recipe, release),
        source=f"{release} (sha256 {sha256}), {REPOSITORY}",
        licence="Apache-2.0",
        citation=(
            "Su, Huang, Li, You, Wang, Qian, Zhang and Xu (2021), Prioritized Architecture "
            "Sampling with Monto-Carlo Tree Search, CVPR, https://arxiv.org/abs/2103.11922"
        ),
    )
