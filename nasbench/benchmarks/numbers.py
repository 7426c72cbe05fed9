"""Numbers of a table by position: of one epoch and one training seed, or means over seeds."""

from collections.abc import Collection, Sequence
from functools import cached_property, reduce
from operator import add
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.answer import Answer, Source
from nasbench.benchmarks.lookup import Lookup, Runs, view
from nasbench.benchmarks.refusals import Refusals
from nasbench.errors import NotRecordedError
from nasbench.space import Arch
from nasbench.tables.table import Table

_VIEW_BYTES = 4_000_000  # columns by position are forgotten when they need more


Named: TypeAlias = list[tuple[str, Any]]
Columns: TypeAlias = tuple[Named, Named, memoryview | None, Source]


class Numbers:
    """Columns of a table in the order of positions, read when they are first needed.

    Args:
        table: The table.
        lookup: Its index.

    Attributes:
        refusals: Makes the errors for what the table does not answer.
    """

    def __init__(self, table: Table, lookup: Lookup) -> None:
        self._table = table
        self._lookup = lookup
        self.refusals = Refusals(table, lookup)
        self._columns: dict[tuple[str, int, int, int | None], memoryview] = {}
        self._columns_bytes = 0
        self._loaded: dict[tuple[str, int], NDArray[np.floating]] = {}
        self._arch_columns: dict[str, memoryview] = {}
        self._texts: dict[str, Any] = {}
        self._answers: dict[tuple[int | None, int | None, int | None], Columns] = {}

    @property
    def of_runs(self) -> Collection[str]:
        """Columns of trainings."""
        return self._table.columns.keys()

    @cached_property
    def of_archs(self) -> list[str]:
        """Columns of architectures that hold numbers, not texts."""
        return [name for name in self._table.arch_columns if not self._table.is_text(name)]

    def texts(self, arch: Arch) -> dict[str, str]:
        """Return the recorded texts of an architecture by name."""
        names = [name for name in self._table.arch_columns if self._table.is_text(name)]
        if not names or (row := self._lookup.arch_position[arch]) < 0:
            return {}
        for name in names:
            if name not in self._texts:
                self._texts[name] = self._table.arch_text_array(name)
        found = {name: self._texts[name][row].as_py() for name in names}
        return {name: text for name, text in found.items() if text is not None}

    def answer(self, epoch: int | None, schedule: int | None, seed: int | None) -> Columns:
        """Return all that a query reads, kept for the next one.

        Returns:
            Columns of trainings by position, columns of architectures by row, :meth:`rows`, and
            what explains a missing number.

        Raises:
            NotRecordedError: The table does not record this epoch, schedule or seed.
            InvalidArgumentError: One of them is not an integer.
        """
        if (
            (epoch is not None and type(epoch) is not int)
            or (schedule is not None and type(schedule) is not int)
            or (seed is not None and type(seed) is not int)
        ):
            epoch, schedule, seed = self.refusals.integers(epoch, schedule, seed)
        found = self._answers.get((epoch, schedule, seed))
        if found is None:
            table = self._table
            length, index = self.refusals.resolve(epoch, schedule)
            columns = [
                (name, self.column(name, length, index, seed))
                for name in table.columns
                if not table.is_curve(name) or self.place(name, length, index) is not None
            ]
            arch_columns = [(name, self.arch_column(name)) for name in self.of_archs]
            size = max(1, sum(column.nbytes for _, column in columns))
            if len(self._answers) >= max(8, self.loaded_bytes() // size):
                self._answers.clear()
            question = Question(self, length, index, seed)
            found = columns, arch_columns, self.rows(length, seed), question
            self._answers[epoch, schedule, seed] = found
        return found

    def rows(self, schedule: int, seed: int | None) -> memoryview | None:
        """Return the row of a seed at every position; None if every position has one.

        Returns:
            Row by position, -1 where there is none. Without a seed, the first row of every
            position.

        Raises:
            NotRecordedError: No training of the schedule has this seed.
        """
        if seed is not None and seed not in self._lookup.runs(schedule).seeds:
            raise self.refusals.no_seed(None, schedule, seed)
        rows = self._lookup.rows(schedule, seed)
        return view(rows) if rows.min(initial=0) < 0 else None

    def curves(self, name: str, schedule: int) -> NDArray[np.floating]:
        """Return a curve at all recorded epochs of a schedule, shape ``(n_runs, n_epochs)``."""
        key = (name, schedule)
        if key not in self._loaded:
            self._loaded[key] = self._table.curves(name, schedule)
        return self._loaded[key]

    def column(self, name: str, schedule: int, index: int, seed: int | None) -> memoryview:
        """Return a column by position.

        Args:
            name: A column of runs.
            schedule: A schedule.
            index: Place of the epoch among the recorded epochs of the schedule.
            seed: A recorded training seed; None for the mean over the recorded seeds.
        """
        key = (name, schedule, index, seed)
        found = self._columns.get(key)
        if found is None:
            runs = self._lookup.runs(schedule)
            values = self._values(name, schedule, index)
            if seed is None:
                column = _segment_means(values, runs.first)
            else:
                row_of = self.rows(schedule, seed)
                rows = np.asarray(row_of) if row_of is not None else self._all_rows(schedule, seed)
                column = np.where(rows >= 0, values[rows], values.dtype.type(np.nan))
            if self._columns_bytes + column.nbytes > max(_VIEW_BYTES, self.loaded_bytes()):
                self._columns.clear()
                self._columns_bytes = 0
            self._columns_bytes += column.nbytes
            found = self._columns[key] = view(column)
        return found

    def _values(self, name: str, schedule: int, index: int) -> NDArray[Any]:
        """Return a column in the runs of a schedule, at its ``index``-th recorded epoch."""
        if not self._table.is_curve(name):
            return self._table.numbers(name, schedule)
        place = self.place(name, schedule, index)
        if place is None:
            return np.full(len(self._lookup.runs(schedule).seeds), np.nan)
        is_last = place == len(self._table.epochs(name, schedule)) - 1
        if is_last and self._table.has_final(name) and (name, schedule) not in self._loaded:
            return self._table.final(name, schedule)
        return self.curves(name, schedule)[:, place]

    def place(self, name: str, schedule: int, index: int) -> int | None:
        """Return where a curve holds the ``index``-th recorded epoch of a schedule, or None."""
        epoch, epochs = (
            self._lookup.runs(schedule).epochs[index],
            self._table.epochs(name, schedule),
        )
        return epochs.index(epoch) if epoch in epochs else None

    def _all_rows(self, schedule: int, seed: int) -> NDArray[np.int64]:
        return np.flatnonzero(self._lookup.runs(schedule).seeds == seed)

    def no_value(
        self, name: str, arch: Arch, schedule: int, index: int, seed: int | None
    ) -> NotRecordedError:
        """Make the error for a number that trainings of an architecture lack: say which, and why.

        Args:
            name: A column of runs.
            arch: An architecture with trainings in the schedule.
            schedule: A schedule.
            index: Place of the epoch among the recorded epochs of the schedule.
            seed: The training seed asked for; None for the mean over the recorded seeds.
        """
        runs, p = self._lookup.runs(schedule), self._lookup.position[arch]
        rows = np.arange(*runs.first[p : p + 2])
        asked = rows if seed is None else rows[runs.seeds[rows] == seed]
        lacks = np.isnan(self._values(name, schedule, index))
        lacking = asked[lacks[asked]]
        all_diverged = runs.diverged[lacking].all()
        return self.refusals.no_value(
            name,
            arch,
            runs.epochs[index],
            self._table.epochs(name, schedule),
            diverged=runs.seeds[lacking].tolist() if all_diverged else [],
            others=runs.seeds[rows[~lacks[rows]]].tolist(),
            is_mean=seed is None,
        )

    def loaded_bytes(self) -> int:
        """Return the number of bytes of all curves that were read."""
        return sum(curves.nbytes for curves in self._loaded.values())

    def arch_column(self, name: str) -> memoryview:
        """Return a column of architectures, by row of its file."""
        if name not in self._arch_columns:
            self._arch_columns[name] = view(self._table.arch_numbers(name))
        return self._arch_columns[name]

    def known(self, names: Sequence[str], row: int) -> tuple[tuple[float, ...], float]:
        """Return numbers of an architecture, and the seconds that computing them took.

        Args:
            names: Columns of architectures.
            row: Row of the architecture in its file.

        Raises:
            NotRecordedError: A number is not recorded.
        """
        costs = [f"{n}_seconds" for n in names if f"{n}_seconds" in self._table.arch_columns]
        found = {name: self.arch_column(name)[row] for name in (*names, *costs)}
        for name, value in found.items():
            if value != value and f"{name}_seconds" not in costs:
                raise self.refusals.not_recorded(name)
        # not sum(), which rounds otherwise from Python 3.12 on
        seconds = reduce(add, [found[name] for name in costs], 0.0)
        return tuple(found[name] for name in names), seconds


class Question:
    """A question to a table, which explains what its answers lack; see :class:`Source`.

    Args:
        numbers: Numbers of the table.
        schedule: The schedule asked for.
        index: Place of the epoch among the recorded epochs of the schedule.
        seed: The training seed asked for; None for the mean over the recorded seeds.
    """

    def __init__(self, numbers: Numbers, schedule: int, index: int, seed: int | None) -> None:
        self._numbers = numbers
        self._asked = schedule, index, seed

    def texts(self, arch: Arch) -> dict[str, str]:
        """Return the recorded texts of an architecture by name."""
        return self._numbers.texts(arch)

    def missing(self, name: str, answer: Answer) -> NotRecordedError:
        """Make the error for a name that an answer lacks."""
        if name in self._numbers.of_runs:
            return self._numbers.no_value(name, answer.arch, *self._asked)
        return self._numbers.refusals.not_recorded(name)


def _segment_means(values: NDArray[np.number], first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return means of consecutive rows, added in order; NaN for an empty or NaN segment."""
    counts = np.diff(first)
    total = np.zeros(len(counts))
    wide = values.astype(np.float64)
    for k in range(int(counts.max(initial=0))):
        has = counts > k
        total[has] += wide[first[:-1][has] + k]
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def diverged_somewhere(runs: Runs, seed: int | None) -> NDArray[np.bool_]:
    """Return, by position, whether a training diverged: that of the given seed, or any."""
    relevant = runs.diverged if seed is None else runs.diverged & (runs.seeds == seed)
    if not relevant.any():
        return np.zeros(len(runs.first) - 1, dtype=np.bool_)
    sums = np.concatenate([[0], np.cumsum(relevant)])
    return sums[runs.first[1:]] > sums[runs.first[:-1]]
