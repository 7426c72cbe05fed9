"""Read CSV, JSON lines and Parquet files in blocks of rows, with their positions in the file."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from reprlib import repr
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data_builders.archives.bounded import Bounded, Budget
from data_builders.archives.damage import EMPTY, GZIP, JSON, PARQUET, check_kind, reason
from data_builders.importer import Progress
from nasbench.errors import ArchiveError, InvalidArgumentError, one_of
from nasbench.tables.columns import is_list

CELLS = 1 << 20
LONGEST_LINE = 1 << 24
_CHARACTERS = 1 << 26
_MOST_BLANK = 1 << 16


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of a file.

    Attributes:
        places: Line number, or row number in Parquet, of each row; from 1, shape ``(n,)``.
        columns: Cells by column name: texts, numbers or lists of integers, null where empty.
    """

    places: NDArray[np.int64]
    columns: dict[str, Any]


Reader: TypeAlias = Callable[[Path, Sequence[str], Progress], Iterator[Rows]]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes:
        place: Unit in which rows are counted.
        typed: Whether the format tells the text ``"1"`` from the number 1.
        read: Yields the rows, restricted to the named columns.
    """

    place: Literal["line", "row"]
    typed: bool
    read: Reader


def format_of(path: Path) -> Format:
    """Return the format of a file by the end of its name.

    Raises:
        InvalidArgumentError: The file does not exist, or its name ends in another way.
        ArchiveError: It is evidently something else, such as an HTML page.
    """
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise InvalidArgumentError(f"{path} {problem}")
    name = path.name.lower()
    for end, kind in FORMATS.items():
        if name.endswith(end):
            is_text = kind.place == "line"
            kinds = (GZIP,) if name.endswith(".gz") else (JSON, EMPTY) if is_text else (PARQUET,)
            check_kind(path, f"a file of rows in {end}", *kinds)
            return kind
    raise InvalidArgumentError(
        f"{path} is not named like a file of rows{one_of(path.suffix, FORMATS)}"
    )


def _csv(path: Path, names: Sequence[str], progress: Progress, *, delimiter: str) -> Iterator[Rows]:
    with _damage(path):
        lines = _Lines(path, progress)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        width, positions = 0, list[int]()
        places, rows = list[int](), list[list[str]]()
        for place, row in _records(reader, lines, path):
            if not width:
                header = [name.strip() for name in row]
                width, positions = len(row), [_position(name, header, path) for name in names]
                continue
            if len(row) != width:
                raise ArchiveError(
                    f"{path}, line {place} has {len(row)} cells, the header has {width}"
                )
            places.append(place)
            rows.append([row[position] for position in positions])
            if len(rows) * len(names) >= CELLS or lines.characters > _CHARACTERS:
                yield _text_rows(names, places, rows)
                places, rows = [], []
                lines.characters = 0
        if rows:
            yield _text_rows(names, places, rows)


def _records(reader: Any, lines: "_Lines", path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file that are not blank, with the line on which each begins."""
    while True:
        place = reader.line_num + 1
        lines.in_row = 0
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise ArchiveError(f"{path}, line {place}: {error}") from error
        if row is None:
            return
        if row:
            yield place, row


def _text_rows(names: Sequence[str], places: list[int], rows: list[list[str]]) -> Rows:
    columns = zip(*rows, strict=True)
    cells = {
        name: pa.array([cell.strip() or None for cell in column], pa.string())
        for name, column in zip(names, columns, strict=True)
    }
    return Rows(np.array(places, dtype=np.int64), cells)


def _position(name: str, header: Sequence[str], path: Path) -> int:
    if header.count(name) != 1:
        problem = f"{header.count(name)} columns" if name in header else "no column"
        shown = [f"{text:.60}" for text in header]
        raise InvalidArgumentError(f"{path} has {problem} {name!r}{one_of(name, shown)}")
    return header.index(name)


def _json(path: Path, names: Sequence[str], progress: Progress) -> Iterator[Rows]:
    with _damage(path):
        missing, seen = set(names), dict[str, None]()
        places, rows = list[int](), list[list[Any]]()
        lines = _Lines(path, progress)
        for place, line in enumerate(lines, start=1):
            lines.in_row = 0
            if not line.strip():
                continue
            row = _parse_object(line, f"{path}, line {place}")
            if missing:
                missing -= row.keys()
                seen.update(dict.fromkeys(row))
            places.append(place)
            rows.append([row.get(name) for name in names])
            if len(rows) * len(names) >= CELLS or lines.characters > _CHARACTERS:
                yield _json_rows(names, places, rows, path)
                places, rows = [], []
                lines.characters = 0
        if seen:
            for name in sorted(missing):
                _position(name, list(seen), path)
        if rows:
            yield _json_rows(names, places, rows, path)


def _json_rows(names: Sequence[str], places: list[int], rows: list[list[Any]], path: Path) -> Rows:
    columns = zip(names, zip(*rows, strict=True), strict=True)
    cells = {name: _cells(values, places, name, path) for name, values in columns}
    return Rows(np.array(places, dtype=np.int64), cells)


def _parse_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(
            f"{where} is not a JSON object, one per line: {reason(error)}"
        ) from error
    if not isinstance(row, dict):
        raise ArchiveError(f"{where} is {repr(row)}, not a JSON object")
    return row


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are said once.

    Raises:
        ValueError: One is said again.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"it says {key!r} twice")
        found[key] = value
    return found


def _cells(values: Sequence[Any], places: list[int], name: str, path: Path) -> Any:
    """Return an array with the cells of one column: numbers, texts or lists of integers."""
    kinds = [_kind(value) for value in values]
    expected = next((kind for kind in kinds if kind != "nothing"), "nothing")
    for place, value, kind in zip(places, values, kinds, strict=True):
        if kind not in ("nothing", expected) or kind == "":
            raise ArchiveError(
                f"{path}, line {place}: column {name!r} holds {repr(value)}; a column must hold "
                "only numbers, only texts, or only lists of integers"
            )
    if expected == "number":
        if all(value is None or type(value) is int for value in values):
            return pa.array(values, pa.int64())
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    try:
        return pa.array(values, _ARRAYS[expected])
    except UnicodeEncodeError as error:
        raise ArchiveError(f"{path}: column {name!r} holds half a character: {error}") from error


_ARRAYS = {"nothing": pa.null(), "text": pa.string(), "list": pa.list_(pa.int64())}


def _kind(value: Any) -> Literal["number", "text", "list", "nothing", ""]:
    """Return the kind of a JSON value; ``""`` for a kind that tables cannot hold."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "text"
    if type(value) is float or _is_int64(value):
        return "number"
    if isinstance(value, list) and all(map(_is_int64, value)):
        return "list"
    return ""


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _parquet(path: Path, names: Sequence[str], progress: Progress) -> Iterator[Rows]:
    with _damage(path):
        file = pq.ParquetFile(path, memory_map=False, page_checksum_verification=True)
        header = file.schema_arrow.names
        for name in names:
            _position(name, header, path)
            _arrow_type(file.schema_arrow.field(name).type, name, path)
        n_read, n_rows = 0, file.metadata.num_rows
        for batch in file.iter_batches(CELLS // len(names) + 1, columns=list(names)):
            places = np.arange(n_read + 1, n_read + 1 + len(batch))
            columns = {
                name: batch.column(name).cast(_arrow_type(batch.column(name).type, name, path))
                for name in names
            }
            n_read += len(batch)
            progress(n_read, n_rows)
            yield Rows(places, columns)
        if n_read != n_rows:
            raise ArchiveError(f"{path} is damaged: {n_read} of its {n_rows} rows can be read")


def _arrow_type(kind: Any, name: str, path: Path) -> Any:
    """Return the Arrow type to which cells of a Parquet type are cast."""
    types = pa.types
    if types.is_dictionary(kind):
        return _arrow_type(kind.value_type, name, path)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_decimal(kind):
        return pa.float64()
    if is_list(kind) and types.is_integer(kind.value_type):
        return pa.list_(pa.int64())
    if types.is_integer(kind):
        return pa.int64()
    if types.is_floating(kind) or types.is_null(kind):
        return kind
    raise InvalidArgumentError(
        f"{path}: column {name!r} holds {kind}, not numbers, texts or lists of integers"
    )


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{path} is not UTF-8 text: {error}") from error
    except (OSError, EOFError, zlib.error, MemoryError, pa.ArrowException) as error:
        raise ArchiveError(f"{path} cannot be read: {reason(error)}") from error


class _Lines:
    """The lines of a text file, which may be compressed by gzip.

    Attributes:
        in_row: Characters of the row that is being read; its reader sets it to 0 at the start.
        characters: Characters of the rows that are held; their holder sets it to 0.
    """

    def __init__(self, path: Path, progress: Progress) -> None:
        self.in_row = 0
        self.characters = 0
        self._path = path
        self._progress = progress

    def __iter__(self) -> Iterator[str]:
        path, size = self._path, self._path.stat().st_size
        number = blank = 0
        with (
            _stream(path) as (file, stream),
            io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text,
        ):
            while line := text.readline(LONGEST_LINE):
                number += 1
                self.in_row += len(line)
                self.characters += len(line)
                if len(line) == LONGEST_LINE or self.in_row > LONGEST_LINE:
                    raise ArchiveError(
                        f"{path}, line {number} is longer than {LONGEST_LINE:,} characters, or "
                        "ends a row that is"
                    )
                blank = blank + 1 if len(line) < 3 and line.isspace() else 0
                if blank > _MOST_BLANK:
                    raise ArchiveError(
                        f"{path}, line {number} comes after {blank - 1:,} blank ones"
                    )
                if "\0" in line:
                    raise ArchiveError(f"{path}, line {number} holds a zero byte: not a text file")
                yield line
                if number % 4096 == 0:
                    self._progress(file.tell(), size)
        self._progress(size, size)


@contextmanager
def _stream(path: Path) -> Iterator[tuple[BinaryIO, Any]]:
    """Yield an open file and its bytes, decompressed if its name says that they are compressed."""
    with path.open("rb") as file:
        if path.suffix.lower() != ".gz":
            yield file, file
            return
        budget = Budget(str(path), path.stat().st_size)
        with gzip.GzipFile(fileobj=file) as stream:
            yield file, Bounded(stream, str(path), budget)


_COMMA = Format("line", typed=False, read=partial(_csv, delimiter=","))
_TAB = Format("line", typed=False, read=partial(_csv, delimiter="\t"))
_JSON = Format("line", typed=True, read=_json)
FORMATS = {
    ".csv": _COMMA,
    ".csv.gz": _COMMA,
    ".tsv": _TAB,
    ".tsv.gz": _TAB,
    ".jsonl": _JSON,
    ".jsonl.gz": _JSON,
    ".ndjson": _JSON,
    ".ndjson.gz": _JSON,
    ".parquet": Format("row", typed=True, read=_parquet),
}
