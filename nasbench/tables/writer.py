"""Writing of tables: sorted, checked once, and complete or not at all."""

import dataclasses
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import SchemaError
from nasbench.storage.files import atomic
from nasbench.tables.columns import (
    is_list,
    last_items,
    list_ends,
    list_items,
    load_space,
    read_archs,
    to_numpy,
)
from nasbench.tables.described_space import decode_decisions, encode_decisions
from nasbench.tables.draft import Draft
from nasbench.tables.files import new_archs_file, settle, writing
from nasbench.tables.hashes import content_hash, said_digest
from nasbench.tables.places import check_name, must_write
from nasbench.tables.schema import FINAL, KEYS, Metadata, is_repeated
from nasbench.tables.validation import check_content, check_rows, legal_archs

_LONG = 16  # a curve with longer lists gets a column of its last values
_ROW_GROUP = 2**20


def write_table(path: Path, draft: Draft, *, replace: bool = False) -> Metadata:
    """Sort, check and write a table; it appears completely or not at all, whoever reads meanwhile.

    Several processes may write one table: they wait for each other. The same table, if it is there
    already, is left as it is.

    The writer adds the columns ``rank`` and ``<curve>@final``. Numbers given as float64 stay
    float64, other floating-point numbers become float32.

    Args:
        path: The file of runs to write, ``<id>.parquet`` or ``<id>@<version>.parquet``.
        draft: The content.
        replace: Whether another table that is there may be replaced.

    Returns:
        The metadata as written, with the content hash.

    Raises:
        TableError: The content is invalid, see :meth:`Table.check`.
        IllegalArchError: An architecture is outside the space.
        InvalidArgumentError: A file cannot be written, has another name, or is there and must not
            be replaced.
    """
    draft.metadata.check(draft.metadata.id)
    metadata = _described(draft.metadata)
    check_name(path, metadata.id, metadata.version)
    runs, distinct = _normalise(draft.runs, draft)
    archs = None if draft.archs is None else _normalise(draft.archs, draft)[0]
    check_rows(metadata, runs, archs, metadata.id)
    check_content(metadata, runs, archs, distinct, metadata.id)
    metadata = dataclasses.replace(metadata, content_hash=content_hash(metadata, runs, archs))
    said = _sealed(metadata.encode() | {"archs": archs is not None}, runs)
    with writing(path):
        if must_write(path, said, replace=replace):
            try:
                _write(path, runs, archs, said)
            finally:
                settle(path)
    return metadata


def _described(metadata: Metadata) -> Metadata:
    """Add the decisions of the space.

    Raises:
        SchemaError: There is no such space, or its decisions cannot be written.
    """
    space = load_space(metadata.space, metadata.id, metadata.decisions)
    decisions = encode_decisions(space.decisions)
    decode_decisions(decisions, metadata.id)
    return dataclasses.replace(metadata, decisions=decisions)


def _sealed(document: dict[str, Any], table: pa.Table) -> dict[str, Any]:
    return document | {"digest": said_digest(document, table.schema)}


def _write(path: Path, runs: pa.Table, archs: pa.Table | None, said: dict[str, Any]) -> None:
    """Write both files before either gets its name; the file of runs gets it last."""
    with ExitStack() as files:
        _save(files.enter_context(atomic(path)), runs, said)
        if archs is not None:
            new = files.enter_context(atomic(new_archs_file(path, said["content_hash"])))
            partner = {"id": said["id"], "content_hash": said["content_hash"]}
            _save(new, archs, _sealed(partner, archs))


def _normalise(table: pa.Table, draft: Draft) -> tuple[pa.Table, NDArray[Any]]:
    """Give columns and rows the types, meanings and order of the schema.

    Returns:
        The table, and its distinct architectures by rank, all legal.

    Raises:
        SchemaError: A column is missing, given twice, or has the wrong type.
        IllegalArchError: An architecture is outside the space.
    """
    where = draft.metadata.id
    space = load_space(draft.metadata.space, where, draft.metadata.decisions)
    described = {column.name: column for column in draft.columns}
    for name in table.schema.names:
        if table.schema.names.count(name) > 1:
            raise SchemaError(f"{where} has column {name!r} twice")
    if "arch" not in table.schema.names:
        raise SchemaError(f"{where} has no column 'arch', only {table.schema.names}")
    arch_type = pa.uint8() if max(space.options) <= 256 else pa.uint16()
    distinct = legal_archs(table, space, where)
    ranks = space.rank_many(read_archs(table.column("arch"), space, where))
    table = table.drop_columns([name for name in table.schema.names if is_repeated(name)])
    table = table.add_column(table.schema.names.index("arch") + 1, "rank", pa.array(ranks))
    arrays, schema = [], []
    for name in table.schema.names:
        array = table.column(name)
        if name == "arch":
            kind: Any = pa.list_(arch_type, len(space.options))
        elif name in ("schedule", "seed"):
            kind = pa.int32()
        elif name == "status":
            kind = pa.string()
        elif is_list(array.type):
            number = pa.float64() if pa.types.is_float64(array.type.value_type) else pa.float32()
            kind = pa.list_(pa.field("element", number, nullable=False))
        elif (
            pa.types.is_string(array.type)
            or pa.types.is_integer(array.type)
            or pa.types.is_float64(array.type)
        ):
            kind = array.type
        else:
            kind = pa.float32()
        try:
            arrays.append(array.cast(kind))
        except pa.ArrowException as error:
            raise SchemaError(
                f"{where}: column {name!r} is {array.type}, not {kind}: {error}"
            ) from error
        is_key = name in (*KEYS, "status")
        meaning = None if is_key else described.get(name, Column.of(name)).encode()
        schema.append(pa.field(name, kind, metadata=meaning))
    typed = pa.Table.from_arrays(arrays, schema=pa.schema(schema))
    order_by = [to_numpy(typed.column(n)) for n in ("seed", "schedule") if n in typed.schema.names]
    order = np.lexsort([*order_by, ranks])
    if not (order[1:] > order[:-1]).all():
        typed = typed.take(pa.array(order))
    return _with_final_values(typed.combine_chunks()), distinct


def _with_final_values(table: pa.Table) -> pa.Table:
    """Add a column of the last values of every long curve; NaN where a list is empty."""
    for field in table.schema:
        if field.name != "arch" and is_list(field.type):
            curves = table.column(field.name).combine_chunks()
            ends, items = list_ends(curves), list_items(curves)
            if np.diff(ends, prepend=0).max(initial=0) > _LONG:
                last = pa.array(last_items(items, ends), from_pandas=False)
                table = table.append_column(field.name + FINAL, last)
    return table


def _save(path: Path, table: pa.Table, document: dict[str, Any]) -> None:
    metadata = {b"nasbench": json.dumps(document, sort_keys=True).encode()}
    floats = [
        f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name
        for f in table.schema
        if pa.types.is_floating(f.type)
        or (pa.types.is_list(f.type) and pa.types.is_floating(f.type.value_type))
    ]
    pq.write_table(
        table.replace_schema_metadata(metadata),
        path,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=12,
        use_dictionary=[f.name for f in table.schema if f.name in ("schedule", "seed", "status")],
        use_byte_stream_split=floats,
        column_encoding={"rank": "DELTA_BINARY_PACKED"},
        write_page_checksum=True,
    )
