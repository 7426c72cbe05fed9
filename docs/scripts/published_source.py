"""Where the replay of published protocols takes its numbers from: an archive, or a file of rows.

An official archive is imported by the suite, once. A CSV file such as ``nb201_12_epochs.csv.gz``
(columns ``arch``, ``valid_accuracy`` and ``seconds`` of the 12-epoch training on CIFAR-10,
``test_cifar10``, ``test_cifar100``, ``test_imagenet16``) becomes a table in a temporary folder;
the validation accuracies after 200 epochs are then those that ship with the suite.
"""

import csv
import gzip
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from published_rows import SETS, Cells

import nasbench
from data_builders.importers.table.importer import TableImporter
from nasbench.benchmarks.catalogue import catalogue
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace
from nasbench.tables.writer import write_table

ID = "nb201-12-epochs"
ARCHIVES = {
    "NATS-tss": ("nats", "nats-tss"),
    "NAS-Bench-201-v1_1": ("nb201", "nb201-v1.1"),
}
"""Importer, and beginning of the ids of its tables, by beginning of the name of an archive."""
HINT = (
    "give --archive PATH: an official archive (NATS-tss-v1_0-3ffb9-simple, its .pickle.pbz2, or "
    "NAS-Bench-201-v1_1-096897.pth), or nb201_12_epochs.csv.gz"
)


@dataclass(frozen=True, slots=True)
class Source:
    """The numbers.

    Attributes:
        name: For the page.
        clock: What the simulated clock charges for a training of 12 epochs.
        short: Ids or paths of the tables with 12-epoch scores, by data set.
        full: Ids of the tables with the 200-epoch validation accuracies, by data set.
        archs: All cells, shape ``(n_cells, 6)``.
        cells: Their accuracies after 200 epochs.
    """

    name: str
    clock: str
    short: dict[str, str]
    full: dict[str, str]
    archs: NDArray[np.int64]
    cells: Cells

    @property
    def space(self) -> SearchSpace:
        """The space of the cells."""
        return nasbench.load(self.short["cifar10"]).space

    def places(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Places of cells, shape ``(n, 6)``, in :attr:`archs`."""
        numbers = np.array(self.space.options)[::-1].cumprod()[::-1] // self.space.options
        known, asked = self.archs @ numbers, archs.astype(np.int64) @ numbers
        order = np.argsort(known)
        found: NDArray[np.int64] = order[np.searchsorted(known, asked, sorter=order)]
        return found


def default_path() -> Path:
    """Where the file of rows lies beside this repository."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("NASBENCH_SHARED", beside)) / "data/published/nb201_12_epochs.csv.gz"


def open_source(path: Path | None, folder: Path) -> Source:
    """Open an archive or a file of rows.

    Args:
        path: The archive or file; None for the file beside this repository.
        folder: An empty folder for the table made of a file of rows.

    Raises:
        InvalidArgumentError: It is absent, or is none of them.
        NasbenchError: It is damaged.
    """
    given = default_path() if path is None else path
    if not given.exists():
        raise InvalidArgumentError(f"{given} is absent: {HINT}")
    if given.name.endswith((".csv", ".csv.gz")):
        return _of_rows(given, folder)
    for beginning, (importer, prefix) in ARCHIVES.items():
        if given.name.startswith(beginning):
            return _of_archive(given, importer, prefix)
    raise InvalidArgumentError(f"{given} is no archive that is known: {HINT}")


def _of_rows(path: Path, folder: Path) -> Source:
    importer = TableImporter(
        id=ID,
        space="nb201",
        arch="arch",
        metrics=["valid_accuracy@12=valid_accuracy", "seconds@12=seconds"],
        dataset="cifar10",
    )
    (draft,) = importer.tables([path], work=folder)
    table = folder / f"{ID}.parquet"
    write_table(table, draft)
    space = nasbench.load(table).space
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    archs = np.array([space.from_text(row["arch"]) for row in rows])
    full = {name: f"nb201-{name}" for name in SETS}
    valid = {
        name: nasbench.load(id_).query_many(archs, "valid_accuracy") for name, id_ in full.items()
    }
    test = {name: np.array([float(row[f"test_{name}"]) for row in rows]) for name in SETS}
    return Source(
        name=f"`{path.name}`, and validation accuracies after 200 epochs from the shipped tables",
        clock="12 epochs of training, without the validation",
        short={"cifar10": str(table)},
        full=full,
        archs=archs,
        cells=Cells(valid, test),
    )


def _of_archive(path: Path, importer: str, prefix: str) -> Source:
    full = {name: f"{prefix}-{name}" for name in SETS} | {"cifar10": f"{prefix}-cifar10-valid"}
    tested = full | {"cifar10": f"{prefix}-cifar10"}
    if not {*full.values(), *tested.values()} <= set(catalogue()):
        command = [sys.executable, "-m", "nasbench", "import", importer, str(path)]
        if subprocess.run(command, check=False).returncode:
            raise InvalidArgumentError(f"{path} was not imported")
    benchmark = nasbench.load(full["cifar10"])
    archs = np.array(list(benchmark.space.archs()))
    valid = {n: nasbench.load(i).query_many(archs, "valid_accuracy") for n, i in full.items()}
    test = {n: nasbench.load(i).query_many(archs, "test_accuracy") for n, i in tested.items()}
    return Source(
        name=f"`{path.name}`",
        clock="12 epochs of training and one validation",
        short=full,
        full=full,
        archs=archs,
        cells=Cells(valid, test),
    )
