"""Hashes: of numbers, of all that a table's answers depend on, and of a file's description."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from nasbench.column import Column
from nasbench.storage.files import json_digest
from nasbench.tables.schema import KEYS, Metadata, is_repeated

_BLOCK = 65_536
_ANSWERS = ("space", "key", "epochs", "complete", "default_objective")


def content_hash(metadata: Metadata, runs: pa.Table, archs: pa.Table | None) -> str:
    """Return the SHA-256 of all that answers of a table depend on.

    It covers the numbers of both files; of every column the unit, goal, split and epochs; and
    space, key, epochs, completeness and default objective. It does not depend on texts, the
    platform, or the version of pyarrow.

    Args:
        metadata: What the table says about itself.
        runs: The trainings, with the meanings of their columns.
        archs: The architectures, likewise, or None.
    """
    meanings = [_meanings(table.schema) for table in (runs, archs) if table is not None]
    answers = {name: getattr(metadata, name) for name in _ANSWERS}
    meaning = json_digest([answers, meanings])
    return hashlib.sha256(f"{meaning}/{numbers_hash(runs, archs)}".encode()).hexdigest()


def numbers_hash(runs: pa.Table, archs: pa.Table | None = None) -> str:
    """Return the SHA-256 of decoded columns, equal on every platform and in every format."""
    digest = hashlib.sha256()
    for label, table in (("runs", runs), ("archs", archs)):
        if table is None:
            continue
        for name in sorted(name for name in table.schema.names if not is_repeated(name)):
            digest.update(f"{label}/{name}/{len(table)}".encode())
            for part in _parts(table.column(name).combine_chunks()):
                digest.update(part)
    return digest.hexdigest()


def said_digest(document: dict[str, Any], schema: pa.Schema) -> str:
    """Return the SHA-256 of a file's JSON document and of the meanings of its columns.

    The numbers are not included; Parquet pages have their own checksums.
    """
    columns = {f.name: Column.decode(f.name, f.metadata).encode() for f in schema}
    document = {key: value for key, value in document.items() if key != "digest"}
    return json_digest([document, columns])


def _meanings(schema: pa.Schema) -> dict[str, dict[str, str]]:
    """Return of every column but keys and repetitions what it says of itself, except in prose."""
    columns = {
        f.name: Column.decode(f.name, f.metadata).encode()
        for f in schema
        if f.name not in (*KEYS, "status") and not is_repeated(f.name)
    }
    return {
        name: {key: text for key, text in meaning.items() if key != "description"}
        for name, meaning in columns.items()
    }


def _parts(array: Any) -> Iterator[bytes]:
    """Iterate over canonical bytes: type, validity, lengths of lists, little-endian values."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    is_list = pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type)
    yield b"list" if is_list else str(array.type).encode()
    if array.null_count:
        yield np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes()
    if pa.types.is_string(array.type):
        yield b"["
        for first in range(0, len(array), _BLOCK):
            texts = json.dumps(array[first : first + _BLOCK].to_pylist())[1:-1]
            yield f"{', ' if first else ''}{texts}".encode()
        yield b"]"
    elif is_list:
        lengths = array.value_lengths().fill_null(0)
        yield np.asarray(lengths.to_numpy(zero_copy_only=False), dtype="<i4").tobytes()
        yield from _parts(array.flatten())
    else:
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        values = array.fill_null(0).to_numpy(zero_copy_only=False)
        yield np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
