"""Benchmarks made of tables: what a table answers."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Evaluation, Trainings
from nasbench.benchmarks.lookup import Lookup, Memo, Runs, view
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    NotRecordedError,
    UnknownNameError,
    listed,
    one_of,
)
from nasbench.space import Arch, SearchSpace
from nasbench.tables.schema import Column, Metadata
from nasbench.tables.table import Table

_VIEW_BYTES = 4_000_000
_EVALUATIONS = 2**16


class Answer(dict[str, float]):
    """What :meth:`Benchmark.query` returns: a dict that explains what it does not hold."""

    __slots__ = ("_explain",)

    def __init__(
        self, values: dict[str, float], explain: Callable[[str], NotRecordedError]
    ) -> None:
        super().__init__(values)
        self._explain = explain

    def __missing__(self, name: str) -> float:
        raise self._explain(name)


class TableBenchmark:
    """The benchmark that a table is; see :class:`Benchmark` for its attributes and methods.

    Args:
        table: An opened table.
        objectives: Columns to minimise or maximise; default: the table's own, none where it has no
            validation column.
        known: Columns of architectures that a search may see.

    Raises:
        UnknownNameError: No such column.
        InvalidArgumentError: A column that cannot be an objective or be known in advance.
        NotRecordedError: The table has no trainings.
    """

    def __init__(
        self, table: Table, objectives: Sequence[str] | None = None, known: Sequence[str] = ()
    ) -> None:
        metadata = table.metadata
        self.table = table
        self.name = metadata.id
        self.version = metadata.version
        self.content_hash = metadata.content_hash
        self._space = table.space
        self.schedules = table.schedules
        if not self.schedules:
            raise NotRecordedError(
                f"{self.name!r} holds no trainings, only {listed(table.arch_columns)} of "
                "architectures; join it to a table of trainings with 'nasbench merge'"
            )
        self._default_schedule = self.schedules[-1]
        self._one_schedule = len(self.schedules) == 1
        self.objectives = self._check_objectives(objectives)
        self.fidelities = self._find_fidelities()
        self.known = self._check_known(known)
        self._lookup = Lookup(table)
        self._position = self._lookup.position
        self._arch_position = self._lookup.arch_position
        self._trainings = {
            schedule: Memo(partial(self._find_trainings, schedule)) for schedule in self.schedules
        }
        self._columns: dict[tuple[str, int, int, int | None], memoryview] = {}
        self._columns_bytes = 0
        self._evaluations: dict[tuple[int | None, int | None], Memo[Evaluation]] = {}
        self._answers: dict[tuple[int | None, int | None, int | None], tuple[Any, ...]] = {}
        self._loaded: dict[tuple[str, int], NDArray[np.floating]] = {}
        self._arch_columns: dict[str, memoryview] = {}

    @cached_property
    def space(self) -> SearchSpace:
        """The search space; of an incomplete table, what is recorded in the longest schedule."""
        if self.table.metadata.complete:
            return self._space
        n_runs = np.diff(self._lookup.runs(self._default_schedule).first)
        return RecordedSpace(self._space, self._lookup.keys[n_runs > 0])

    @property
    def description(self) -> Metadata:
        """What the table says of itself."""
        return self.table.metadata

    @property
    def columns(self) -> Mapping[str, Column]:
        """Meaning of every column that comes out of a training."""
        return self.table.columns

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy in another process opens the table there."""
        return _reopen, (self.table.path.resolve(), self.objectives or None, self.known)

    def query(
        self,
        arch: Arch | str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> dict[str, float]:
        """All that is recorded of an architecture.

        Args:
            arch: A tuple, or the text form of the space.
            epoch: After which epoch; default: the end of the training. Where the table has several
                schedules and none is given, epoch e means the end of schedule e.
            schedule: Planned length of the training; default: the longest.
            seed: A recorded training seed; default: the mean over the recorded ones.

        Returns:
            Value by column name; reading a column that is not recorded raises
            :class:`NotRecordedError`.

        Raises:
            IllegalArchError: Not in the space.
            NotRecordedError: The architecture, epoch, schedule or seed is not recorded.
        """
        columns, arch_columns, row_of = self._answer(epoch, schedule, seed)
        if isinstance(arch, str):
            arch = self._space.from_text(arch)
        try:
            p = self._position[arch]
            if row_of is not None and row_of[p] < 0:
                raise self._no_seed(arch, self._resolve(epoch, schedule)[0], seed)
            values = {name: v for name, column in columns if (v := column[p]) == v}
            if arch_columns:
                q = self._arch_position[arch]
                if q >= 0:
                    values |= {name: v for name, column in arch_columns if (v := column[q]) == v}
        except TypeError:
            raise self._no_arch(arch) from None
        return Answer(values, self._not_recorded)

    def curve(
        self, arch: Arch | str, metric: str, *, schedule: int | None = None, seed: int | None = None
    ) -> NDArray[np.floating]:
        """Values of a metric after epochs 1, 2, …; NaN where not recorded.

        Args:
            arch: A tuple, or the text form of the space.
            metric: A column with a value for every recorded epoch.
            schedule: As in :meth:`query`.
            seed: As in :meth:`query`.

        Returns:
            Array of shape ``(schedule,)``, float32 or, where the table has them, float64.

        Raises:
            NotRecordedError: There is no such curve, or what :meth:`query` raises it for.
            IllegalArchError: Not in the space.
        """
        schedule = self._check_schedule(schedule)
        if metric in self.table.arch_columns:
            raise NotRecordedError(
                f"{self.name!r} has no curve of {metric!r}, which no training produced"
            )
        if metric not in self.table.columns:
            raise self._not_recorded(metric)
        epochs = self.table.epochs(metric, schedule)
        if not self.table.is_curve(metric) or len(epochs) <= 1:
            only = (
                f"only its value at epoch {epochs[-1]}"
                if epochs
                else f"nor a value in schedule {schedule}"
            )
            raise NotRecordedError(
                f"{self.name!r} has no curve of {metric!r}, {only}{self._elsewhere()}"
            )
        arch = self._space.from_text(arch) if isinstance(arch, str) else self._space.check(arch)
        p = self._position[arch]
        runs = self._lookup.runs(schedule)
        first, last = runs.first[p : p + 2]
        rows = np.arange(first, last)
        if seed is not None:
            rows = rows[runs.seeds[first:last] == seed]
        if not rows.size:
            raise self._no_seed(arch, schedule, seed)
        values = self._curves(metric, schedule)
        curve = np.full(schedule, np.nan, dtype=values.dtype)
        curve[np.array(epochs) - 1] = values[rows].mean(axis=0, dtype=np.float64)
        return _read_only(curve)

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Losses and cost of one training.

        Args:
            arch: A tuple of the space.
            epoch: One of ``fidelities``; default: the last.
            seed: A recorded training seed; default: the mean over the recorded ones, ``inf`` if one
                diverged.

        Raises:
            IllegalArchError: Not in the space.
            NotRecordedError: The architecture, epoch or seed is not recorded, or the table has no
                validation column and no objective was asked for.
        """
        evaluations = self._evaluations.get((epoch, seed))
        if evaluations is None:
            find = self._evaluator(epoch, seed)
            evaluations = self._evaluations[epoch, seed] = Memo(find, _EVALUATIONS)
        try:
            return evaluations[arch]
        except TypeError:
            raise self._no_arch(arch) from None

    def query_many(
        self,
        archs: NDArray[np.integer],
        metric: str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """One metric of many architectures.

        Args:
            archs: Array of shape ``(n, d)``.
            metric: A column of training runs or of architectures.
            epoch: As in :meth:`query`.
            schedule: As in :meth:`query`.
            seed: As in :meth:`query`.

        Returns:
            Array of shape ``(n,)``; NaN where an epoch holds no value of this metric.

        Raises:
            IllegalArchError: An array of another shape or with an option out of range.
            NotRecordedError: An architecture, the metric, epoch, schedule or seed is not recorded.
        """
        archs = self._space.check_many(archs)
        ranks = self._space.rank_many(archs)
        schedule, index = self._resolve(epoch, schedule)
        if metric in self._arch_numbers:
            places = np.searchsorted(self.table.written_ranks, ranks)
            others = np.flatnonzero(np.append(self.table.written_ranks, -1)[places] != ranks)
            places[others] = [self._arch_position[tuple(arch)] for arch in archs[others].tolist()]
            if len(places) and places.min() < 0:
                raise self._no_numbers(self._space.check(archs[int(np.argmin(places))].tolist()))
            return _read_only(np.asarray(self._arch_column(metric))[places])
        if metric not in self.table.columns:
            raise self._not_recorded(metric)
        column = np.asarray(self._column(metric, schedule, index, seed))
        places = self._lookup.positions(archs, ranks)
        row_of = self._rows(schedule, seed)
        if row_of is not None and len(places) and (np.asarray(row_of)[places] < 0).any():
            bad = int(np.flatnonzero(np.asarray(row_of)[places] < 0)[0])
            raise self._no_seed(tuple(archs[bad].tolist()), schedule, seed)
        return _read_only(column[places].astype(np.float64, copy=False))

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Key and recorded seeds of an architecture.

        Args:
            arch: A tuple of the space.
            epoch: Where the table has several schedules, the one that ends there; default: the
                longest.

        Raises:
            IllegalArchError: Not in the space.
            NotRecordedError: The architecture or schedule is not recorded.
        """
        one = self._one_schedule or epoch is None
        schedule = self._default_schedule if one else self._check_schedule(epoch)
        try:
            return self._trainings[schedule][arch]
        except TypeError:
            raise self._no_arch(arch) from None

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        """Values of the ``known`` columns, and the seconds recorded for computing them.

        A value is NaN where it was computed and is not defined: it has a cost, but no number.

        Raises:
            IllegalArchError: Not in the space.
            NotRecordedError: A number or its cost is not recorded.
        """
        try:
            q = self._arch_position[arch]
        except TypeError:
            raise self._no_arch(arch) from None
        if q < 0:
            raise self._no_numbers(arch)
        costs = [f"{n}_seconds" for n in self.known if f"{n}_seconds" in self.table.arch_columns]
        found = {name: self._arch_column(name)[q] for name in (*self.known, *costs)}
        for name, value in found.items():
            if value != value and f"{name}_seconds" not in costs:
                raise self._not_recorded(name)
        return tuple(found[name] for name in self.known), float(sum(found[name] for name in costs))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """All recorded training seeds, ascending."""
        return tuple(np.unique(self.table.seed).tolist())

    @cached_property
    def complete_seeds(self) -> tuple[int, ...]:
        """Training seeds recorded for every architecture and schedule, ascending."""
        wanted = len(self._lookup.keys) * len(self.schedules)
        seeds, counts = np.unique(self.table.seed, return_counts=True)
        return tuple(seeds[counts == wanted].tolist())

    def column(self, name: str) -> Column:
        """Meaning of a column.

        Raises:
            NotRecordedError: No such column.
        """
        found = self.table.columns.get(name) or self.table.arch_columns.get(name)
        if found is None:
            raise self._not_recorded(name)
        return found

    def _find_trainings(self, schedule: int, arch: Arch) -> Trainings:
        p = self._position[arch]
        seeds = self._lookup.seeds(schedule, p)
        if not seeds:
            raise self._no_seed(arch, schedule, None)
        return Trainings(int(self._lookup.keys[p]), seeds)

    def _rows(self, schedule: int, seed: int | None) -> memoryview | None:
        """Row of every position for a seed, or of its first run, or -1; None if all have one."""
        if seed is not None and seed not in self._lookup.runs(schedule).seeds:
            raise self._no_seed(None, schedule, seed)
        rows = self._lookup.rows(schedule, seed)
        return view(rows) if rows.min(initial=0) < 0 else None

    # Numbers by position

    @cached_property
    def _arch_numbers(self) -> list[str]:
        """Columns of architectures that hold numbers, not texts."""
        return [name for name in self.table.arch_columns if not self.table.is_text(name)]

    def _find_fidelities(self) -> tuple[int, ...]:
        """Epochs, or ends of schedules, that a search may ask for: those with every objective."""
        curves = [name for name in self.objectives if self.table.is_curve(name)]
        epochs = self.table.metadata.epochs
        if self._one_schedule:
            possible = [(self._default_schedule, e) for e in epochs[self._default_schedule]]
        else:
            possible = [(schedule, schedule) for schedule in self.schedules]
        return tuple(
            epoch
            for schedule, epoch in possible
            if all(epoch in self.table.epochs(name, schedule) for name in curves)
        )

    @cached_property
    def is_clocked(self) -> bool:
        """Whether seconds are recorded wherever a search may ask; else none are charged."""
        return "seconds" in self.table.columns and all(
            epoch in self.table.epochs("seconds", self._resolve(epoch, None)[0])
            for epoch in self.fidelities
        )

    def _curves(self, name: str, schedule: int) -> NDArray[np.floating]:
        key = (name, schedule)
        if key not in self._loaded:
            self._loaded[key] = self.table.curves(name, schedule)
        return self._loaded[key]

    def _column(self, name: str, schedule: int, index: int, seed: int | None) -> memoryview:
        """Values by position at the ``index``-th recorded epoch, of a seed or the mean of them."""
        key = (name, schedule, index, seed)
        if key not in self._columns:
            runs = self._lookup.runs(schedule)
            values = self._values(name, schedule, index)
            if seed is None:
                column = _segment_means(values, runs.first)
            else:
                row_of = self._rows(schedule, seed)
                rows = np.asarray(row_of) if row_of is not None else self._all_rows(schedule, seed)
                column = np.where(rows >= 0, values[rows], values.dtype.type(np.nan))
            if self._columns_bytes + column.nbytes > max(_VIEW_BYTES, self._loaded_bytes()):
                self._columns.clear()
                self._columns_bytes = 0
            self._columns_bytes += column.nbytes
            self._columns[key] = view(column)
        return self._columns[key]

    def _values(self, name: str, schedule: int, index: int) -> NDArray[Any]:
        """Values of the runs of a schedule at its ``index``-th recorded epoch."""
        if not self.table.is_curve(name):
            return self.table.numbers(name, schedule)
        place = self._place(name, schedule, index)
        if place is None:
            return np.full(len(self._lookup.runs(schedule).seeds), np.nan)
        is_last = place == len(self.table.epochs(name, schedule)) - 1
        if is_last and self.table.has_final(name) and (name, schedule) not in self._loaded:
            return self.table.final(name, schedule)
        return self._curves(name, schedule)[:, place]

    def _place(self, name: str, schedule: int, index: int) -> int | None:
        """Where a curve holds the ``index``-th recorded epoch of a schedule."""
        epoch, epochs = self._lookup.runs(schedule).epochs[index], self.table.epochs(name, schedule)
        return epochs.index(epoch) if epoch in epochs else None

    def _all_rows(self, schedule: int, seed: int) -> NDArray[np.int64]:
        return np.flatnonzero(self._lookup.runs(schedule).seeds == seed)

    def _loaded_bytes(self) -> int:
        return sum(curves.nbytes for curves in self._loaded.values())

    def _arch_column(self, name: str) -> memoryview:
        if name not in self._arch_columns:
            self._arch_columns[name] = view(self.table.arch_numbers(name))
        return self._arch_columns[name]

    def _answer(self, epoch: int | None, schedule: int | None, seed: int | None) -> tuple[Any, ...]:
        found = self._answers.get((epoch, schedule, seed))
        if found is None:
            length, index = self._resolve(epoch, schedule)
            columns = [
                (name, self._column(name, length, index, seed))
                for name in self.table.columns
                if not self.table.is_curve(name) or self._place(name, length, index) is not None
            ]
            arch_columns = [(name, self._arch_column(name)) for name in self._arch_numbers]
            if len(self._answers) >= max(
                8, self._loaded_bytes() // max(1, sum(c.nbytes for _, c in columns))
            ):
                self._answers.clear()
            found = self._answers[epoch, schedule, seed] = (
                columns,
                arch_columns,
                self._rows(length, seed),
            )
        return found

    def _evaluator(self, epoch: int | None, seed: int | None) -> Callable[[Arch], Evaluation]:
        """The function that :meth:`evaluate` is for one epoch and seed."""
        self.require_objectives()
        schedule, index = self._resolve(epoch, None)
        runs = self._lookup.runs(schedule)
        columns = self.table.columns

        def numbers(name: str) -> NDArray[np.float64]:
            if name not in columns:
                return np.zeros(len(self._lookup.keys))
            return np.asarray(self._column(name, schedule, index, seed), dtype=np.float64)

        losses = []
        for name in self.objectives:
            column = self.column(name)
            if name in self.table.arch_columns:
                losses.append((as_loss(column, self.table.arch_numbers(name)), True))
                continue
            loss = as_loss(column, numbers(name))
            failed = _segment_any(runs, seed) & np.isnan(loss)
            losses.append((np.where(failed, np.inf, loss), False))
        per_arch = any(of_arch for _, of_arch in losses)
        validation = numbers("validation_seconds")
        seconds = validation + (numbers("seconds") if self.is_clocked else 0)
        row_of = self._rows(schedule, seed)

        def find(arch: Arch) -> Evaluation:
            p = self._position[arch]
            if row_of is not None and row_of[p] < 0:
                raise self._no_seed(arch, schedule, seed)
            q = self._arch_position[arch] if per_arch else -1
            if per_arch and q < 0:
                raise self._no_numbers(arch)
            found = tuple(float(column[q if of_arch else p]) for column, of_arch in losses)
            for name, loss in zip(self.objectives, found, strict=True):
                if loss != loss:
                    raise self._not_recorded(name)
            return Evaluation(found, float(seconds[p]), float(validation[p]))

        return find

    # Arguments and messages

    def require_objectives(self) -> None:
        """Refuse to be searched without an objective.

        Raises:
            NotRecordedError: None was asked for, and the table has no validation column.
        """
        if not self.objectives:
            possible = [name for name, column in self.table.columns.items() if column.goal]
            raise NotRecordedError(
                f"{self.name!r} has no validation column; ask for an objective by name"
                f"{one_of('', possible)}"
            )

    def _check_objectives(self, objectives: Sequence[str] | None) -> tuple[str, ...]:
        table = self.table
        if objectives is None:
            default = table.metadata.default_objective
            return () if default is None else (default,)
        if isinstance(objectives, str) or not objectives:
            raise InvalidArgumentError(
                f"objectives = {objectives!r} must be a list of at least one column"
            )
        possible = [name for name, c in {**table.columns, **table.arch_columns}.items() if c.goal]
        for name in objectives:
            if name not in possible:
                raise UnknownNameError(
                    f"{self.name!r} has no objective {name!r}{one_of(name, possible)}"
                    f"{self._elsewhere()}"
                )
        return tuple(objectives)

    def _check_known(self, known: Sequence[str]) -> tuple[str, ...]:
        table = self.table
        possible = self._arch_numbers
        if isinstance(known, str):
            raise InvalidArgumentError(f"known = {known!r} must be a list of columns")
        for name in known:
            if name in table.columns:
                raise InvalidArgumentError(
                    f"{name!r} comes out of a training and cannot be known before one"
                    f"{one_of('', possible)}"
                )
            if name not in possible:
                raise UnknownNameError(
                    f"{self.name!r} has no column {name!r} to be known{one_of(name, possible)}"
                )
        return tuple(known)

    def _check_schedule(self, schedule: int | None) -> int:
        if schedule is None:
            return self._default_schedule
        if schedule not in self.table.metadata.epochs:
            raise NotRecordedError(
                f"{self.name!r} has no schedule of {schedule} epochs"
                f"{one_of(schedule, self.schedules)}{self._elsewhere()}"
            )
        return schedule

    def _resolve(self, epoch: int | None, schedule: int | None) -> tuple[int, int]:
        """Schedule and place in its recorded epochs."""
        if schedule is None and not self._one_schedule and epoch is not None:
            if epoch not in self.schedules:
                raise NotRecordedError(
                    f"{self.name!r} has no schedule that ends at epoch {epoch}"
                    f"{one_of(epoch, self.schedules)}. Points of a longer curve are asked for with "
                    "schedule="
                )
            schedule = epoch
        schedule = self._check_schedule(schedule)
        epochs = self.table.metadata.epochs[schedule]
        if epoch is None:
            return schedule, len(epochs) - 1
        if epoch not in epochs:
            if not isinstance(epoch, int | float | np.number):
                raise InvalidArgumentError(f"epoch = {epoch!r} must be an integer")
            nearest = min(epochs, key=lambda e: abs(e - epoch))
            recorded = (
                f"{epochs[0]}..{epochs[-1]}" if len(epochs) > 12 else ", ".join(map(str, epochs))
            )
            raise NotRecordedError(
                f"{self.name!r} does not record epoch {epoch}; did you mean {nearest}? Recorded: "
                f"{recorded}{self._elsewhere()}"
            )
        return schedule, epochs.index(epoch)

    def _no_arch(self, arch: object) -> IllegalArchError:
        try:
            self._space.check(arch)  # type: ignore[arg-type]
        except IllegalArchError as error:
            return error
        return IllegalArchError(
            f"{arch!r} must be a tuple of integers to be an architecture of {self._space.name!r}"
        )

    def _no_numbers(self, arch: Arch) -> NotRecordedError:
        return NotRecordedError(f"{self.name!r} holds no numbers of {self._space.to_text(arch)}")

    def _no_seed(self, arch: Arch | None, schedule: int, seed: int | None) -> NotRecordedError:
        runs = self._lookup.runs(schedule)
        if arch is None:
            possible, of = np.unique(runs.seeds).tolist(), ""
        else:
            p = self._position[arch]
            possible = list(self._lookup.seeds(schedule, p))
            of = f" of {self._space.to_text(arch)}"
            if not possible:
                others = [s for s in self.schedules if self._lookup.seeds(s, p)]
                return NotRecordedError(
                    f"{self.name!r} has no training{of} for {schedule} epochs"
                    f"{one_of(schedule, others)}{self._elsewhere()}"
                )
        return NotRecordedError(
            f"{self.name!r} has no training with seed {seed}{of} for {schedule} epochs"
            f"{one_of(seed, possible)}{self._elsewhere()}"
        )

    def _not_recorded(self, name: str) -> NotRecordedError:
        recorded = [
            *self.table.columns,
            *self._arch_numbers,
        ]
        if name in recorded:
            return NotRecordedError(
                f"{self.name!r} does not record {name!r} of this architecture at this epoch"
            )
        return NotRecordedError(
            f"{self.name!r} does not record {name!r}{one_of(name, recorded)}{self._elsewhere()}"
        )

    def _elsewhere(self) -> str:
        text = self.table.metadata.elsewhere
        return f". Elsewhere: {text}" if text else ""


def _reopen(path: Path, objectives: Sequence[str] | None, known: Sequence[str]) -> TableBenchmark:
    return TableBenchmark(Table(path), objectives, known)


def as_loss(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of which lower is better: 100 minus a percentage that is to be maximised, or minus."""
    if column.goal == "max":
        return 100.0 - values if column.unit == "%" else -values
    return values


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _segment_means(values: NDArray[np.number], first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means of consecutive rows, added in order; NaN for an empty segment or one that holds NaN."""
    counts = np.diff(first)
    total = np.zeros(len(counts))
    wide = values.astype(np.float64)
    for k in range(int(counts.max(initial=0))):
        has = counts > k
        total[has] += wide[first[:-1][has] + k]
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _segment_any(runs: Runs, seed: int | None) -> NDArray[np.bool_]:
    """Whether a run of a position diverged, of the given seed or of any."""
    relevant = runs.diverged if seed is None else runs.diverged & (runs.seeds == seed)
    if not relevant.any():
        return np.zeros(len(runs.first) - 1, dtype=np.bool_)
    sums = np.concatenate([[0], np.cumsum(relevant)])
    return sums[runs.first[1:]] > sums[runs.first[:-1]]


def describe(table: Table) -> Mapping[str, Any]:
    """What ``nasbench info`` prints; empty texts where there is nothing to say."""
    metadata = table.metadata
    facts = {
        "id": f"{metadata.id}@{metadata.version}",
        "title": metadata.title,
        "description": metadata.description,
        "space": metadata.space,
        "dataset": metadata.dataset,
    }
    if table.schedules:
        facts |= _of_trainings(TableBenchmark(table))
    return facts | {
        "source": metadata.source,
        "licence": metadata.licence,
        "citation": metadata.citation,
        "not recorded": metadata.elsewhere,
        "content hash": metadata.content_hash,
        "file": str(table.path),
    }


def _of_trainings(benchmark: TableBenchmark) -> dict[str, str]:
    """What a table of trainings can be asked."""
    metadata, size = benchmark.table.metadata, benchmark.space.size
    recorded = "" if metadata.complete else "recorded "
    return {
        "space": f"{metadata.space} ({size:,} {recorded}architectures)" if size else metadata.space,
        "objectives": ", ".join(benchmark.objectives),
        "schedules": ", ".join(f"{s} epochs" for s in benchmark.schedules),
        "fidelities": ", ".join(map(str, benchmark.fidelities)),
        "seeds": f"{', '.join(map(str, benchmark.seeds))} ({metadata.seeds})",
        "runs": f"{len(benchmark.table.seed):,}",
    }
