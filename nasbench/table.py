"""Tables: one Parquet file of training runs, one of numbers that need no training.

``<id>.parquet`` holds a row for every training run (``arch``, ``schedule``, ``seed``, ``status``,
curves as lists of float32, single numbers), sorted by (key, schedule, seed). ``<id>.archs.parquet``
holds a row for every architecture as written, sorted by its rank. They are joined on the
architecture and read column by column, only the columns asked for.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nasbench.errors import (
    ContentHashError,
    IllegalArchError,
    SchemaError,
    TableError,
    UnknownNameError,
    UnreadableTableError,
    ValueRangeError,
    one_of,
)
from nasbench.files import atomic
from nasbench.schema import KEYS, Column, Metadata
from nasbench.space import SearchSpace
from nasbench.spaces import SPACES

STATUSES = ("finished", "diverged", "untrained")
_LARGE = 2**20
_SHIPPED = Path(__file__).parent / "data"


class Table:
    """A table file, read lazily.

    Args:
        path: The file of runs; the file of architectures lies beside it, if there is one.

    Attributes:
        path: As given.
        metadata: What the table says of itself.
        space: The search space.
        columns: Meaning of every column of training runs but the keys and ``status``.
        arch_columns: Meaning of every column of architectures but ``arch``.

    Raises:
        UnreadableTableError: Not a Parquet file, or damaged.
        SchemaError: Not a table of this suite.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._runs = _open(path)
        schema = self._runs.schema_arrow
        document = _document(schema)
        self.metadata = Metadata.decode(document, str(path))
        _check_digest(document, schema, path)
        self.space: SearchSpace = _space(self.metadata.space, str(path))
        for name in (*KEYS, "status"):
            if name not in schema.names:
                raise SchemaError(f"{path} has no column {name!r}, only {schema.names}")
        if not self._runs.metadata.num_rows:
            raise SchemaError(f"{path} has no rows")
        archs_path = archs_file(path)
        self._archs = _open(archs_path) if archs_path.exists() else None
        if self._archs is not None:
            partner = _document(self._archs.schema_arrow)
            hash_ = partner.get("content_hash") if isinstance(partner, dict) else None
            if hash_ != self.metadata.content_hash:
                raise ContentHashError(
                    f"{archs_path} does not belong to {path}: their content hashes differ"
                )
            _check_digest(partner, self._archs.schema_arrow, archs_path)
        self.columns = _columns(schema, (*KEYS, "status"))
        self.arch_columns = _columns(self._archs.schema_arrow, ("arch",)) if self._archs else {}
        self._curves = {f.name for f in schema if pa.types.is_list(f.type)}

    @property
    def schedules(self) -> tuple[int, ...]:
        """Lengths of the recorded trainings, ascending."""
        return tuple(sorted(self.metadata.epochs))

    def is_curve(self, name: str) -> bool:
        """Whether the column holds a value for every recorded epoch."""
        return name in self._curves

    @cached_property
    def archs(self) -> NDArray[np.uint16]:
        """Architectures of the runs, shape ``(n_runs, n_decisions)``."""
        return _archs(_read(self._runs, self.path, "arch"), self.space, str(self.path))

    @cached_property
    def schedule(self) -> NDArray[np.int32]:
        """Schedules of the runs, shape ``(n_runs,)``."""
        return self._key("schedule")

    @cached_property
    def seed(self) -> NDArray[np.int32]:
        """Training seeds of the runs, shape ``(n_runs,)``."""
        return self._key("seed")

    def _key(self, name: str) -> NDArray[np.int32]:
        column = _read(self._runs, self.path, name)
        if column.null_count or not pa.types.is_int32(column.type):
            raise SchemaError(f"{self.path}: column {name!r} does not hold an int32 in every row")
        keys: NDArray[np.int32] = _numpy(column)
        return keys

    @cached_property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs diverged, shape ``(n_runs,)``."""
        file = _open(self.path, read_dictionary=["status"])
        status = _read(file, self.path, "status")
        if not pa.types.is_dictionary(status.type) or status.null_count:
            raise SchemaError(f"{self.path}: column 'status' does not hold a text in every row")
        failed = [text == "diverged" for text in status.dictionary.to_pylist()]
        diverged: NDArray[np.bool_] = np.array(failed, dtype=np.bool_)[_numpy(status.indices)]
        diverged.flags.writeable = False
        return diverged

    def curves(self, name: str, schedule: int) -> NDArray[np.float32]:
        """Values at the recorded epochs of one schedule, shape ``(n_runs, n_epochs)``."""
        lists = _read(self._runs, self.path, name)
        n_epochs = len(self.metadata.epochs[schedule])
        ends = _ends(lists)
        starts = np.append(0, ends[:-1])
        if len(self.schedules) > 1:
            rows = self.schedule == schedule
            starts, ends = starts[rows], ends[rows]
        if (ends - starts != n_epochs).any():
            raise SchemaError(
                f"{self.path}: column {name!r} does not hold {n_epochs} values a run of schedule "
                f"{schedule}"
            )
        values: NDArray[np.float32] = _items(lists).astype(np.float32, copy=False)
        if values.nbytes > _LARGE:
            pa.default_memory_pool().release_unused()  # decoding takes several times the numbers
        if len(self.schedules) == 1:
            return values.reshape(len(starts), n_epochs)
        chosen: NDArray[np.float32] = values[starts[:, None] + np.arange(n_epochs)]
        return chosen

    def numbers(self, name: str, schedule: int) -> NDArray[np.float32]:
        """A column with one number a run, for the runs of one schedule."""
        column = _numpy(_read(self._runs, self.path, name))
        values: NDArray[np.float32] = column[self.schedule == schedule]
        return values

    @cached_property
    def written_archs(self) -> NDArray[np.uint16]:
        """Architectures of the file of architectures, shape ``(n_archs, n_decisions)``."""
        if self._archs is None:
            return np.empty((0, len(self.space.options)), dtype=np.uint16)
        path = archs_file(self.path)
        return _archs(_read(self._archs, path, "arch"), self.space, str(path))

    def arch_numbers(self, name: str) -> NDArray[np.float64]:
        """A numeric column of architectures, float64 with NaN for null, shape ``(n_archs,)``."""
        return _numpy(_read(self._archs, archs_file(self.path), name)).astype(np.float64)

    def arch_texts(self, name: str) -> list[str | None]:
        """A text column of architectures."""
        texts: list[str | None] = _read(self._archs, archs_file(self.path), name).to_pylist()
        return texts

    def is_text(self, name: str) -> bool:
        """Whether a column of architectures holds text."""
        return self._archs is not None and pa.types.is_string(
            self._archs.schema_arrow.field(name).type
        )

    def frame(self) -> Any:
        """The runs as a pandas data frame, curves as lists."""
        return self._runs.read().to_pandas()

    def check(self) -> None:
        """Verify everything that can be verified.

        Raises:
            UnreadableTableError: A damaged byte.
            SchemaError: Missing columns, wrong types, unsorted or doubled rows, curves of the wrong
                length.
            ContentHashError: The numbers are not those that the hash was made from.
            IllegalArchError: An architecture is outside the space or, where keyed by class, no
                representative.
            ValueRangeError: A number is impossible, or missing where it must not be.
        """
        runs = _rows(self._runs, self.path)
        archs = _rows(self._archs, archs_file(self.path)) if self._archs else None
        validate(self.metadata, runs, archs, str(self.path))
        found = content_hash(runs, archs)
        if found != self.metadata.content_hash:
            partner = archs_file(self.path).name
            hint = f" (there is no {partner} beside it)" if archs is None else ""
            raise ContentHashError(
                f"{self.path}: the numbers hash to {found[:12]}…, the metadata says "
                f"{self.metadata.content_hash[:12]}…{hint}"
            )


def archs_file(path: Path) -> Path:
    """Where the numbers of architectures lie for the runs in ``path``."""
    return path.with_name(path.name.removesuffix(".parquet") + ".archs.parquet")


def folders() -> list[Path]:
    """Where tables are looked up: ``NASBENCH_HOME`` or the user's data folder, then ours."""
    home = os.environ.get("NASBENCH_HOME")
    if not home:
        from platformdirs import user_data_dir

        home = user_data_dir("nasbench")
    return [Path(home), _SHIPPED]


def catalogue() -> dict[str, list[Path]]:
    """Files of every table by id, versions in the order in which they are found."""
    found: dict[str, list[Path]] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else ():
            if not path.name.endswith(".archs.parquet"):
                found.setdefault(path.stem.partition("@")[0], []).append(path)
    return dict(sorted(found.items()))


def open_table(id_or_path: str | Path) -> Table:
    """Open a table by id (the newest version), by ``id@version`` or by path.

    Raises:
        UnknownNameError: No table has this id, version or path.
        TableError: The file cannot be trusted; see :class:`Table`.
    """
    name = str(id_or_path)
    if name.endswith(".parquet") or os.sep in name:
        if not Path(name).is_file():
            raise UnknownNameError(f"there is no table file {name!r}")
        return Table(Path(name))
    known = catalogue()
    id_, at, version = name.partition("@")
    if id_ not in known:
        raise UnknownNameError(f"no benchmark is called {id_!r}{one_of(id_, known)}")
    tables = (
        [Table(path) for path in known[id_]]
        if at or len(known[id_]) > 1
        else [Table(known[id_][0])]
    )
    versions = {table.metadata.version: table for table in reversed(tables)}
    if not at:
        return versions[max(versions)]
    if not version.isdecimal() or int(version) not in versions:
        raise UnknownNameError(
            f"{id_!r} has no version {version!r}{one_of(version, sorted(versions))}"
        )
    return versions[int(version)]


def write_table(
    path: Path,
    metadata: Metadata,
    runs: pa.Table,
    archs: pa.Table | None = None,
    descriptions: Iterable[Column] = (),
) -> Metadata:
    """Sort, validate and write a table; both files appear whole or not at all.

    Args:
        path: The file of runs to write.
        metadata: What the table says of itself; its content hash is filled in.
        runs: Columns ``arch`` (lists of integers), ``schedule``, ``seed``, ``status`` and numbers.
        archs: Column ``arch`` and numbers or texts.
        descriptions: Meaning of columns for which the naming rules do not say enough.

    Returns:
        The metadata as written.

    Raises:
        TableError: The content is not valid; see :meth:`Table.check`.
    """
    described = {column.name: column for column in descriptions}
    metadata.check(metadata.id)
    runs = _normalise(runs, described, metadata)
    archs = None if archs is None else _normalise(archs, described, metadata)
    validate(metadata, runs, archs, metadata.id)
    metadata = replace(metadata, content_hash=content_hash(runs, archs))
    partner = {"id": metadata.id, "content_hash": metadata.content_hash}
    with ExitStack() as files:  # both are complete before the first takes its place
        if archs is not None:
            _save(files.enter_context(atomic(archs_file(path))), archs, partner)
        _save(files.enter_context(atomic(path)), runs, metadata.encode())
    if archs is None:
        archs_file(path).unlink(missing_ok=True)
    return metadata


def content_hash(runs: pa.Table, archs: pa.Table | None) -> str:
    """SHA-256 over the decoded columns, the same on every platform and for every file format."""
    digest = hashlib.sha256()
    for label, table in (("runs", runs), ("archs", archs)):
        if table is None:
            continue
        for name in sorted(table.schema.names):
            digest.update(f"{label}/{name}/{len(table)}".encode())
            for part in _parts(table.column(name).combine_chunks()):
                digest.update(part)
    return digest.hexdigest()


def _parts(array: Any) -> Iterator[bytes]:
    """Canonical bytes of an array: type, validity, lengths of lists, little-endian values."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    is_list = pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type)
    yield b"list" if is_list else str(array.type).encode()
    if array.null_count:
        yield np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes()
    if pa.types.is_string(array.type):
        yield json.dumps(array.to_pylist()).encode()
    elif is_list:
        yield np.asarray(
            array.value_lengths().to_numpy(zero_copy_only=False), dtype="<i4"
        ).tobytes()
        yield from _parts(array.flatten())
    else:
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        values = array.fill_null(0).to_numpy(zero_copy_only=False)
        yield np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()


def validate(metadata: Metadata, runs: pa.Table, archs: pa.Table | None, where: str) -> None:
    """Raise the error that fits if the content of a table is not valid; see :meth:`Table.check`."""
    metadata.check(where)
    space = _space(metadata.space, where)
    if not len(runs):
        raise SchemaError(f"{where} has no rows")
    _check_keys(runs, where)
    objective = metadata.default_objective
    if objective is not None:
        if objective not in runs.schema.names:
            raise SchemaError(f"{where} has no column {objective!r}, its default objective")
        column = Column.decode(objective, runs.schema.field(objective).metadata)
        if column.split != "valid" or not column.goal:
            raise SchemaError(
                f"{where}: the default objective {objective!r} is no validation column with a goal"
            )
    tuples = _legal(runs, space, where)
    keys = space.rank_many(tuples)
    if metadata.key == "class":
        representatives = space.canonical_many(tuples)
        if (bad := np.flatnonzero((representatives != tuples).any(axis=1))).size:
            arch = tuple(tuples[bad[0]].tolist())
            raise IllegalArchError(
                f"{where}: keyed by class, but {space.to_text(arch)} is no representative of one"
            )
    schedules, seeds = (_numpy(runs.column(n)) for n in ("schedule", "seed"))
    _sorted_and_single(
        np.stack([keys, schedules, seeds]),
        f"{where}: rows are not sorted by (arch, schedule, seed) or doubled",
    )
    if unknown := sorted(set(np.unique(schedules).tolist()) ^ set(metadata.epochs)):
        raise SchemaError(
            f"{where}: schedule {unknown[0]} is not both in the rows and in the metadata"
        )
    if seeds.min() < 0:
        raise ValueRangeError(f"{where}: seed {seeds.min()} is negative")
    lengths = np.select(
        [schedules == s for s in metadata.epochs], [len(e) for e in metadata.epochs.values()]
    )
    diverged = np.array([text == "diverged" for text in runs.column("status").to_pylist()])
    for name in runs.schema.names:
        if name not in (*KEYS, "status"):
            column = Column.decode(name, runs.schema.field(name).metadata)
            values, ends = _run_numbers(runs.column(name), name, lengths, where)
            _in_range(values, column, where)
            _check_missing(column, values, ends, diverged, where)
            if name == objective and (np.isnan(values[ends - 1]) != diverged).any():
                raise ValueRangeError(
                    f"{where}: {name!r} at the last epoch must be NaN where a run diverged, and "
                    "nowhere else"
                )
    if archs is None:
        return
    where = str(archs_file(Path(where)))
    if "arch" not in archs.schema.names:
        raise SchemaError(f"{where} has no column 'arch', only {archs.schema.names}")
    _sorted_and_single(
        space.rank_many(_legal(archs, space, where))[None],
        f"{where}: architectures are not sorted by rank or doubled",
    )
    for name in archs.schema.names:
        array = archs.column(name)
        if name != "arch" and not pa.types.is_string(array.type):
            _check_number(array.type, name, where)
            _in_range(_numpy(array), Column.decode(name, archs.schema.field(name).metadata), where)


def _check_keys(runs: pa.Table, where: str) -> None:
    """Whether the columns that say which training a row is are there, and full."""
    for name, kind in (
        ("arch", None),
        ("schedule", "int32"),
        ("seed", "int32"),
        ("status", "string"),
    ):
        if name not in runs.schema.names:
            raise SchemaError(f"{where} has no column {name!r}, only {runs.schema.names}")
        column = runs.column(name)
        if kind is not None and str(column.type) != kind:
            raise SchemaError(f"{where}: column {name!r} has type {column.type}, not {kind}")
        if column.null_count:
            raise SchemaError(f"{where}: column {name!r} has an empty place")
    if unknown := sorted(set(runs.column("status").unique().to_pylist()) - set(STATUSES)):
        raise SchemaError(f"{where}: unknown status {unknown[0]!r}{one_of(unknown[0], STATUSES)}")


def _check_number(kind: Any, name: str, where: str) -> None:
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise SchemaError(f"{where}: column {name!r} holds {kind}, not numbers")


def _run_numbers(
    column: Any, name: str, lengths: NDArray[np.int64], where: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The numbers of a column, curves one after the other, and where those of each run end."""
    array = column.combine_chunks()
    curves = pa.types.is_list(array.type)
    _check_number(array.type.value_type if curves else array.type, name, where)
    numbers = _items(array) if curves else _numpy(array)
    if array.null_count or (curves and array.values.null_count):
        raise SchemaError(f"{where}: column {name!r} has an empty place; what is missing is NaN")
    ends = _ends(array) if curves else np.arange(1, len(array) + 1)
    if curves and (np.diff(ends, prepend=0) != lengths).any():
        raise SchemaError(
            f"{where}: a run has another number of values in {name!r} than recorded epochs"
        )
    return numbers.astype(np.float64), ends


def _check_missing(
    column: Column,
    values: NDArray[np.float64],
    ends: NDArray[np.int64],
    diverged: NDArray[np.bool_],
    where: str,
) -> None:
    """Whether costs are complete, and single numbers missing only where a training diverged."""
    missing = np.isnan(values)
    if column.name in ("seconds", "validation_seconds"):
        if missing.any():
            raise ValueRangeError(f"{where}: column {column.name!r} holds NaN, but is a cost")
        falls = np.diff(values) < 0
        falls[ends[:-1] - 1] = False
        if column.name == "seconds" and falls.any():
            raise ValueRangeError(f"{where}: 'seconds' fall from one epoch of a run to the next")
    elif len(values) == len(ends) and (missing & ~(diverged & (column.split != ""))).any():
        raise ValueRangeError(f"{where}: column {column.name!r} holds NaN in a run without failure")


def _legal(table: pa.Table, space: SearchSpace, where: str) -> NDArray[np.int64]:
    tuples = _archs(table.column("arch"), space, where).astype(np.int64)
    outside = (tuples < 0) | (tuples >= np.array(space.options))
    rows = np.flatnonzero(outside.any(axis=1))
    if not rows.size and type(space).is_legal is not SearchSpace.is_legal:
        rows = np.array(
            [i for i, row in enumerate(tuples.tolist()) if not space.is_legal(tuple(row))],
            dtype=np.int64,
        )
    if rows.size:
        raise IllegalArchError(
            f"{where}: row {rows[0]} holds {tuple(tuples[rows[0]].tolist())}, no architecture of "
            f"{space.name!r}"
        )
    return tuples


def _sorted_and_single(columns: NDArray[np.int64], message: str) -> None:
    """Whether the columns of ``(n_keys, n_rows)`` ascend, none twice; the first key counts most."""
    before, after = columns[:, :-1], columns[:, 1:]
    ascending = np.zeros(before.shape[1], dtype=np.bool_)
    equal = ~ascending
    for low, high in zip(before, after, strict=True):
        ascending |= equal & (low < high)
        equal &= low == high
    if not ascending.all():
        raise SchemaError(message)


def _in_range(values: NDArray[Any], column: Column, where: str) -> None:
    low, high = column.range
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero((values < low) | (values > high) | np.isinf(values.astype(np.float64)))
    if bad.size:
        raise ValueRangeError(
            f"{where}: column {column.name!r} holds {values[bad[0]]}, possible is {low:g} to "
            f"{high:g} {column.unit}".rstrip()
        )


def _normalise(table: pa.Table, described: dict[str, Column], metadata: Metadata) -> pa.Table:
    """Types, meanings and order of rows and columns as the schema wants them."""
    where, space = metadata.id, _space(metadata.space, metadata.id)
    for name in table.schema.names:
        if table.schema.names.count(name) > 1:
            raise SchemaError(f"{where} has column {name!r} twice")
    if "arch" not in table.schema.names:
        raise SchemaError(f"{where} has no column 'arch', only {table.schema.names}")
    arch_type = pa.uint8() if max(space.options) <= 256 else pa.uint16()
    _legal(table, space, where)
    arrays, schema = [], []
    for name in table.schema.names:
        array = table.column(name)
        if name == "arch":
            kind: Any = pa.list_(arch_type, len(space.options))
        elif name in ("schedule", "seed"):
            kind = pa.int32()
        elif name == "status":
            kind = pa.string()
        elif _is_list(array.type):
            kind = pa.list_(pa.field("element", pa.float32(), nullable=False))
        elif pa.types.is_string(array.type) or pa.types.is_integer(array.type):
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
    order_by = [_numpy(typed.column(n)) for n in ("seed", "schedule") if n in typed.schema.names]
    ranks = space.rank_many(_archs(typed.column("arch"), space, where))
    return typed.take(pa.array(np.lexsort([*order_by, ranks]))).combine_chunks()


def _save(path: Path, table: pa.Table, document: dict[str, Any]) -> None:
    document = document | {"digest": _digest(document, table.schema)}
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
        compression="zstd",
        compression_level=12,
        use_dictionary=[f.name for f in table.schema if f.name in ("schedule", "seed", "status")],
        use_byte_stream_split=floats,
        write_page_checksum=True,
    )


def _digest(document: dict[str, Any], schema: pa.Schema) -> str:
    """SHA-256 of what a file says of itself and its columns; pages have checksums of their own."""
    columns = {f.name: Column.decode(f.name, f.metadata).encode() for f in schema}
    said = {key: value for key, value in document.items() if key != "digest"}
    return hashlib.sha256(json.dumps([said, columns], sort_keys=True).encode()).hexdigest()


def _check_digest(document: Any, schema: pa.Schema, path: Path) -> None:
    if document.get("digest") != _digest(document, schema):
        raise UnreadableTableError(f"{path} is damaged: its metadata does not fit its digest")


def _open(path: Path, read_dictionary: list[str] | None = None) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(
            path, memory_map=True, page_checksum_verification=True, read_dictionary=read_dictionary
        )
        for field in file.schema_arrow:
            str(field)  # damaged names are found here
        return file
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise UnreadableTableError(
            f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}"
        ) from error


def _read(file: pq.ParquetFile | None, path: Path, name: str) -> Any:
    if file is None:
        raise SchemaError(f"{path} does not exist")
    return _rows(file, path, [name]).column(name).combine_chunks()


def _rows(file: pq.ParquetFile, path: Path, names: list[str] | None = None) -> pa.Table:
    """The columns of these names, or all."""
    try:
        rows = file.read(names, use_threads=names is None)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableTableError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    if len(rows) != file.metadata.num_rows:
        raise UnreadableTableError(f"{path} is damaged: {len(rows)} rows can be read of {names}")
    return rows


def _document(schema: pa.Schema) -> Any:
    """What a file says of itself; None if it says nothing."""
    try:
        return json.loads((schema.metadata or {}).get(b"nasbench", b"null"))
    except ValueError:
        return None


def _space(name: str, where: str) -> SearchSpace:
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


def _columns(schema: pa.Schema, keys: tuple[str, ...]) -> dict[str, Column]:
    return {f.name: Column.decode(f.name, f.metadata) for f in schema if f.name not in keys}


def _numpy(array: Any) -> NDArray[Any]:
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


def _ends(lists: Any) -> NDArray[np.int64]:
    """Where each list of an array ends in its :func:`_items`; shape ``(n,)``."""
    if pa.types.is_fixed_size_list(lists.type):
        offsets = np.arange(len(lists) + 1) * int(lists.type.list_size)
    else:
        offsets = _numpy(lists.offsets).astype(np.int64)
    ends: NDArray[np.int64] = offsets[1:] - offsets[0]
    return ends


def _items(lists: Any) -> NDArray[Any]:
    """Numbers in all lists of an array; unlike ``flatten``, imports no compute functions."""
    if pa.types.is_fixed_size_list(lists.type):
        first, last = (n * lists.type.list_size for n in (lists.offset, lists.offset + len(lists)))
    else:
        first, last = (lists.offsets[n].as_py() for n in (0, len(lists)))
    return _numpy(lists.values)[first:last]


def _archs(column: Any, space: SearchSpace, where: str) -> NDArray[Any]:
    """The tuples in a column, shape ``(n, n_decisions)``.

    Raises:
        SchemaError: Not lists of as many integers as there are decisions.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    n, kind = len(space.options), column.type
    if _is_list(kind) and pa.types.is_integer(kind.value_type) and not column.null_count:
        items = _items(column)
        if items.dtype.kind in "iu" and (np.diff(_ends(column), prepend=0) == n).all():
            return items.reshape(len(column), n)
    raise SchemaError(f"{where}: column 'arch' must hold lists of {n} integers, but is {kind}")


def _is_list(kind: Any) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)
    )


__all__ = [
    "Table",
    "TableError",
    "archs_file",
    "catalogue",
    "content_hash",
    "open_table",
    "write_table",
]
