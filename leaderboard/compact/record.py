"""Compact records: their files, read and written."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from leaderboard.command import ranges
from leaderboard.compact.check import faults
from leaderboard.compact.rows import Rows, check_types, read_rows, to_table
from leaderboard.courses import Course
from nasbench.benchmark import Benchmark
from nasbench.errors import RecordError, first_line
from nasbench.runs.manifest import Manifest
from nasbench.runs.parts import to_table as trials_table
from nasbench.runs.records import Records
from nasbench.runs.run import Run
from nasbench.storage.documents import parse_json
from nasbench.storage.files import atomic
from nasbench.tables.hashes import numbers_hash

SUFFIX = ".compact.parquet"
FORMAT = 1
MOST_SEEDS = 1_000_000
MOST_VERSIONS = 100

_RECORD = b"record"
_SPLIT = ("evaluation", "second", "trial", "spent")
_KEYS = {"format", "manifest", "seeds", "rows", "versions", "partial", "numbers"}
_SEEDS = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})?(,[0-9]{1,10}(:[0-9]{1,10})?)*")
_VERSION = re.compile(r"[A-Za-z0-9.+!_-]{1,80}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


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

    def courses(self) -> list[Course]:
        """The courses."""
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
        if (
            not isinstance(said, dict)
            or said.keys() != _KEYS
            or type(said["format"]) is not int
            or said["format"] != FORMAT
        ):
            raise RecordError(f"{path} is no compact record that this version of the suite reads")
        self._said = said
        self.manifest = Manifest.decode(said["manifest"], str(path))
        versions = said["versions"]
        is_list = isinstance(versions, list) and len(versions) <= MOST_VERSIONS
        if not is_list or not all(_is(_VERSION, text) for text in versions):
            raise RecordError(f"{path}: it does not list the versions that made it")
        for name in ("rows", "numbers"):
            if not _is(_DIGEST, said[name]):
                raise RecordError(f"{path}: {name} is no SHA-256 of 64 hex digits")
        if not isinstance(said["partial"], bool):
            raise RecordError(f"{path}: it does not say whether a trial was short")
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

    @property
    def numbers(self) -> str:
        """SHA-256 of its own rows, with which :meth:`read` compares them."""
        return str(self._said["numbers"])

    def seeds(self) -> list[int]:
        """Return the recorded seeds, ascending."""
        return list(self._seeds)

    def suite_versions(self) -> list[str]:
        """Return the versions of the suite that made the runs, as far as they are recorded."""
        return list(self._said["versions"])

    def decode(self, benchmark: Benchmark) -> Rows:
        """Read the rows, whether they can be those of runs or not.

        Args:
            benchmark: The benchmark, which has the space and the losses of the incumbents.

        Raises:
            RecordError: The file is damaged, or holds other columns or impossible numbers.
            NasbenchError: The benchmark has no such training.
        """
        try:
            with pq.ParquetFile(self.folder) as file:
                table = file.read()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise RecordError(f"{self.folder} is damaged: {first_line(error)}") from error
        try:
            check_types(table, benchmark)
            if numbers_hash(table) != self._said["numbers"]:
                raise RecordError("its rows do not match their hash")
            return read_rows(table, self._seeds, benchmark, len(self.manifest.objectives))
        except RecordError as error:
            raise RecordError(f"{self.folder}: {first_line(error)}") from error

    def faults(self, rows: Rows, benchmark: Benchmark) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the rows, as :func:`leaderboard.compact.check.faults` does."""
        return faults(rows, self.manifest, benchmark, self._said["partial"])

    def content(self, rows: Rows) -> Content:
        """What rows hold in which nothing is wrong."""
        return Content(rows.courses(), self._said["partial"], self.rows)

    def read(self, benchmark: Benchmark) -> Content:
        """Read the courses.

        Args:
            benchmark: The benchmark, which has the space and the losses of the incumbents.

        Raises:
            RecordError: The file is damaged, or its rows cannot be those of runs.
            NasbenchError: The benchmark has no such training.
        """
        rows = self.decode(benchmark)
        for _, fault in self.faults(rows, benchmark):
            raise RecordError(f"{self.folder}: {fault}")
        return self.content(rows)


AnyRecord: TypeAlias = Records | CompactRecord


def file_name(manifest: Manifest) -> str:
    """Name of the file of a compact record."""
    return f"{manifest.folder_name}{SUFFIX}"


def find_compact(folder: Path) -> Iterator[Path]:
    """Iterate over the files of compact records below a folder, or the one that it is.

    Raises:
        RecordError: It is a file, but not by its name.
    """
    if folder.is_file():
        if not folder.name.endswith(SUFFIX):
            raise RecordError(
                f"{folder} is no record: records are folders, as 'nasbench run' makes, or files "
                f"*{SUFFIX}"
            )
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
        RecordError: The record is damaged or cannot be kept so: it is empty, or its space is too
            large.
        InvalidArgumentError: The file cannot be written.
    """
    runs = records.runs(seeds, verify=True)
    manifest = records.manifest
    if not any(len(run) for run in runs):
        raise RecordError(f"{records.folder}: no run has a trial")
    if prod(benchmark.space.options) >= 2**63:
        raise RecordError(
            f"{records.folder}: {benchmark.space.name!r} has too many architectures for a compact "
            "form, which keeps their ranks"
        )
    table = to_table([Course.of(run) for run in runs], benchmark)
    said = {
        "format": FORMAT,
        "manifest": manifest.encode(),
        "seeds": ranges(run.seed for run in runs),
        "rows": rows_hash(runs),
        "versions": records.suite_versions(),
        "partial": is_partial(runs, benchmark.fidelities[-1]),
        "numbers": numbers_hash(table),
    }
    path = out / manifest.benchmark / file_name(manifest)
    _write(path, table, json.dumps(said))
    return CompactRecord(path)


def compact_hash(runs: Sequence[Run], benchmark: Benchmark) -> str:
    """Return the :attr:`CompactRecord.numbers` of the compact form; empty if runs have none."""
    if prod(benchmark.space.options) >= 2**63:
        return ""
    return numbers_hash(to_table([Course.of(run) for run in runs], benchmark))


def is_partial(runs: Sequence[Run], full: int) -> bool:
    """Whether a trial is shorter than a full training."""
    return any(run.epochs.min(initial=full) < full for run in runs)


def rows_hash(runs: Sequence[Run]) -> str:
    """SHA-256 of the decoded columns of a record's runs, ordered by seed."""
    return numbers_hash(trials_table(runs).drop_columns(["inherited"]))


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


def _seeds(text: Any, path: Path) -> list[int]:
    """Seeds in the syntax of the command line, ascending.

    Raises:
        RecordError: They are not.
    """
    found: list[int] = []
    if _is(_SEEDS, text):
        for part in text.split(","):
            first, _, end = part.partition(":")
            some = range(int(first), int(end or int(first) + 1))
            if len(found) + len(some) > MOST_SEEDS:
                raise RecordError(f"{path}: it lists more than {MOST_SEEDS:,} seeds")
            found += some
    if not found or found[-1] >= 2**31 or ranges(found) != text:
        raise RecordError(f"{path}: it does not list its seeds")
    return found


def _is(pattern: re.Pattern[str], text: Any) -> bool:
    """Whether something is a text of a form."""
    return isinstance(text, str) and pattern.fullmatch(text) is not None
