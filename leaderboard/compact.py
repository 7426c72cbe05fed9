"""Compact records: the courses of the runs of one search set-up, in one small Parquet file.

``<folder>/<benchmark>/<algorithm>-<hash of the manifest>.compact.parquet`` stands for the folder of
a full record with the same name, and makes the same row of a board. It cannot show that the other
trials follow from the benchmark: for that its seeds are run again, see
:mod:`leaderboard.submissions.compact`.

Each run is a block of rows: its incumbents, and a last row for what it paid in all, with ``arch``
-1. ``arch`` is the rank in the space; ``evaluation`` and ``second`` say when an incumbent was
found, ``training_seed`` which training answered (-1 for the mean). Columns that follow from others
are left out: ``trial`` where trials ended in the order of their starts, ``epoch`` and ``spent``
where all were full trainings, ``losses`` where they can be read from a table again.

The metadata ``record`` is a JSON object: ``format``; ``manifest``; ``seeds``, such as ``"0:500"``;
``rows``, the SHA-256 of the decoded columns of the full record, which whoever runs the same seeds
again gets as well; ``versions`` of the suite that ran it; ``partial``, whether a trial was shorter
than a full training; ``n_losses``; and ``numbers``, the SHA-256 of this file's columns.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from leaderboard.command import ranges
from leaderboard.courses import Course, Paid
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.bulk import bulk
from nasbench.errors import RecordError, first_line
from nasbench.runs.manifest import Manifest
from nasbench.runs.parts import to_table
from nasbench.runs.records import Records
from nasbench.runs.run import NONE, Run
from nasbench.space import SearchSpace
from nasbench.storage.documents import parse_json
from nasbench.storage.files import atomic
from nasbench.tables.hashes import numbers_hash

SUFFIX = ".compact.parquet"
FORMAT = 1
END = -1
"""Stands for an architecture in the last row of a run."""
MOST_SEEDS = 1_000_000

_RECORD = b"record"
_SPLIT = ("evaluation", "second", "trial", "spent")
_KEYS = {"format", "manifest", "seeds", "rows", "versions", "partial", "n_losses", "numbers"}
_INTEGERS = ("arch", "evaluation", "training_seed", "trial", "epoch", "spent")


@dataclass(frozen=True, slots=True)
class Content:
    """What a compact record holds of its runs.

    Attributes:
        kept: The courses, by ascending seed.
        partial: Whether a trial was shorter than a full training.
        rows: SHA-256 of the decoded columns of the full record.
    """

    kept: list[Course]
    partial: bool
    rows: str

    def courses(self, limit: int | None = None) -> list[Course]:
        """The courses.

        Args:
            limit: Trained epochs that count; None for all.

        Raises:
            RecordError: There is a limit: what the runs had paid by then is not kept.
        """
        if limit is not None:
            raise RecordError("a compact record keeps no course up to a number of epochs")
        return self.kept


class CompactRecord:
    """The courses of the runs of one search set-up.

    Args:
        path: File of the record.

    Attributes:
        folder: The file; named as in :class:`nasbench.runs.records.Records`.
        manifest: How the runs were made.

    Raises:
        RecordError: The file is damaged, or no compact record.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path
        try:
            said = parse_json((pq.read_schema(path).metadata or {})[_RECORD])
        except KeyError as error:
            raise RecordError(f"{path} is no compact record") from error
        except (OSError, ValueError, pa.ArrowException) as error:
            raise RecordError(f"{path} is damaged: {first_line(error)}") from error
        if not isinstance(said, dict) or said.get("format") != FORMAT or said.keys() != _KEYS:
            raise RecordError(f"{path} is no compact record that this version of the suite reads")
        self._said = said
        self.manifest = Manifest.decode(said["manifest"], str(path))
        if path.name != file_name(self.manifest):
            raise RecordError(f"{path}: the manifest does not match the hash in the file's name")
        self._seeds = list(_seeds(said["seeds"], path))

    def __repr__(self) -> str:
        made = self.manifest
        return f"<CompactRecord {made.algorithm} on {made.benchmark}: {len(self._seeds):,} seeds>"

    @property
    def rows(self) -> str:
        """SHA-256 of the decoded columns of the full record."""
        return str(self._said["rows"])

    def seeds(self) -> list[int]:
        """Return the recorded seeds, ascending."""
        return list(self._seeds)

    def suite_versions(self) -> list[str]:
        """Return the versions of the suite that made the runs, as far as they are recorded."""
        return [str(version) for version in self._said["versions"]]

    def read(self, benchmark: Benchmark) -> Content:
        """Read the courses.

        Args:
            benchmark: The benchmark, which has the space and the losses of the incumbents.

        Raises:
            RecordError: The file is damaged, or has numbers that no run has.
            NasbenchError: The benchmark has no such training.
        """
        try:
            with pq.ParquetFile(self.folder) as file:
                table = file.read()
            if numbers_hash(table) != self._said["numbers"]:
                raise RecordError(f"{self.folder} is damaged: its rows do not match their hash")
            courses = _courses(table, self._seeds, benchmark, self._said["n_losses"])
        except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise RecordError(f"{self.folder} is damaged: {first_line(error)}") from error
        return Content(courses, self._said["partial"] is True, self.rows)


AnyRecord: TypeAlias = Records | CompactRecord


def file_name(manifest: Manifest) -> str:
    """Name of the file of a compact record."""
    return f"{manifest.folder_name}{SUFFIX}"


def find_compact(folder: Path) -> Iterator[Path]:
    """Iterate over the files of compact records below a folder, or the one that it is."""
    if folder.is_file():
        yield folder
    else:
        yield from sorted(folder.rglob(f"*{SUFFIX}"))


def compact(
    records: Records, benchmark: Benchmark, out: Path, seeds: Iterable[int] | None = None
) -> CompactRecord:
    """Write the compact form of a full record.

    Args:
        records: The full record.
        benchmark: The benchmark with which it was made.
        out: Folder of compact records.
        seeds: Seeds to keep; default: all.

    Raises:
        RecordError: The record is damaged or cannot be kept so: it is empty, or boards compare it
            after a number of epochs that depends on the rows beside it.
        InvalidArgumentError: The file cannot be written.
    """
    runs = records.runs(seeds, verify=True)
    manifest = records.manifest
    if not any(len(run) for run in runs):
        raise RecordError(f"{records.folder}: no run has a trial")
    full = benchmark.fidelities[-1]
    partial = is_partial(runs, full)
    if partial and manifest.budget.trials is not None:
        raise RecordError(
            f"{records.folder}: trials of several lengths under a budget of trials have no compact "
            "form, since what boards compare depends on the other rows: give the search a budget "
            "of epochs or seconds"
        )
    if prod(benchmark.space.options) >= 2**63:
        raise RecordError(
            f"{records.folder}: {benchmark.space.name!r} has too many architectures for a compact "
            "form, which keeps their ranks"
        )
    table = _table([Course.of(run) for run in runs], benchmark)
    said = {
        "format": FORMAT,
        "manifest": manifest.encode(),
        "seeds": ranges(run.seed for run in runs),
        "rows": rows_hash(runs),
        "versions": records.suite_versions(),
        "partial": partial,
        "n_losses": runs[0].losses.shape[1],
        "numbers": numbers_hash(table),
    }
    path = out / manifest.benchmark / file_name(manifest)
    _write(path, table, json.dumps(said))
    return CompactRecord(path)


def is_partial(runs: Sequence[Run], full: int) -> bool:
    """Whether a trial is shorter than a full training."""
    return any(run.epochs.min(initial=full) < full for run in runs)


def rows_hash(runs: Sequence[Run]) -> str:
    """SHA-256 of the decoded columns of a record's runs, ordered by seed."""
    return numbers_hash(to_table(runs).drop_columns(["inherited"]))


def _write(path: Path, table: pa.Table, said: str) -> None:
    """Write a small file: no statistics, no second schema, and the densest codec of Parquet."""
    split = {name: "BYTE_STREAM_SPLIT" for name in _SPLIT if name in table.schema.names}
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(
            temporary,
            table.schema,
            compression="brotli",
            compression_level=11,
            use_dictionary=["training_seed"],
            column_encoding=split,
            write_statistics=False,
            store_schema=False,
        ) as writer,
    ):
        writer.write_table(table)
        writer.add_key_value_metadata({_RECORD: said})


def _table(courses: Sequence[Course], benchmark: Benchmark) -> pa.Table:
    """The rows of a compact record."""
    columns = {
        "arch": _flat(courses, lambda c: benchmark.space.rank_many(c.archs), lambda _: END),
        "evaluation": _flat(courses, lambda c: c.evaluations, lambda c: c.paid.trials),
        "second": _flat(courses, lambda c: c.times, lambda c: c.paid.seconds),
        "training_seed": _flat(courses, lambda c: c.training_seeds, lambda _: NONE),
        "trial": _flat(courses, lambda c: c.trials, lambda c: c.paid.trials - 1),
        "epoch": _flat(courses, lambda c: c.epochs, lambda _: benchmark.fidelities[-1]),
        "spent": _flat(courses, lambda c: c.spent, lambda c: c.paid.epochs),
    }
    for name, values in _implied(columns, benchmark).items():
        if np.array_equal(columns[name], values):
            del columns[name]
    arrays = {name: pa.array(_narrow(values)) for name, values in columns.items()}
    if not bulk(benchmark).is_exact:
        n = courses[0].losses.shape[1]
        losses = _flat(courses, lambda c: c.losses, lambda _: np.zeros(n))
        arrays["losses"] = pa.FixedSizeListArray.from_arrays(pa.array(losses.ravel()), n)
    return pa.table(arrays)


def _implied(
    columns: dict[str, NDArray[Any]], benchmark: Benchmark
) -> dict[str, NDArray[np.int64]]:
    """What columns hold if they are left out: full trainings that end in the order of starts."""
    evaluations = columns["evaluation"].astype(np.int64)
    full = benchmark.fidelities[-1]
    return {
        "trial": evaluations - 1,
        "epoch": np.full(len(evaluations), full),
        "spent": full * evaluations,
    }


def _flat(courses: Sequence[Course], inside: Any, last: Any) -> NDArray[Any]:
    """A column: of each run what its incumbents have, then one more value."""
    parts = []
    for course in courses:
        parts += [np.asarray(inside(course)), np.asarray([last(course)])]
    return np.concatenate(parts)


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The values in a type that holds all of them exactly."""
    kinds = (np.float32,) if values.dtype.kind == "f" else (np.int32,)
    for kind in kinds:
        with np.errstate(over="ignore"):
            small = values.astype(kind)
        if np.array_equal(small, values):
            return small
    return values


def _courses(
    table: pa.Table, seeds: Sequence[int], benchmark: Benchmark, n_losses: int
) -> list[Course]:
    columns = {
        name: table.column(name).to_numpy().astype(np.int64)
        for name in _INTEGERS
        if name in table.schema.names
    }
    columns = _implied(columns, benchmark) | columns
    seconds = table.column("second").to_numpy().astype(np.float64)
    ranks = columns["arch"]
    ends = np.flatnonzero(ranks == END)
    if len(ends) != len(seeds) or (len(ranks) and ranks[-1] != END):
        raise ValueError("it does not hold the runs of its seeds")
    inside = ranks != END
    archs = _unranked(benchmark.space, ranks)
    losses = np.zeros((len(ranks), n_losses))
    if "losses" in table.schema.names:
        flat = table.column("losses").combine_chunks().flatten().to_numpy()
        losses = flat.reshape(len(ranks), n_losses)
    else:
        losses[inside] = _losses(
            benchmark, archs[inside], columns["epoch"][inside], columns["training_seed"][inside]
        )
    _check(columns, seconds, losses, inside)
    totals = columns["evaluation"][ends], columns["spent"][ends], seconds[ends]
    all_paid = map(Paid, *(column.tolist() for column in totals))
    return [
        Course(
            seed=seed,
            archs=archs[first:end],
            epochs=columns["epoch"][first:end].astype(np.int32),
            training_seeds=columns["training_seed"][first:end],
            losses=losses[first:end],
            trials=columns["trial"][first:end],
            evaluations=columns["evaluation"][first:end],
            spent=columns["spent"][first:end],
            times=seconds[first:end],
            paid=paid,
            counted=paid,
        )
        for seed, (first, end), paid in zip(seeds, _blocks(ends), all_paid, strict=True)
    ]


def _blocks(ends: NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last row of every run."""
    return [(a + 1, b) for a, b in pairwise([-1, *ends.tolist()])]


def _check(
    columns: dict[str, NDArray[np.int64]],
    seconds: NDArray[np.float64],
    losses: NDArray[np.float64],
    inside: NDArray[np.bool_],
) -> None:
    """Check what holds for every course.

    Raises:
        ValueError: It does not.
    """
    both = inside[:-1] & inside[1:]  # neighbours of one run
    run = inside[:-1]  # an incumbent and what follows it in its run
    ordered = (
        (np.diff(columns["evaluation"])[both] > 0).all()
        and (np.diff(columns["evaluation"])[run] >= 0).all()
        and (np.diff(columns["spent"])[run] >= 0).all()
        and (np.diff(seconds)[run] >= 0).all()
        and (columns["evaluation"][inside] > 0).all()
        and (seconds >= 0).all()
    )
    if not ordered:
        raise ValueError("its incumbents are not in the order of their ends")
    if losses.shape[1] == 1 and not (np.diff(losses[:, 0])[both] < 0).all():
        raise ValueError("an incumbent does not have a lower loss than the one before it")
    if not np.isfinite(losses).all():
        raise ValueError("an incumbent has no finite loss")


def _unranked(space: SearchSpace, ranks: NDArray[np.int64]) -> NDArray[np.integer]:
    """Architectures by rank; what stands for none is the first one."""
    some, places = np.unique(np.maximum(ranks, 0), return_inverse=True)
    archs = np.array([space.unrank(rank) for rank in some.tolist()], dtype=np.uint16)
    return np.asarray(archs.reshape(len(some), len(space.options))[places])


def _losses(
    benchmark: Benchmark,
    archs: NDArray[np.integer],
    epochs: NDArray[np.int64],
    training_seeds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Losses of trainings, from a table."""
    found = np.empty((len(archs), len(benchmark.objectives)))
    if not len(archs):
        return found
    asked = bulk(benchmark)
    places = asked.places(archs, epochs)
    keys = np.stack([epochs, training_seeds], axis=1)
    for epoch, seed in np.unique(keys, axis=0).tolist():
        some = np.flatnonzero((keys == (epoch, seed)).all(axis=1))
        found[some] = asked.evaluate(places[:, some], epoch, None if seed == NONE else seed).losses
    return found


def _seeds(text: Any, path: Path) -> list[int]:
    """Seeds in the syntax of the command line, ascending.

    Raises:
        RecordError: They are not.
    """
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, end = part.partition(":")
            some = range(int(first), int(end or int(first) + 1))
            if not some or len(found) + len(some) > MOST_SEEDS:
                raise ValueError(part)
            found += some
        if any(a >= b for a, b in pairwise(found)):
            raise ValueError(text)
    except (AttributeError, ValueError) as error:
        raise RecordError(f"{path} does not list its seeds") from error
    return found
