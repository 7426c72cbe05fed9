"""Training results of NAS-Bench-301 (Zela et al., 2022, https://arxiv.org/abs/2008.09777).

The archive holds one JSON file a training, ``<optimizer>/results_<n>.json`` (or
``results_<n>_ti.json``): configuration, validation and test accuracy, run time and, in the complete
logs, learning curves. NAS-Bench-x11 uses the same files. The surrogate models are pickles and are
not read.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from data_builders.archives import Entry, entries
from data_builders.importer import Importer, Progress, silent
from data_builders.importers.nb301.result import CONSTANTS, EPOCHS, parse
from data_builders.importers.parts import Parts
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.files import json_digest
from nasbench.space import Arch
from nasbench.spaces.darts import Darts
from nasbench.tables.columns import list_items, to_numpy
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Column, Metadata

RESULTS = "https://doi.org/10.6084/m9.figshare.13246952"
LOGS = "https://doi.org/10.6084/m9.figshare.13286105"
WANTED = (
    f"give the training results of NAS-Bench-301 ({RESULTS}, or with learning curves {LOGS}) as "
    "zip, tar or folder with <optimizer>/results_<n>.json; surrogate models, which are pickles, "
    "are not read"
)
LIMIT = 1 << 23
BLOCK = 1000
LAYOUT = 1
_RESULT = re.compile(r"results_([0-9]{1,9})((?:_\w+)?)\.json")
_OPTIMIZER = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Member:
    """One result file.

    Attributes:
        optimizer: Name of its folder: the optimizer that proposed the architecture.
        number: In its name.
        tail: Of its name, after the number: ``""`` or ``"_ti"``.
        entry: The file.
    """

    optimizer: str
    number: int
    tail: str
    entry: Entry

    @property
    def name(self) -> str:
        """As in the archive, without the folders above the optimizer."""
        return _name(self.optimizer, self.number, self.tail)


class NB301Importer(Importer):
    """The table of the trainings behind NAS-Bench-301."""

    name = "nb301"
    summary = (
        "NAS-Bench-301 training results on CIFAR-10, from their folders, zip or tar archives: "
        "nb301-cifar10"
    )
    ids = ("nb301-cifar10",)

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """The one table, of all folders and archives together."""
        with _members(files) as members:
            listing = json.dumps([(m.entry.where, m.entry.stamp) for m in members])
            source = {"layout": LAYOUT, "files": hashlib.sha256(listing.encode()).hexdigest()}
            parts = Parts(work / self.name, source)
            blocks = []
            for first in range(0, len(members), BLOCK):
                block = members[first : first + BLOCK]
                blocks.append(parts.get(first // BLOCK, partial(read, block)))
                progress(first + len(block), len(members))
        yield imported(pa.concat_tables(blocks))
        parts.remove()


def _name(optimizer: str, number: int, tail: str) -> str:
    return f"{optimizer}/results_{number}{tail}.json"


# Finding the files


@contextmanager
def _members(files: Sequence[Path]) -> Iterator[list[Member]]:
    """All result files, which can be read as long as the context lasts."""
    if not files:
        raise InvalidArgumentError(f"no file is given: {WANTED}")
    found: dict[str, Member] = {}
    with ExitStack() as stack:
        for path in files:
            before = len(found)
            for member in _results(stack.enter_context(entries(path, WANTED))):
                twin = found.setdefault(member.name, member)
                if twin is not member:
                    raise ArchiveError(
                        f"{twin.entry.where} and {member.entry.where} are the same result: give "
                        "every file once"
                    )
            if len(found) == before:
                raise InvalidArgumentError(f"{path} holds no result file: {WANTED}")
        yield list(found.values())


def _results(found: Sequence[Entry]) -> Iterator[Member]:
    for entry in found:
        if match := _RESULT.fullmatch(entry.parts[-1]):
            optimizer = "".join(entry.parts[-2:-1])
            if not _OPTIMIZER.fullmatch(optimizer):
                raise ArchiveError(
                    f"{entry.where} lies in no folder that is named after its optimizer, but in "
                    f"{optimizer!r:.80}; possible are letters, digits, '_', '-' and '.'"
                )
            yield Member(optimizer, int(match[1]), match[2], entry)


# Reading a file


def read(members: Sequence[Member]) -> pa.Table:
    """One row a file: what it is called, its digest, and what it says.

    Raises:
        ArchiveError: A file is damaged or not in the layout of the archive.
    """
    rows = []
    for member in members:
        data = member.entry.read(LIMIT)
        result = parse(data, member.entry.where)
        rows.append(
            {
                "optimizer": member.optimizer,
                "number": member.number,
                "tail": member.tail,
                "digest": hashlib.sha256(data).hexdigest(),
                "arch": list(result.arch),
                "valid": result.valid,
                "test": result.test,
                "seconds": result.seconds,
                "parameters": result.parameters,
                "has_curve": result.curve is not None,
                "curve": result.curve or [np.nan] * EPOCHS,
            }
        )
    return pa.Table.from_pylist(rows, schema=_BLOCK_SCHEMA)


_BLOCK_SCHEMA = pa.schema(
    {
        "optimizer": pa.string(),
        "number": pa.int32(),
        "tail": pa.string(),
        "digest": pa.string(),
        "arch": pa.list_(pa.uint8(), len(Darts.decisions)),
        "valid": pa.float64(),
        "test": pa.float64(),
        "seconds": pa.float64(),
        "parameters": pa.int64(),
        "has_curve": pa.bool_(),
        "curve": pa.list_(pa.float32(), EPOCHS),
    }
)


# The table


@dataclass(frozen=True, slots=True)
class Release:
    """What was imported.

    Attributes:
        files: Number of results.
        curves: Number of results with a learning curve of all epochs.
        optimizers: Number of folders.
        digest: SHA-256 of the sorted list of files and their digests.
    """

    files: int
    curves: int
    optimizers: int
    digest: str

    def __str__(self) -> str:
        with_curves = "with" if self.curves else "without"
        return f"{self.files:,} result files of NAS-Bench-301 {with_curves} learning curves"


def imported(results: pa.Table) -> Draft:
    """The table of all results, as :func:`read` gives them, in any order.

    Raises:
        ArchiveError: A file occurs twice, some trainings have a test accuracy and others have not,
            or the parameters of an architecture differ.
    """
    rows = results.select(["optimizer", "number", "tail"]).to_pylist()
    order = sorted(range(len(rows)), key=lambda row: tuple(rows[row].values()))
    results = results.take(pa.array(order))
    names = [_name(**rows[row]) for row in order]
    archs = [tuple(arch) for arch in results["arch"].to_pylist()]
    digest = _check_digests(names, results["digest"].to_pylist())
    files: dict[Arch, list[str]] = {}
    seeds = []
    for arch, name in zip(archs, names, strict=True):
        seeds.append(len(files.setdefault(arch, [])))
        files[arch].append(name)
    valid, test, seconds = (to_numpy(results[name]) for name in ("valid", "test", "seconds"))
    diverged = np.isnan(valid)
    n_curves = sum(results["has_curve"].to_pylist())
    runs = {
        "arch": _archs(archs),
        "schedule": pa.array([EPOCHS] * len(archs), pa.int32()),
        "seed": pa.array(seeds, pa.int32()),
        "status": pa.array(np.where(diverged, "diverged", "finished").tolist()),
        "valid_accuracy": _lists(valid[:, None]),
    }
    if _has_test(test, diverged, names):
        runs["test_accuracy"] = _lists(np.where(diverged, np.nan, test)[:, None])
    epochs = np.array([EPOCHS])
    if n_curves:
        epochs = np.arange(1, EPOCHS + 1)
        curves = list_items(results["curve"].combine_chunks())
        runs["valid_accuracy_curve"] = _lists(curves.reshape(-1, EPOCHS))
    runs["seconds"] = _lists((seconds[:, None] * (epochs / EPOCHS)).astype(np.float32))
    release = Release(len(names), n_curves, len(set(results["optimizer"].to_pylist())), digest)
    return Draft(
        metadata=_metadata(release),
        runs=pa.table(runs),
        archs=_archs_table(files, archs, names, results["parameters"].to_pylist()),
        columns=_columns(release),
    )


def _check_digests(names: list[str], digests: list[str]) -> str:
    """Digest of all files, whatever they came in."""
    first: dict[str, str] = {}
    for name, digest in zip(names, digests, strict=True):
        twin = first.setdefault(digest, name)
        if twin is not name:
            raise ArchiveError(f"{twin} and {name} are the same file: give every training once")
    listing = "".join(f"{digest}  {name}\n" for name, digest in zip(names, digests, strict=True))
    return hashlib.sha256(listing.encode()).hexdigest()


def _has_test(test: Any, diverged: Any, names: list[str]) -> bool:
    missing = np.flatnonzero(np.isnan(test) & ~diverged)
    if not missing.size:
        return bool((~diverged).any())
    if missing.size < (~diverged).sum():
        raise ArchiveError(
            f"{names[missing[0]]} has no test_accuracy, as {missing.size} of {len(names)} results; "
            "results with and without it cannot be in one table"
        )
    return False


def _archs_table(
    files: Mapping[Arch, list[str]],
    archs: list[Arch],
    names: list[str],
    parameters: list[int | None],
) -> pa.Table:
    known: dict[Arch, tuple[int, str]] = {}
    for arch, name, number in zip(archs, names, parameters, strict=True):
        if number is not None:
            other, twin = known.setdefault(arch, (number, name))
            if other != number:
                raise ArchiveError(
                    f"{twin} and {name} are the same architecture, but have model_parameters "
                    f"{other} and {number}"
                )
    optimizers = [
        ", ".join(dict.fromkeys(name.split("/")[0] for name in group)) for group in files.values()
    ]
    columns = {
        "arch": _archs(list(files)),
        "optimizer": pa.array(optimizers),
        "files": pa.array([", ".join(group) for group in files.values()]),
    }
    if known:
        numbers = [known[arch][0] if arch in known else None for arch in files]
        columns["parameters"] = pa.array(numbers, pa.int64())
    return pa.table(columns)


def _archs(archs: list[Arch]) -> Any:
    return pa.array([list(arch) for arch in archs], pa.list_(pa.uint8(), len(Darts.decisions)))


def _lists(values: Any) -> Any:
    """An ``(n_runs, n_epochs)`` array as a column of lists."""
    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))


def _columns(release: Release) -> tuple[Column, ...]:
    valid = Column.of(
        "valid_accuracy",
        "of 10,000 images held out from the training set of CIFAR-10, as published "
        "(info[0].val_accuracy), the number that the surrogates of NAS-Bench-301 predict; "
        "Auto-PyTorch, which trained the networks, reports the epoch with the highest validation "
        "accuracy, so it may exceed the end of the curve",
    )
    test = Column.of(
        "test_accuracy",
        "of the 10,000 test images of CIFAR-10, measured once, after the training",
    )
    seconds = Column.of(
        "seconds",
        "run time of the training, as published (runtime); whether validation is included, and on "
        "which GPU, is not said",
    )
    columns = (
        Column.of("parameters", "trainable parameters, as published (info[0].model_parameters)"),
        Column(
            "optimizer",
            description="optimizers that proposed the architecture, in alphabetical order",
        ),
        Column(
            "files",
            description="result files of the architecture in the archive; the first is seed 0, "
            "the next seed 1, …",
        ),
    )
    if not release.curves:
        return (valid, test, seconds, *columns)
    end = {EPOCHS: [EPOCHS]}
    share = (
        f"{seconds.description}; only the total is in the archive: epoch e is charged e / {EPOCHS} "
        "of it, as every epoch sees the same number of images"
    )
    curve = (
        "validation accuracy after every epoch (learning_curves.Train/val_accuracy), in single "
        f"precision; {release.curves:,} of {release.files:,} trainings have one: in the others it "
        "is absent, or has fewer values and does not say of which epochs"
    )
    return (
        replace(valid, epochs=end),
        replace(test, epochs=end),
        replace(seconds, description=share),
        replace(valid, name="valid_accuracy_curve", description=curve),
        *columns,
    )


def _metadata(release: Release) -> Metadata:
    recipe = {
        "network": "DARTS",
        "dataset": "cifar10",
        "train": 40_000,
        "valid": 10_000,
        "test": 10_000,
        "epochs": EPOCHS,
        **CONSTANTS,
    }
    digest = json_digest(recipe)
    elsewhere = "architectures that were not trained need a surrogate"
    if not release.curves:
        elsewhere += f"; learning curves are in the complete logs, {LOGS}"
    return Metadata(
        id="nb301-cifar10",
        space=Darts.name,
        key="arch",
        dataset="cifar10",
        epochs={EPOCHS: list(range(1, EPOCHS + 1)) if release.curves else [EPOCHS]},
        complete=False,
        default_objective="valid_accuracy",
        title="NAS-Bench-301 on CIFAR-10: the trainings that its surrogates are fitted on",
        description=(
            f"Trainings of DARTS cells from {release.optimizers} optimizers, a tiny part of the "
            "10^18 cells: good for fitting and judging regressors. A search sees the recorded "
            "architectures only, which are no uniform sample of the space: all but those of random "
            "search (rs) were proposed for being good."
        ),
        seeds=(
            "number of the training of this architecture, from 0, in the order of optimizer and "
            "file number (see the column files); random seeds are not in the archive"
        ),
        elsewhere=elsewhere,
        recipe=recipe | {"digest": digest, "release": str(release)},
        source=(
            f"{release} (sha256 of the sorted list of their digests {release.digest}), {RESULTS}, "
            f"{LOGS}"
        ),
        licence="Apache-2.0",
        citation=(
            "Zela, Siems, Zimmer, Lukasik, Keuper and Hutter (2022), Surrogate NAS Benchmarks: "
            "Going Beyond the Limited Search Spaces of Tabular NAS Benchmarks, ICLR, "
            "https://arxiv.org/abs/2008.09777"
        ),
    )
