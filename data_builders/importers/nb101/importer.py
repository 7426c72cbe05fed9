"""NAS-Bench-101 (Ying et al., 2019, https://arxiv.org/abs/1902.09635).

The archive is a TFRecord file with one record per training: a JSON list ``[module hash, epochs,
adjacency, operations, metrics]``, whose metrics are a protocol buffer in base64.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.importer import Importer, Progress, silent
from data_builders.importers.nb101.fractions import FRACTIONS, kept_fractions
from data_builders.importers.nb101.records import (
    BUDGETS,
    COLUMNS,
    END,
    METRICS,
    Cells,
    lists,
    read_block,
)
from data_builders.importers.parts import Parts, alone, blocks_folder
from data_builders.importers.recipes import with_digest
from nasbench.column import Column
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.spaces.nb101 import CELLS, NB101
from nasbench.storage.files import file_digest
from nasbench.tables.columns import list_items, to_numpy
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

REPEATS = 3
IMAGES = 9984
URL = "https://storage.googleapis.com/nasbench/"
RECORDS_A_BLOCK = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One of the two published files.

    Attributes:
        file: Name of the file.
        sha256: SHA-256 of its content.
        id: Id of its table.
        budgets: Epochs of its trainings.
        elsewhere: What the file lacks, and where to get it.
    """

    file: str
    sha256: str
    id: str
    budgets: tuple[int, ...]
    elsewhere: str

    @property
    def records(self) -> int:
        """Number of records."""
        return CELLS * len(self.budgets) * REPEATS


RELEASES = (
    Release(
        file="nasbench_full.tfrecord",
        sha256="3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c",
        id="nb101-cifar10",
        budgets=tuple(BUDGETS),
        elsewhere="losses, curves and latencies were not published",
    ),
    Release(
        file="nasbench_only108.tfrecord",
        sha256="4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
        id="nb101-cifar10-108",
        budgets=(108,),
        elsewhere=f"trainings of 4, 12 and 36 epochs are in {URL}nasbench_full.tfrecord; losses, "
        "curves and latencies were not published",
    ),
)
_WANTED = "give " + " or ".join(f"{URL}{release.file}" for release in RELEASES)


@dataclass(frozen=True, slots=True)
class Source:
    """The file to read.

    Attributes:
        path: Path as given.
        bytes: Size of the file.
        sha256: SHA-256 of its content.
    """

    path: Path
    bytes: int
    sha256: str

    @property
    def release(self) -> Release | None:
        """The published file that this is; None for any other."""
        return next((release for release in RELEASES if release.sha256 == self.sha256), None)

    def __str__(self) -> str:
        return f"{self.path} ({'the' if self.release else 'not a'} published file)"


@dataclass(frozen=True, slots=True)
class Archive:
    """All records of a file.

    Attributes:
        cells: The distinct cells.
        owners: Number of the cell of every record, shape ``(n_records,)``.
        epochs: Training length of every record, shape ``(n_records,)``.
        metrics: For each of ``METRICS``, one array of shape ``(n, 2)`` per block of records:
            half-way and at the end, accuracies in 0..1.
    """

    cells: Cells
    owners: NDArray[np.int32]
    epochs: NDArray[np.int32]
    metrics: dict[str, list[NDArray[np.float64]]]


class NB101Importer(Importer):
    """The table in ``nasbench_full.tfrecord`` or in ``nasbench_only108.tfrecord``."""

    name = "nb101"
    summary = (
        "NAS-Bench-101 on CIFAR-10, from nasbench_full.tfrecord (4, 12, 36 and 108 epochs) or "
        f"nasbench_only108.tfrecord: {', '.join(release.id for release in RELEASES)}"
    )
    ids = tuple(release.id for release in RELEASES)

    @staticmethod
    def digest(archive: Path) -> str:
        """Return the SHA-256 of a file.

        Raises:
            InvalidArgumentError: There is no such file.
            ArchiveError: It cannot be read.
        """
        with _opened([archive]) as (_, source):
            return source.sha256

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield one table; progress counts bytes of the file."""
        folder = blocks_folder(work, self.name)
        with _opened(files) as (file, source), alone(folder):
            columns = {name: str(kind) for name, kind in COLUMNS.items()}
            blocks = {"records": RECORDS_A_BLOCK, "columns": columns}
            parts = Parts(folder, {"sha256": source.sha256, "blocks": blocks})
            yield _imported(_read(file, source, parts, progress), source)
            parts.remove()


@contextmanager
def _opened(files: Sequence[Path]) -> Iterator[tuple[BufferedReader, Source]]:
    if len(files) != 1:
        raise InvalidArgumentError(f"{len(files)} files are given, 1 is needed: {_WANTED}")
    path = files[0]
    try:
        if not path.is_file():
            problem = "is not a file" if path.exists() else "does not exist"
            raise InvalidArgumentError(f"{path} {problem}: {_WANTED}")
        sha256 = file_digest(path)
        with path.open("rb") as file:
            yield file, Source(path, os.fstat(file.fileno()).st_size, sha256)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error}") from error


def _read(file: BufferedReader, source: Source, parts: Parts, progress: Progress) -> Archive:
    cells = Cells()
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ("cell", "epochs", *METRICS)}
    position = number = n_records = 0
    while position < source.bytes:

        def make(start: int = position, first: int = n_records) -> pa.Table:
            return read_block(
                file,
                str(source),
                cells,
                start=start,
                first=first,
                limit=RECORDS_A_BLOCK,
                tell=lambda done: progress(done, source.bytes),
            )

        block = parts.get(number, make)
        cells.recall(block)
        for name, arrays in columns.items():
            column = block.column(name).combine_chunks()
            is_pair = name in METRICS
            arrays.append(list_items(column).reshape(-1, 2) if is_pair else to_numpy(column))
        position = int(block.schema.metadata[END])
        n_records += len(block)
        number += 1
        progress(position, source.bytes)
    if not n_records:
        raise ArchiveError(f"{source} holds no records: {_WANTED}")
    owners, epochs = (np.concatenate(columns.pop(name)) for name in ("cell", "epochs"))
    return Archive(cells, owners, epochs, columns)


def _imported(archive: Archive, source: Source) -> Draft:
    """Return the table of an archive; repeats are numbered in the order of the records.

    Removes the metrics from the archive one by one, so that memory never holds them twice.
    """
    cells, where = archive.cells, str(source)
    release = _release(archive, source)
    budgets = np.array(release.budgets, dtype=np.int32)
    ranks = NB101().rank_many(cells.archs)
    by_rank = np.argsort(ranks)
    _check_distinct(cells, ranks[by_rank], by_rank, where)
    place = np.empty_like(by_rank)
    place[by_rank] = np.arange(len(cells))
    budget = np.searchsorted(budgets, archive.epochs)
    repeats = _repeats(archive, budget, release, where)
    order = np.argsort(place[archive.owners] * len(budgets) + budget, kind="stable")
    archs = cells.archs[by_rank]
    runs: dict[str, Any] = {
        "arch": lists(np.repeat(archs, len(budgets) * repeats, axis=0)),
        "schedule": np.tile(np.repeat(budgets, repeats), len(cells)),
        "seed": np.tile(np.arange(repeats, dtype=np.int32), len(cells) * len(budgets)),
    }
    for name in METRICS:
        values = np.concatenate(archive.metrics.pop(name))[order]
        pa.default_memory_pool().release_unused()  # memory of the blocks
        if name != "seconds":
            runs |= kept_fractions(name, values)
            values *= 100
        if name == "valid_accuracy":
            runs["status"] = _statuses(np.isnan(values[:, 1]))
        runs[name] = lists(values)
    texts = {
        "module_hash": cells.modules,
        "module_adjacency": cells.adjacency,
        "module_operations": cells.operations,
    }
    return Draft(
        metadata=_metadata(release, source, complete=len(cells) == CELLS),
        runs=pa.table(runs),
        archs=pa.table(
            {
                "arch": lists(archs),
                "index": pa.array(by_rank.astype(np.int32)),
                "parameters": pa.array(np.array(cells.parameters)[by_rank]),
                **{name: pa.array(values).take(by_rank) for name, values in texts.items()},
            }
        ),
        columns=(*_columns(), *FRACTIONS),
    )


def _release(archive: Archive, source: Source) -> Release:
    """Return the published file that has trainings of these lengths."""
    found = tuple(np.unique(archive.epochs).tolist())
    release = next((release for release in RELEASES if release.budgets == found), None)
    if release is None:
        possible = " or ".join(str(list(release.budgets)) for release in RELEASES)
        raise ArchiveError(
            f"{source} has trainings of {list(found)} epochs, but {possible} are published"
        )
    counts = len(archive.owners), len(archive.cells)
    if source.release and counts != (source.release.records, CELLS):
        raise ArchiveError(
            f"read {counts[0]:,} trainings of {counts[1]:,} cells from {source}, but it has "
            f"{source.release.records:,} of {CELLS:,}"
        )
    return release


def _check_distinct(
    cells: Cells, ranks: NDArray[np.int64], numbers: NDArray[np.int64], where: str
) -> None:
    """Refuse two cells, given by their ascending ranks, that are the same network."""
    for i in np.flatnonzero(ranks[1:] == ranks[:-1])[:1]:
        first, second = (cells.modules[number] for number in numbers[i : i + 2])
        raise ArchiveError(f"{where}: the modules {first} and {second} are the same cell")


def _repeats(archive: Archive, budget: NDArray[np.int64], release: Release, where: str) -> int:
    """Return how many trainings every cell has of every length."""
    n = len(release.budgets)
    counts = np.bincount(archive.owners * np.int64(n) + budget, minlength=len(archive.cells) * n)
    repeats = int(counts.max())
    for i in np.flatnonzero(counts != repeats)[:1]:
        raise ArchiveError(
            f"{where}: the module {archive.cells.modules[i // n]} has {counts[i]} trainings of "
            f"{release.budgets[i % n]} epochs, but others have {repeats}"
        )
    return repeats


def _statuses(diverged: NDArray[np.bool_]) -> Any:
    codes = pa.array(diverged.astype(np.int8))
    return pa.DictionaryArray.from_arrays(codes, ["finished", "diverged"]).cast(pa.string())


def _columns() -> tuple[Column, ...]:
    of = (
        f"images, percent of {IMAGES:,} (39 batches of 256): the published number of single "
        "precision times 100 in double precision, so that dividing by 100 gives it back to the "
        "last digit; half-way and at the end"
    )
    return (
        Column.of("train_accuracy", f"of 10,000 fixed training {of}"),
        Column.of("valid_accuracy", f"of the validation {of}"),
        Column.of("test_accuracy", f"of the test {of}"),
        Column.of(
            "seconds",
            "measured seconds of training since its start, half-way and at the end; evaluations "
            "not included",
        ),
        Column("index", description="number of the cell in the order of the file, from 0"),
        Column.of("parameters", "trainable parameters of the network, as published"),
        Column("module_hash", description="name of the cell in the published file"),
        Column(
            "module_adjacency",
            description="adjacency of the cell as published: V rows of V digits one after the "
            "other, row = source; vertices may be numbered otherwise than in 'arch', which is the "
            "representative of the class",
        ),
        Column(
            "module_operations",
            description="operations of the vertices of module_adjacency, input and output included",
        ),
    )


def _metadata(release: Release, source: Source, *, complete: bool) -> Metadata:
    lengths = ", ".join(map(str, release.budgets))
    name = release.file if source.release else f"another file than the published {release.file}"
    recipe = {
        "network": "NAS-Bench-101: 3x3 convolution to 128 channels; three stacks of three cells, "
        "2x2 max pooling and twice the channels before the second and the third; mean, linear",
        "dataset": "cifar10",
        "train": 40_000,
        "valid": 10_000,
        "test": 10_000,
        "evaluated": IMAGES,
        "budgets": list(release.budgets),
        "batch": 256,
        "optimizer": "RMSProp, cosine to 0 by step, 0 at step 0",
        "learning_rate": 0.2,
        "momentum": 0.9,
        "epsilon": 1.0,
        "weight_decay": 1e-4,
        "weight_decay_of": "all trainable variables",
        "batch_norm_momentum": 0.997,
        "batch_norm_epsilon": 1e-5,
        "flip": True,
        "crop": True,
    }
    return Metadata(
        id=release.id,
        version=2,
        space=NB101.name,
        key="class",
        dataset="cifar10",
        epochs={budget: BUDGETS[budget] for budget in release.budgets},
        complete=complete,
        default_objective="valid_accuracy",
        title=f"NAS-Bench-101 on CIFAR-10: published accuracies of trainings of {lengths} epochs",
        description=(
            f"Train, validation and test accuracies half-way and at the end of trainings of "
            f"{lengths} epochs for the 423,624 cells, with measured training times and parameters; "
            "as a rule three trainings of each length. Good for comparing optimisers over cells. "
            "Every length is a training of its own, whose learning rate falls to 0: no shorter "
            "training is a part of a longer one. Not for methods that need learning curves."
        ),
        seeds=(
            "number of the repeat in the order of the file; training seeds were not published, and "
            "equal numbers at different lengths have nothing in common"
        ),
        elsewhere=release.elsewhere,
        recipe=with_digest(recipe, name)
        | {
            "input": {"name": source.path.name, "bytes": source.bytes, "sha256": source.sha256},
        },
        source=f"{name} (sha256 {source.sha256}), https://github.com/google-research/nasbench",
        licence="Apache-2.0",
        citation=(
            "Ying, Klein, Christiansen, Real, Murphy and Hutter (2019), NAS-Bench-101: Towards "
            "Reproducible Neural Architecture Search, ICML, https://arxiv.org/abs/1902.09635"
        ),
    )
