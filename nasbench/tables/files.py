"""The two files of a table, which change together.

``<id>.parquet`` names in its metadata the content hash that ``<id>.archs.parquet`` must have. To
replace both, the new file of architectures is first written beside the old one under a name with
its hash, then the file of runs is renamed: this is the one moment in which the table changes. After
it the file of architectures gets its usual name, by the writer or, if that was killed, by the next.
A reader therefore finds the partner of either file of runs under one of the two names.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from nasbench.errors import (
    ContentHashError,
    SchemaError,
    TableError,
    UnreadableTableError,
    first_line,
)
from nasbench.storage.files import writable_folder
from nasbench.storage.locks import locked
from nasbench.tables.columns import open_file, read_document
from nasbench.tables.hashes import said_digest
from nasbench.tables.schema import Metadata, archs_file, is_hash

_REPLACED = 100
"""How often a table may be replaced while it is opened."""


class Opened(NamedTuple):
    """The open files of a table, of one and the same version whatever happens to their names.

    Attributes:
        source: The open file of runs.
        runs: Its content.
        metadata: What it says about the table.
        archs: The content of the file of architectures, if the table has one.
        stamp: Differs if a file is another one, or was changed.
    """

    source: Any
    runs: pq.ParquetFile
    metadata: Metadata
    archs: pq.ParquetFile | None
    stamp: tuple[int, ...]


def open_files(path: Path) -> Opened:
    """Open the files of a table.

    Args:
        path: The file of runs.

    Raises:
        UnreadableTableError: A file is not a Parquet file, or its description is damaged.
        SchemaError: The file is not one of runs, has no partner, or does not say what it must.
        ContentHashError: The file of architectures belongs to another table.
    """
    for _ in range(_REPLACED):
        before = _stamp(path)
        source = _source(path)
        runs = open_file(path, opened=source)
        document = read_document(runs.schema_arrow)
        if path.name.endswith(".archs.parquet"):
            raise SchemaError(
                f"{path} holds only numbers of architectures; give the table it belongs to, "
                f"{path.name.removesuffix('.archs.parquet')}.parquet"
            )
        metadata = Metadata.decode(document, str(path))
        _check_digest(document, runs.schema_arrow, path)
        if document.get("archs") is not True:
            return Opened(source, runs, metadata, None, before)
        usual, new = archs_file(path), new_archs_file(path, metadata.content_hash)
        for candidate in (usual, new, usual):  # it may get its usual name in between
            stamp = before + _stamp(candidate)
            archs = _partner(candidate, document)
            if archs is not None:
                return Opened(source, runs, metadata, archs, stamp)
        if _stamp(path) == before:
            break
    if not usual.exists():
        raise SchemaError(f"{path} needs {usual.name}, which is not beside it")
    raise ContentHashError(f"{usual} does not belong to {path}: their content hashes differ")


def new_archs_file(path: Path, content_hash: str) -> Path:
    """Return the name of the file of architectures until the file of runs is replaced."""
    return archs_file(path).with_name(
        f"{path.name.removesuffix('.parquet')}+{content_hash[:12]}.archs.parquet"
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep other writers from a table, and finish what a killed one had begun.

    Raises:
        InvalidArgumentError: The folder cannot be written.
    """
    with locked(writable_folder(path.parent) / f".{path.name}.lock"):
        settle(path)
        yield


def settle(path: Path) -> None:
    """Give the file of architectures its usual name, and delete those that belong to no table.

    The caller keeps other writers away.
    """
    try:
        document = read_document(open_file(path).schema_arrow) if path.exists() else None
    except UnreadableTableError:
        return
    said = document if isinstance(document, dict) else {}
    if said.get("archs") is True and is_hash(said.get("content_hash")):
        new = new_archs_file(path, said["content_hash"])
        with suppress(UnreadableTableError):
            if _partner(new, said) is not None:
                new.replace(archs_file(path))
    for left in path.parent.glob(new_archs_file(path, "?" * 12).name):
        if said_at(left):
            left.unlink()
    if said.get("archs") is False and said_at(archs_file(path)).get("id") == said.get("id"):
        archs_file(path).unlink()


def _partner(path: Path, document: dict[str, Any]) -> pq.ParquetFile | None:
    """Open a file of architectures if it is the one that a file of runs needs.

    Raises:
        UnreadableTableError: It is damaged.
    """
    try:
        file = open_file(path)
    except UnreadableTableError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    said = read_document(file.schema_arrow)
    hash_ = said.get("content_hash") if isinstance(said, dict) else None
    if hash_ != document.get("content_hash"):
        return None
    _check_digest(said, file.schema_arrow, path)
    return file


def said_at(path: Path) -> dict[str, Any]:
    """Return the document in a file of a table; empty if it is no such file."""
    try:
        document = read_document(open_file(path).schema_arrow)
    except TableError:
        return {}
    is_ours = isinstance(document, dict) and {"id", "content_hash"} <= document.keys()
    return document if is_ours else {}


def _source(path: Path) -> Any:
    try:
        return pa.OSFile(str(path))
    except OSError as error:
        raise UnreadableTableError(f"cannot read {path}: {first_line(error)}") from error


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check_digest(document: dict[str, Any], schema: pa.Schema, path: Path) -> None:
    if document.get("digest") != said_digest(document, schema):
        raise UnreadableTableError(f"{path} is damaged: its metadata does not fit its digest")
