"""Parquet columns as NumPy arrays, without pandas, and with errors of the suite."""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nasbench.errors import SchemaError, UnknownNameError, UnreadableTableError, first_line, one_of
from nasbench.files import json_digest
from nasbench.space import SearchSpace
from nasbench.spaces import SPACES
from nasbench.tables.schema import Column


def open_file(path: Path, read_dictionary: list[str] | None = None) -> pq.ParquetFile:
    """Open a Parquet file, to be read column by column, its checksums verified."""
    try:
        file = pq.ParquetFile(
            path, memory_map=False, page_checksum_verification=True, read_dictionary=read_dictionary
        )
        for field in file.schema_arrow:
            str(field)  # damaged names are found here
        return file
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise UnreadableTableError(
            f"{path} is not a readable Parquet file: {first_line(error)}"
        ) from error


def read_column(file: pq.ParquetFile | None, path: Path, name: str) -> Any:
    """One column, whole."""
    if file is None:
        raise SchemaError(f"{path} does not exist")
    return read_rows(file, path, [name]).column(name).combine_chunks()


def read_rows(file: pq.ParquetFile, path: Path, names: list[str] | None = None) -> pa.Table:
    """The columns of these names, or all."""
    try:
        groups = [
            file.read_row_group(i, names, use_threads=names is None)
            for i in range(file.num_row_groups)
        ]
        rows = pa.concat_tables(groups) if groups else file.read(names)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableTableError(f"{path} is damaged: {first_line(error)}") from error
    if len(rows) != file.metadata.num_rows:
        raise UnreadableTableError(f"{path} is damaged: {len(rows)} rows can be read of {names}")
    return rows


def read_document(schema: pa.Schema) -> Any:
    """What a file says of itself; None if it says nothing."""
    try:
        return json.loads((schema.metadata or {}).get(b"nasbench", b"null"))
    except ValueError:
        return None


def said_digest(document: dict[str, Any], schema: pa.Schema) -> str:
    """SHA-256 of what a file says of itself and its columns; pages have checksums of their own."""
    columns = {f.name: Column.decode(f.name, f.metadata).encode() for f in schema}
    said = {key: value for key, value in document.items() if key != "digest"}
    return json_digest([said, columns])


def load_space(name: str, where: str) -> SearchSpace:
    """The registered space of a table; a file must not name a module to import."""
    try:
        if ":" in name:
            raise UnknownNameError(f"a table needs a registered space{one_of(name, SPACES)}")
        space: SearchSpace = SPACES.load(name)()
    except UnknownNameError as error:
        raise SchemaError(f"{where}: {error}") from error
    if prod(space.options) >= 2**63:
        raise SchemaError(f"{where}: the space {name!r} has too many tuples for a table")
    return space


def meanings(schema: pa.Schema, keys: tuple[str, ...]) -> dict[str, Column]:
    """Meaning of every column but the keys, as the file describes it."""
    return {f.name: Column.decode(f.name, f.metadata) for f in schema if f.name not in keys}


def to_numpy(array: Any) -> NDArray[Any]:
    """Numbers of an array, float64 with NaN if it holds nulls; unlike ``to_numpy``, no pandas."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        raise SchemaError(f"a column holds {array.type}, not numbers")
    kind = np.dtype(array.type.to_pandas_dtype())
    validity, data = array.buffers()
    if data is None:
        return np.empty(0, dtype=kind)
    values = np.frombuffer(data, kind, len(array), array.offset * kind.itemsize)
    values.flags.writeable = False
    if not array.null_count:
        return values
    bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
    valid = bits[array.offset : array.offset + len(array)].astype(np.bool_)
    return np.where(valid, values.astype(np.float64), np.nan)


def list_ends(lists: Any) -> NDArray[np.int64]:
    """Where each list of an array ends in its :func:`list_items`; shape ``(n,)``."""
    if pa.types.is_fixed_size_list(lists.type):
        offsets = np.arange(len(lists) + 1) * int(lists.type.list_size)
    else:
        offsets = to_numpy(lists.offsets).astype(np.int64)
    ends: NDArray[np.int64] = offsets[1:] - offsets[0]
    return ends


def list_items(lists: Any) -> NDArray[Any]:
    """Numbers in all lists of an array; unlike ``flatten``, imports no compute functions."""
    if pa.types.is_fixed_size_list(lists.type):
        first, last = (n * lists.type.list_size for n in (lists.offset, lists.offset + len(lists)))
    else:
        first, last = (lists.offsets[n].as_py() for n in (0, len(lists)))
    return to_numpy(lists.values)[first:last]


def last_items(items: NDArray[Any], ends: NDArray[np.int64]) -> NDArray[Any]:
    """The last of the floating-point items of each list; NaN of an empty one."""
    nan = items.dtype.type(np.nan)
    return np.where(np.diff(ends, prepend=0) > 0, np.append(items, nan)[ends - 1], nan)


def read_archs(column: Any, space: SearchSpace, where: str) -> NDArray[Any]:
    """The tuples in a column, shape ``(n, n_decisions)``.

    Raises:
        SchemaError: Not lists of as many integers as there are decisions.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    n, kind = len(space.options), column.type
    if is_list(kind) and pa.types.is_integer(kind.value_type) and not column.null_count:
        items = list_items(column)
        if items.dtype.kind in "iu" and (np.diff(list_ends(column), prepend=0) == n).all():
            return items.reshape(len(column), n)
    raise SchemaError(f"{where}: column 'arch' must hold lists of {n} integers, but is {kind}")


def is_list(kind: Any) -> bool:
    """Whether a type is one of lists."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )
