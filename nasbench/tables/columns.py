"""Parquet columns as NumPy arrays, without pandas and with the errors of the suite."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import SchemaError, UnknownNameError, UnreadableTableError, first_line, one_of
from nasbench.siblings import SIBLINGS
from nasbench.space import SearchSpace
from nasbench.storage.documents import parse_json
from nasbench.tables.described_space import (
    DescribedSpace,
    decode_decisions,
    difference,
    is_described,
)


def open_file(
    path: Path, read_dictionary: list[str] | None = None, opened: Any = None
) -> pq.ParquetFile:
    """Open a Parquet file to be read column by column, with its checksums verified.

    Args:
        path: The file.
        read_dictionary: Text columns to read as dictionaries.
        opened: The file as already open, whatever has its name by now.

    Raises:
        UnreadableTableError: The file is not a readable Parquet file.
    """
    try:
        file = pq.ParquetFile(
            path if opened is None else opened,
            memory_map=False,
            page_checksum_verification=True,
            read_dictionary=read_dictionary,
        )
        for field in file.schema_arrow:
            str(field)  # raises for damaged names
        return file
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise UnreadableTableError(
            f"{path} is not a readable Parquet file: {first_line(error)}"
        ) from error


def read_column(file: pq.ParquetFile | None, path: Path, name: str) -> Any:
    """Read one column as one array.

    Raises:
        SchemaError: There is no file.
        UnreadableTableError: The file is damaged.
    """
    if file is None:
        raise SchemaError(f"{path} does not exist")
    return read_rows(file, path, [name]).column(name).combine_chunks()


def read_rows(file: pq.ParquetFile, path: Path, names: list[str] | None = None) -> pa.Table:
    """Read the columns with the given names, or all columns.

    Raises:
        UnreadableTableError: The file is damaged.
    """
    try:
        groups = [
            file.read_row_group(i, names, use_threads=names is None)
            for i in range(file.num_row_groups)
        ]
        rows = pa.concat_tables(groups) if groups else file.read(names)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableTableError(f"{path} is damaged: {first_line(error)}") from error
    if len(rows) != file.metadata.num_rows:
        n = file.metadata.num_rows
        raise UnreadableTableError(f"{path} is damaged: {len(rows)} of {n} rows can be read")
    return rows


def read_document(schema: pa.Schema) -> Any:
    """Return the JSON document in a file's metadata; None if there is none."""
    try:
        return parse_json((schema.metadata or {}).get(b"nasbench", b"null"))
    except ValueError:
        return None


def load_space(name: str, where: str, decisions: Sequence[Any] = ()) -> SearchSpace:
    """Return the search space of a table.

    Args:
        name: Registered name of the space; never a module to import, since a file could name any.
        where: Name of the file, for messages.
        decisions: The decisions of the space as the file describes them, if it does. They stand for
            a space that is not installed.

    Raises:
        SchemaError: There is no such space and no decisions are given, or they are not those of the
            installed space, or the space has 2**63 tuples or more.
        NasbenchError: A plug-in defines the space and fails.
    """
    spaces = SIBLINGS.load("spaces")
    described = decode_decisions(decisions, where)
    try:
        if ":" in name:
            raise UnknownNameError(f"a table needs a registered space{one_of(name, spaces)}")
        space: SearchSpace
        if decisions and not spaces.is_registered(name):
            space = DescribedSpace(name, described)
        else:
            space = spaces.load(name)()
    except UnknownNameError as error:
        raise SchemaError(f"{where}: {error}") from error
    if space.name != name:
        raise SchemaError(
            f"{where}: the space that is registered as {name!r} calls itself {space.name!r}"
        )
    if decisions and not is_described(space) and (told := difference(described, space)):
        raise SchemaError(
            f"{where}: the decisions of {name!r} are not those of the installed space, which is "
            f"another version of it or another space of this name; {told}"
        )
    if prod(space.options) >= 2**63:
        raise SchemaError(f"{where}: the space {name!r} has too many tuples for a table")
    return space


def meanings(schema: pa.Schema, keys: tuple[str, ...]) -> dict[str, Column]:
    """Return the meaning of every column except the keys, as a file describes it."""
    return {f.name: Column.decode(f.name, f.metadata) for f in schema if f.name not in keys}


def to_numpy(array: Any) -> NDArray[Any]:
    """Return the numbers of an Arrow array; with nulls, as float64 with NaN for null.

    Unlike Arrow's own ``to_numpy``, this does not import pandas.

    Raises:
        SchemaError: The array does not hold numbers.
    """
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
    """Return where each list ends in :func:`list_items` of the same array, shape ``(n,)``."""
    if pa.types.is_fixed_size_list(lists.type):
        offsets = np.arange(len(lists) + 1) * int(lists.type.list_size)
    else:
        offsets = to_numpy(lists.offsets).astype(np.int64)
    ends: NDArray[np.int64] = offsets[1:] - offsets[0]
    return ends


def list_items(lists: Any) -> NDArray[Any]:
    """Return the numbers in all lists of an array, one list after the other.

    Unlike Arrow's ``flatten``, this does not import compute functions.
    """
    if pa.types.is_fixed_size_list(lists.type):
        first, last = (n * lists.type.list_size for n in (lists.offset, lists.offset + len(lists)))
    else:
        first, last = (lists.offsets[n].as_py() for n in (0, len(lists)))
    return to_numpy(lists.values)[first:last]


def last_items(items: NDArray[Any], ends: NDArray[np.int64]) -> NDArray[Any]:
    """Return the last item of each list, NaN for an empty one; items are floating-point."""
    nan = items.dtype.type(np.nan)
    return np.where(np.diff(ends, prepend=0) > 0, np.append(items, nan)[ends - 1], nan)


def read_archs(column: Any, space: SearchSpace, where: str) -> NDArray[Any]:
    """Return the architectures in a column, shape ``(n, n_decisions)``.

    Raises:
        SchemaError: The column does not hold lists of as many integers as the space has decisions.
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
    """Return whether an Arrow type is a list type."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )
