"""Tables: one Parquet file of trainings, and one of numbers that need no training.

``<id>.parquet`` has a row per training (``arch``, ``schedule``, ``seed``, ``status``, curves as
lists of numbers, single numbers), sorted by (key, schedule, seed). ``<id>.archs.parquet`` has a row
per architecture as written, sorted by rank. The two are joined on the architecture and read column
by column, only those that are asked for.

Two kinds of columns repeat others so that common questions read less: ``rank``, in both files, is
``arch`` as one number, enough for a look-up; ``<curve>@final`` holds the last value of every list
of a long curve.

>>> from nasbench.benchmarks.catalogue import open_table
>>> table = open_table("lite201-digits@2")
>>> table
<Table lite201-digits@2: 15,780 trainings of nb201>
>>> table.schedules, table.metadata.key, table.columns["valid_accuracy"].unit
((8,), 'class', '%')
>>> table.curves("valid_accuracy", schedule=8).shape
(15780, 8)
>>> table.arch_numbers("parameters").shape
(15625,)
"""

from functools import cached_property
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nasbench.errors import (
    ContentHashError,
    SchemaError,
)
from nasbench.space import SearchSpace
from nasbench.tables.columns import (
    list_ends,
    list_items,
    load_space,
    meanings,
    open_file,
    read_archs,
    read_column,
    read_rows,
    to_numpy,
)
from nasbench.tables.files import open_files
from nasbench.tables.hashes import content_hash
from nasbench.tables.order import check_arch_order, check_order
from nasbench.tables.schema import FINAL, KEYS, archs_file, is_repeated
from nasbench.tables.types import check_arch_types, check_types
from nasbench.tables.validation import validate

_LARGE = 2**20
_VERIFIED: set[tuple[int, ...]] = set()
"""Stamps of the tables whose content hash this process has computed."""


class Table:
    """A table of trainings; columns are read when they are first needed, also by several threads.

    Args:
        path: The file of runs; the file of architectures, if any, lies beside it.

    Attributes:
        path: The absolute path.
        metadata: What the table says about itself.
        space: The search space; where it is not installed, a
            :class:`~nasbench.tables.described_space.DescribedSpace`.
        columns: Meaning of every column of runs, except the keys and ``status``.
        arch_columns: Meaning of every column of architectures, except ``arch`` and ``rank``.

    Raises:
        UnreadableTableError: A file is not a Parquet file, or is damaged.
        SchemaError: The file is not a table of this suite, or lacks a required column.
        ContentHashError: The file of architectures belongs to another table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path = path.absolute()  # the working folder may change
        self._reading = Lock()  # two threads that read from one Parquet file can crash
        opened = open_files(path)
        self._source, self._runs, self.metadata, self._archs, self._stamp = opened
        schema = self._runs.schema_arrow
        if path.name not in self.metadata.file_names:
            raise SchemaError(
                f"{path} holds the table {self.metadata.id}@{self.metadata.version}: name it "
                f"{' or '.join(self.metadata.file_names)}, its numbers of architectures likewise"
            )
        said = self.metadata
        self.space: SearchSpace = load_space(said.space, str(path), said.decisions)
        check_types(schema, self.space, self.metadata.default_objective, str(path))
        n_runs = self._runs.metadata.num_rows
        if not n_runs and (self._archs is None or self.metadata.epochs):
            raise SchemaError(f"{path} has no rows")
        if n_runs and not self.metadata.epochs:
            raise SchemaError(f"{path} has no schedule")
        if self._archs is not None:
            check_arch_types(self._archs.schema_arrow, self.space, str(archs_file(path)))
        described = meanings(schema, (*KEYS, "status"))
        self.columns = {n: c for n, c in described.items() if not is_repeated(n)}
        self._repeated = described.keys() - self.columns.keys()
        self.arch_columns = (
            meanings(self._archs.schema_arrow, ("arch", "rank")) if self._archs else {}
        )
        self._curves = {f.name for f in schema if pa.types.is_list(f.type)}

    def __repr__(self) -> str:
        about, runs = self.metadata, self._runs.metadata.num_rows
        return f"<Table {about.id}@{about.version}: {runs:,} trainings of {about.space}>"

    @property
    def schedules(self) -> tuple[int, ...]:
        """Planned lengths of the recorded trainings in epochs, ascending."""
        return tuple(sorted(self.metadata.epochs))

    @property
    def files(self) -> tuple[tuple[Path, pa.Schema], ...]:
        """Path and columns of the file of runs and, if there is one, of that of architectures."""
        archs = [] if self._archs is None else [(archs_file(self.path), self._archs.schema_arrow)]
        return (self.path, self._runs.schema_arrow), *archs

    def is_curve(self, name: str) -> bool:
        """Return whether a column of runs holds a value for every recorded epoch."""
        return name in self._curves

    def epochs(self, name: str, schedule: int) -> list[int]:
        """Return the epochs of a schedule at which a column is recorded, ascending."""
        return self.columns[name].recorded(schedule, self.metadata.epochs[schedule])

    def _column(self, name: str) -> Any:
        with self._reading:
            return read_column(self._runs, self.path, name)

    def _arch_column(self, name: str) -> Any:
        with self._reading:
            return read_column(self._archs, archs_file(self.path), name)

    @cached_property
    def archs(self) -> NDArray[np.uint16]:
        """Architectures of the runs, shape ``(n_runs, n_decisions)``."""
        return read_archs(self._column("arch"), self.space, str(self.path))

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """Ranks of the architectures of the runs, ascending, shape ``(n_runs,)``.

        Raises:
            SchemaError: Rows are not sorted by (rank, schedule, seed) or are repeated, or one has a
                schedule that the metadata does not know.
            ValueRangeError: A seed is negative.
        """
        ranks = self._ranks(self._column("rank"), self.path)
        check_order(ranks, self.schedule, self.seed, str(self.path))
        known = sum(int((self.schedule == schedule).sum()) for schedule in self.schedules)
        if known < len(ranks):
            raise SchemaError(f"{self.path}: a schedule is not one of {list(self.schedules)}")
        return ranks

    @cached_property
    def schedule(self) -> NDArray[np.int32]:
        """Schedules of the runs, shape ``(n_runs,)``."""
        return self._key("schedule")

    @cached_property
    def seed(self) -> NDArray[np.int32]:
        """Training seeds of the runs, shape ``(n_runs,)``."""
        return self._key("seed")

    def _key(self, name: str) -> NDArray[np.int32]:
        column = self._column(name)
        if column.null_count or not pa.types.is_int32(column.type):
            raise SchemaError(f"{self.path}: column {name!r} does not hold an int32 in every row")
        keys: NDArray[np.int32] = to_numpy(column)
        return keys

    @cached_property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs diverged, shape ``(n_runs,)``."""
        with self._reading:
            file = open_file(self.path, ["status"], self._source)
            status = read_column(file, self.path, "status")
        if not pa.types.is_dictionary(status.type) or status.null_count:
            raise SchemaError(f"{self.path}: column 'status' does not hold a text in every row")
        failed = [text == "diverged" for text in status.dictionary.to_pylist()]
        diverged: NDArray[np.bool_] = np.array(failed, dtype=np.bool_)[to_numpy(status.indices)]
        diverged.flags.writeable = False
        return diverged

    def curves(self, name: str, schedule: int) -> NDArray[np.floating]:
        """Return a curve in the runs of one schedule.

        Args:
            name: Column of runs that is a curve.
            schedule: One of ``schedules``.

        Returns:
            Values at the epochs that :meth:`epochs` lists, shape
            ``(n_runs_of_schedule, n_epochs)``; NaN where a run has no value.

        Raises:
            SchemaError: A run has another number of values.
        """
        lists = self._column(name)
        n_epochs = len(self.epochs(name, schedule))
        ends = list_ends(lists)
        starts = np.append(0, ends[:-1])
        if len(self.schedules) > 1:
            rows = self.schedule == schedule
            starts, ends = starts[rows], ends[rows]
        if (ends - starts != n_epochs).any():
            raise SchemaError(
                f"{self.path}: column {name!r} does not hold {n_epochs} values per run of "
                f"schedule {schedule}"
            )
        values: NDArray[np.floating] = list_items(lists)
        if values.nbytes > _LARGE:
            pa.default_memory_pool().release_unused()  # decoding takes several times as much
        if len(self.schedules) == 1:
            return values.reshape(len(starts), n_epochs)
        chosen: NDArray[np.floating] = values[starts[:, None] + np.arange(n_epochs)]
        return chosen

    def has_final(self, name: str) -> bool:
        """Return whether the last values of a curve can be read without the others."""
        return name + FINAL in self._repeated

    def final(self, name: str, schedule: int) -> NDArray[np.floating]:
        """Return a curve at its last recorded epoch, shape ``(n_runs_of_schedule,)``."""
        if self.has_final(name):
            return self.numbers(name + FINAL, schedule)  # type: ignore[return-value]
        return self.curves(name, schedule)[:, -1]

    def numbers(self, name: str, schedule: int) -> NDArray[np.number]:
        """Return a column with one number per run for the runs of one schedule.

        Returns:
            Shape ``(n_runs_of_schedule,)``.
        """
        column = to_numpy(self._column(name))
        values: NDArray[np.number] = column[self.schedule == schedule]
        return values

    @cached_property
    def written_archs(self) -> NDArray[np.uint16]:
        """Architectures in their own file, shape ``(n_archs, n_decisions)``."""
        if self._archs is None:
            return np.empty((0, len(self.space.options)), dtype=np.uint16)
        path = archs_file(self.path)
        return read_archs(self._arch_column("arch"), self.space, str(path))

    @cached_property
    def written_ranks(self) -> NDArray[np.int64]:
        """Ranks of the architectures in their own file, ascending, shape ``(n_archs,)``."""
        if self._archs is None:
            return np.empty(0, dtype=np.int64)
        path = archs_file(self.path)
        ranks = self._ranks(self._arch_column("rank"), path)
        check_arch_order(ranks, str(path))
        return ranks

    def _ranks(self, column: Any, path: Path) -> NDArray[np.int64]:
        if column.null_count:
            raise SchemaError(f"{path}: column 'rank' has a null")
        ranks: NDArray[np.int64] = to_numpy(column)
        if ranks.min(initial=0) < 0 or ranks.max(initial=0) >= prod(self.space.options):
            raise SchemaError(f"{path}: column 'rank' holds no ranks of {self.space.name!r}")
        return ranks

    def arch_numbers(self, name: str) -> NDArray[np.float64]:
        """Return numbers of architectures as float64, NaN for null, shape ``(n_archs,)``."""
        return to_numpy(self._arch_column(name)).astype(np.float64)

    def arch_text_array(self, name: str) -> Any:
        """Return texts of architectures as an Arrow array, null where there is none."""
        return self._arch_column(name)

    def arch_texts(self, name: str) -> list[str | None]:
        """Return texts of architectures, None for null; ``n_archs`` of them."""
        texts: list[str | None] = self.arch_text_array(name).to_pylist()
        return texts

    def is_text(self, name: str) -> bool:
        """Return whether a column of architectures holds text."""
        return self._archs is not None and pa.types.is_string(
            self._archs.schema_arrow.field(name).type
        )

    def frame(self) -> Any:
        """Return the runs as a pandas data frame with curves as lists."""
        names = [name for name in self._runs.schema_arrow.names if not name.endswith(FINAL)]
        with self._reading:
            return self._runs.read(names).to_pandas()

    def check(self) -> None:
        """Check everything that can be checked.

        Raises:
            UnreadableTableError: A byte is damaged.
            SchemaError: Columns are missing or have wrong types, rows are unsorted or repeated, or
                curves have wrong lengths.
            ContentHashError: The numbers do not match the hash in the metadata.
            IllegalArchError: An architecture is outside the space or, if keyed by class, is not a
                representative.
            ValueRangeError: A number is impossible, or is missing where it is required.
        """
        runs, archs = self._rows()
        validate(self.metadata, runs, archs, str(self.path))
        self._check_hash(runs, archs)

    def verify(self) -> None:
        """Compute the content hash, once for every table in a process.

        Raises:
            UnreadableTableError: A byte is damaged.
            ContentHashError: The content does not match the hash in the metadata.
        """
        if self._stamp not in _VERIFIED:
            self._check_hash(*self._rows())
            _VERIFIED.add(self._stamp)

    def _rows(self) -> tuple[pa.Table, pa.Table | None]:
        with self._reading:
            runs = read_rows(self._runs, self.path)
            archs = read_rows(self._archs, archs_file(self.path)) if self._archs else None
        return runs, archs

    def _check_hash(self, runs: pa.Table, archs: pa.Table | None) -> None:
        found = content_hash(self.metadata, runs, archs)
        if found != self.metadata.content_hash:
            raise ContentHashError(
                f"{self.path}: the content hashes to {found[:12]}…, the metadata says "
                f"{self.metadata.content_hash[:12]}…"
            )
