"""The published HDF5 files of FCNet: learning curves of every training.

``fcnet_protein_structure_data.hdf5`` has one group per configuration, named by its JSON with sorted
keys. Its data sets are ``valid_mse`` and ``train_mse`` (4 trials, 100 epochs), ``runtime``,
``final_test_error`` and ``n_params`` (4 trials). The file is read group by group.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.archives.damage import HDF5, check_kind, damage, shown
from data_builders.importer import Progress
from data_builders.importers.arrays import arch_column
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
from data_builders.importers.parts import Parts
from data_builders.importers.recipes import with_digest
from nasbench.column import Column
from nasbench.errors import (
    ArchiveError,
    IllegalArchError,
    InvalidArgumentError,
    one_of,
)
from nasbench.registry import require
from nasbench.space import Arch
from nasbench.spaces.fcnet import FCNet
from nasbench.storage.files import file_digest
from nasbench.tables.columns import list_items
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

CURVES = ("valid_mse", "train_mse")
BLOCK = 4096
LAYOUT = 1
LONGEST_NAME = 1 << 10
"""Characters of the name of a group: a configuration as JSON has about 200."""
CHUNK = 1 << 20
"""Bytes of a chunk of a data set, which has at most 3,200."""
STORED = 1 << 16
"""Bytes of a chunk as it is stored; a filter can make a thousand times as many of them."""
_WIDTHS = {"valid_mse": EPOCHS, "train_mse": EPOCHS, "test_mse": 1, "seconds": 1}
_NAME = re.compile(r"fcnet_(\w+)_data\.hdf5")
_DATASETS = {dataset.stem: dataset for dataset in DATASETS}


@dataclass(frozen=True, slots=True)
class Archive:
    """A published file.

    Attributes:
        path: Path of the file.
        dataset: Its data set.
        sha256: SHA-256 of the file.
    """

    path: Path
    dataset: Dataset
    sha256: str


@dataclass(frozen=True, slots=True)
class Groups:
    """An open file.

    Attributes:
        archive: The file.
        h5py: The module h5py.
        file: The open ``h5py.File``.
        names: Names of the groups by architecture, sorted by rank.
    """

    archive: Archive
    h5py: Any
    file: Any
    names: dict[Arch, str]


def archives(files: Sequence[Path]) -> list[Path]:
    """Return the HDF5 files in the one given folder, or all files if one of them is HDF5."""
    if len(files) == 1 and files[0].is_dir():
        return sorted(path for path in files[0].iterdir() if _NAME.fullmatch(path.name))
    return list(files) if any(path.suffix in (".hdf5", ".h5") for path in files) else []


def tables(files: Sequence[Path], folder: Path, progress: Progress) -> Iterator[Draft]:
    """Yield one table per file.

    Raises:
        InvalidArgumentError: Something else is among the files.
        MissingExtraError: h5py is not installed.
        ArchiveError: A file is damaged or not in the layout of the archive.
    """
    found = _archives(files)
    h5py = require("h5py", "reading HDF5 files")
    parts = Parts(folder, {"layout": LAYOUT, "files": [archive.sha256 for archive in found]})
    with ExitStack() as stack:
        blocks = [
            (groups, list(groups.names)[first : first + BLOCK])
            for groups in [stack.enter_context(_open(archive, h5py)) for archive in found]
            for first in range(0, len(groups.names), BLOCK)
        ]
        makers = [partial(read, groups, archs) for groups, archs in blocks]
        total = sum(len(archs) for _, archs in blocks)
        done = 0
        for number, make in enumerate(makers):
            done += len(parts.get(number, make))
            progress(done, total)
        for archive in found:
            yield imported(
                [
                    parts.get(number, makers[number])
                    for number, (groups, _) in enumerate(blocks)
                    if groups.archive is archive
                ],
                archive,
            )
    parts.remove()


def _archives(files: Sequence[Path]) -> list[Archive]:
    found: dict[str, Archive] = {}
    for path in files:
        match = _NAME.fullmatch(path.name)
        if path.is_file() and path.suffix in (".hdf5", ".h5"):
            check_kind(path, "a published HDF5 file", HDF5)
        if match is None or match[1] not in _DATASETS or not path.is_file():
            names = [f"fcnet_{stem}_data.hdf5" for stem in _DATASETS]
            raise InvalidArgumentError(
                f"{path} is not an HDF5 file of FCNet ({ARCHIVE}){one_of(path.name, names)}"
            )
        if match[1] in found:
            raise InvalidArgumentError(f"{found[match[1]].path} and {path} are the same data set")
        found[match[1]] = Archive(path, _DATASETS[match[1]], _digest(path))
    return list(found.values())


def _digest(path: Path) -> str:
    check_kind(path, "a published HDF5 file", HDF5)
    with damage(str(path)):
        return file_digest(path)


# Reading a file


@contextmanager
def _open(archive: Archive, h5py: Any) -> Iterator[Groups]:
    with damage(str(archive.path)):
        file = h5py.File(archive.path, "r")
    with file:
        yield Groups(archive, h5py, file, _names(file, str(archive.path)))


def _names(file: Any, where: str) -> dict[Arch, str]:
    space = FCNet()
    found: dict[Arch, str] = {}
    with damage(where):
        if not 0 < len(file) <= CONFIGURATIONS:
            raise ArchiveError(
                f"{where} has {len(file)} groups, possible are 1..{CONFIGURATIONS:,}"
            )
        for name in file:
            if len(name) > LONGEST_NAME:
                raise ArchiveError(f"{where}: {shown(name)!r} is not a configuration")
            try:
                arch = space.from_text(name)
            except IllegalArchError as error:
                raise ArchiveError(f"{where}: {shown(error, 500)}") from error
            if arch in found:
                raise ArchiveError(f"{where}: {found[arch]} and {name} are the same configuration")
            found[arch] = name
    return dict(sorted(found.items()))


def read(groups: Groups, archs: Sequence[Arch]) -> pa.Table:
    """Return one row per configuration: errors and seconds of its trainings, single precision.

    Raises:
        ArchiveError: The file is damaged or not in the layout of the archive.
    """
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in _WIDTHS}
    for arch in archs:
        where = f"{groups.archive.path}, {groups.names[arch]}"
        with damage(where):
            _check_count(groups, arch, where)
            for name in CURVES:
                rows[name].append(_errors(groups, arch, name, (TRIALS, EPOCHS), where))
            rows["test_mse"].append(_errors(groups, arch, "final_test_error", (TRIALS,), where))
            seconds = _numbers(groups, arch, "runtime", (TRIALS,), where)
            if not ((seconds >= 0) & (seconds < LONGEST)).all():
                raise ArchiveError(
                    f"{where}: runtime is {seconds.tolist()}, which are not possible seconds"
                )
            rows["seconds"].append(seconds.astype(np.float32))
    columns = {name: _fixed_size_lists(np.stack(values)) for name, values in rows.items()}
    return pa.table({"arch": arch_column(np.array(archs)), **columns})


def _fixed_size_lists(values: NDArray[np.float32]) -> Any:
    items = pa.array(values.ravel())
    return pa.FixedSizeListArray.from_arrays(items, values[0].size)


def _check_count(groups: Groups, arch: Arch, where: str) -> None:
    expected = parameters(arch, groups.archive.dataset)
    counts = _numbers(groups, arch, "n_params", (TRIALS,), where)
    if (counts != expected).any():
        raise ArchiveError(
            f"{where}: n_params is {counts.tolist()}, but the network has {expected} parameters"
        )


def _errors(
    groups: Groups, arch: Arch, name: str, shape: tuple[int, ...], where: str
) -> NDArray[np.float32]:
    values = _numbers(groups, arch, name, shape, where)
    if (values < 0).any():
        raise ArchiveError(f"{where}: {name} has {values.min()}, but an error is at least 0")
    return errors(values)


def _numbers(
    groups: Groups, arch: Arch, name: str, shape: tuple[int, ...], where: str
) -> NDArray[np.float64]:
    """Return the numbers of a data set, which must be in the file itself."""
    h5py, group = groups.h5py, _member(groups, groups.file, groups.names[arch], where)
    if not isinstance(group, h5py.Group):
        raise ArchiveError(f"{where} is not a group")
    found = _member(groups, group, name, where)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiu":
        raise ArchiveError(f"{where}: {name} holds no numbers")
    if found.is_virtual or found.external:
        raise ArchiveError(f"{where}: the numbers of {name} are in another file")
    if found.shape != shape:
        raise ArchiveError(f"{where}: {name} has the shape {found.shape}, not {shape}")
    _check_chunks(h5py, found, f"{where}: {name}")
    values: NDArray[np.float64] = found[()].astype(np.float64)
    return values


def _check_chunks(h5py: Any, found: Any, where: str) -> None:
    """Refuse a data set of which more is made on reading than its numbers."""
    if found.chunks is None:
        return
    layout = found.id.get_create_plist()
    filters = [layout.get_filter(number)[0] for number in range(layout.get_nfilters())]
    known = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
    if not set(filters) <= {*known} or len(set(filters)) < len(filters):
        raise ArchiveError(f"{where} is compressed by other filters than gzip")
    stored = [found.id.get_chunk_info(i).size for i in range(min(found.id.get_num_chunks(), 1024))]
    if math.prod(found.chunks) * found.dtype.itemsize > CHUNK or max(stored, default=0) > STORED:
        raise ArchiveError(f"{where} is stored in chunks that are larger than its numbers")


def _member(groups: Groups, group: Any, name: str, where: str) -> Any:
    """Return a member of a group, which must not be a link to another place."""
    link = group.get(name, getlink=True)
    if link is None:
        raise ArchiveError(f"{where} has no {name!r}{one_of(name, list(group)[:20])}")
    if not isinstance(link, groups.h5py.HardLink):
        raise ArchiveError(f"{where}: {name!r:.80} is a link to another place")
    return group[name]


# The table


def imported(blocks: list[pa.Table], archive: Archive) -> Draft:
    """Return the table of one data set.

    Args:
        blocks: Results of :func:`read`, in the order of the architectures.
        archive: The file that they come from.
    """
    table = pa.concat_tables(blocks)
    archs = list_items(table["arch"].combine_chunks()).reshape(len(table), -1)
    values = {
        name: list_items(table[name].combine_chunks()).reshape(len(table), TRIALS, width)
        for name, width in _WIDTHS.items()
    }
    share = np.arange(1, EPOCHS + 1) / EPOCHS
    values["seconds"] = (values["seconds"] * share).astype(np.float32)
    diverged = np.isnan(values["valid_mse"][:, :, -1])
    return Draft(
        metadata=_metadata(archive, complete=len(table) == CONFIGURATIONS),
        runs=runs_table(archs, diverged, values),
        archs=archs_table(archs, archive.dataset),
        columns=_columns(),
    )


def _columns() -> tuple[Column, ...]:
    error = "mean squared error of the standardised target"
    test = error_column(
        "test", f"{error} on the test set, after the last epoch only (final_test_error)"
    )
    return (
        error_column(
            "valid",
            f"{error} on the validation set, after every epoch, in single precision; not bounded, "
            "so compare ranks or logarithms; NaN where it is no number",
        ),
        error_column("train", f"{error} on the training set during the epoch, with dropout"),
        replace(test, epochs={EPOCHS: [EPOCHS]}),
        Column.of(
            "seconds",
            "wall-clock seconds with a validation after every epoch and one test at the end; only "
            "the total is in the archive (runtime), of which epoch e is charged the linear share "
            f"e / {EPOCHS}",
        ),
        parameters_column(),
    )


def _metadata(archive: Archive, *, complete: bool) -> Metadata:
    dataset = archive.dataset
    return Metadata(
        id=f"fcnet-{dataset.name}-curves",
        space=FCNet.name,
        key="arch",
        dataset=dataset.stem,
        epochs={EPOCHS: list(range(1, EPOCHS + 1))},
        complete=complete,
        default_objective="valid_mse",
        title=f"FCNet on {dataset.title}: published learning curves of 100 epochs",
        description=(
            "Learning curves and test errors of four trainings of every joint choice of "
            "architecture and training of a small network for regression: good for methods that "
            "stop or resume trainings. Seconds of an epoch are a share of one total."
        ),
        seeds="number of the trial in the order of the archive; random seeds are not in it",
        elsewhere=f"validation errors after 100 epochs ship with this suite: fcnet-{dataset.name}",
        recipe=with_digest(dataset.recipe, f"{archive.path.name} of 2019"),
        source=f"{ARCHIVE}: {archive.path.name} (sha256 {archive.sha256}); {REPOSITORY}",
        licence="BSD-3-Clause",
        citation=CITATION,
    )
