"""Training examples of a table: one vector of recorded values per training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError, one_of
from nasbench.space import SearchSpace
from nasbench.tables.table import Table

_ORIGIN = "optimizer"
_MAX_SEED = 2**31 - 1
FEWEST_REPEATED = 10
"""Fewest architectures with several trainings by which noise is measured."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Trainings of ``n`` architectures, and their cost.

    Attributes:
        space: The search space.
        columns: The ``m`` metrics.
        epochs: The ``e`` recorded epochs.
        archs: Canonical architectures, shape ``(n, d)``; an architecture can appear several times
            if the table is keyed by architectures as written.
        functions: Rank of the representative of each architecture's function, equal for networks
            that compute the same (``space.function``), shape ``(n,)``. What learns and what judges
            share none.
        runs: Values of the finished trainings, shape ``(n_runs, m * e)``: all epochs of the first
            metric, then of the next.
        owner: Index of the architecture of each training, ascending, shape ``(n_runs,)``.
        seconds: Seconds up to each recorded epoch, shape ``(n, e)``; None if not recorded.
        validation_seconds: Seconds of one validation, shape ``(n,)``; None if not recorded.
        origin: Optimizers that proposed each architecture, separated by ``", "``, shape ``(n,)``;
            None if the table does not say.
    """

    space: SearchSpace
    columns: tuple[Column, ...]
    epochs: tuple[int, ...]
    archs: NDArray[np.integer]
    functions: NDArray[np.int64]
    runs: NDArray[np.float64]
    owner: NDArray[np.int64]
    seconds: NDArray[np.float64] | None
    validation_seconds: NDArray[np.float64] | None
    origin: NDArray[np.str_] | None

    @classmethod
    def read(cls, table: Table, metrics: Sequence[str] | None = None) -> Self:
        """The trainings of the longest schedule of a table.

        Args:
            table: An opened table.
            metrics: Columns to learn; default: accuracies on validation and test images.

        Raises:
            UnknownNameError: The table has no such column.
            NotRecordedError: The table has nothing to learn, or the metrics share no recorded
                epoch.
        """
        if not table.schedules:
            raise NotRecordedError(f"{table.metadata.id!r} holds no trainings")
        schedule = table.schedules[-1]
        columns = _columns(table, metrics)
        epochs = _epochs(table, columns, schedule)
        rows = table.schedule == schedule
        values = np.concatenate(
            [_values(table, column.name, schedule, epochs) for column in columns], axis=1
        )
        finished = np.isfinite(values).all(axis=1)
        space, written = table.space, table.archs[rows]
        keys, owner = np.unique(table.ranks[rows], return_inverse=True)
        first = np.searchsorted(owner, np.arange(len(keys)))
        archs = space.canonical_many(written[first])
        known = np.zeros(len(keys), dtype=np.bool_)
        known[owner[finished]] = True
        examples = cls(
            space,
            columns,
            epochs,
            archs,
            space.rank_many(space.function_many(archs)),
            values,
            owner,
            _means_by_arch(table, "seconds", schedule, epochs, owner),
            _means_by_arch(table, "validation_seconds", schedule, epochs[-1:], owner, single=True),
            _origin(table, keys),
        )
        return examples._keep(finished).of(np.flatnonzero(known))

    def __len__(self) -> int:
        return len(self.archs)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of trainings of each architecture, shape ``(n,)``."""
        return np.bincount(self.owner, minlength=len(self))

    @property
    def repeated(self) -> int:
        """Number of architectures with several trainings; 0 if too few to measure noise."""
        found = int((self.counts > 1).sum())
        return found if found >= FEWEST_REPEATED else 0

    @property
    def first(self) -> NDArray[np.int64]:
        """Index of the first training of each architecture, shape ``(n,)``."""
        return np.searchsorted(self.owner, np.arange(len(self)))

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean over the trainings of each architecture, shape ``(n, m * e)``."""
        means: NDArray[np.float64] = np.add.reduceat(self.runs, self.first) / self.counts[:, None]
        return means

    def of(self, chosen: NDArray[np.integer]) -> Self:
        """The examples of the architectures with indices ``chosen``, in that order."""
        where = np.full(len(self), -1)
        where[chosen] = np.arange(len(chosen))
        owner = where[self.owner]
        rows = np.flatnonzero(owner >= 0)
        rows = rows[np.argsort(owner[rows], kind="stable")]
        return replace(
            self,
            archs=self.archs[chosen],
            functions=self.functions[chosen],
            runs=self.runs[rows],
            owner=owner[rows],
            seconds=None if self.seconds is None else self.seconds[chosen],
            validation_seconds=None
            if self.validation_seconds is None
            else self.validation_seconds[chosen],
            origin=None if self.origin is None else self.origin[chosen],
        )

    def without_first(self) -> Self:
        """The examples without the first training of each architecture, which must have others."""
        return self._keep(~np.isin(np.arange(len(self.runs)), self.first))

    def objective(self, default: str | None) -> str:
        """The metric to judge by: the table's default if it is learned, else the first."""
        names = [column.name for column in self.columns]
        return default if default in names else names[0]

    def place(self, metric: str, epoch: int | None = None) -> int:
        """Index of a metric at an epoch in the vectors; default epoch: the last.

        Raises:
            UnknownNameError: No such metric or epoch.
        """
        names = [column.name for column in self.columns]
        if metric not in names:
            raise UnknownNameError(f"no metric is called {metric!r}{one_of(metric, names)}")
        if epoch is not None and epoch not in self.epochs:
            raise UnknownNameError(f"epoch {epoch} is not recorded{one_of(epoch, self.epochs)}")
        at = len(self.epochs) - 1 if epoch is None else self.epochs.index(epoch)
        return names.index(metric) * len(self.epochs) + at

    def _keep(self, runs: NDArray[np.bool_]) -> Self:
        return replace(self, runs=self.runs[runs], owner=self.owner[runs])


def _columns(table: Table, metrics: Sequence[str] | None) -> tuple[Column, ...]:
    learnable = {n: c for n, c in table.columns.items() if c.goal and c.split}
    if metrics is None:
        metrics = [
            n for n, c in learnable.items() if c.unit == "%" and c.split in ("valid", "test")
        ] or [*learnable][:1]
    for name in metrics:
        if name not in learnable:
            raise UnknownNameError(
                f"{table.metadata.id!r} has no metric {name!r}{one_of(name, learnable)}"
            )
    if not metrics:
        raise NotRecordedError(f"{table.metadata.id!r} records no training metric to learn")
    return tuple(learnable[name] for name in dict.fromkeys(metrics))


def _epochs(table: Table, columns: Sequence[Column], schedule: int) -> tuple[int, ...]:
    """Epochs at which all columns are recorded; a column without a curve counts at the last one."""
    last = table.metadata.epochs[schedule][-1]
    recorded = [
        set(table.epochs(c.name, schedule)) if table.is_curve(c.name) else {last} for c in columns
    ]
    common = sorted(set.intersection(*recorded))
    if not common:
        names = ", ".join(c.name for c in columns)
        raise NotRecordedError(f"{table.metadata.id!r} records no epoch common to {names}")
    return tuple(common)


def _values(table: Table, name: str, schedule: int, epochs: tuple[int, ...]) -> NDArray[np.float64]:
    if not table.is_curve(name):
        return table.numbers(name, schedule).astype(np.float64)[:, None]
    recorded = table.epochs(name, schedule)
    places = [recorded.index(epoch) for epoch in epochs]
    return table.curves(name, schedule).astype(np.float64)[:, places]


def _means_by_arch(
    table: Table,
    name: str,
    schedule: int,
    epochs: tuple[int, ...],
    owner: NDArray[np.int64],
    *,
    single: bool = False,
) -> NDArray[np.float64] | None:
    """Means over the runs of each architecture, ignoring NaN; None if not recorded everywhere."""
    if name not in table.columns:
        return None
    if table.is_curve(name) and not set(epochs) <= set(table.epochs(name, schedule)):
        return None
    values = _values(table, name, schedule, epochs)
    known = np.isfinite(values)
    totals = np.zeros((owner[-1] + 1, values.shape[1]))
    counts = np.zeros_like(totals)
    np.add.at(totals, owner, np.where(known, values, 0.0))
    np.add.at(counts, owner, known)
    means = totals / np.maximum(counts, 1)
    means[counts == 0] = np.nan
    return means[:, 0] if single else means


def _origin(table: Table, keys: NDArray[np.int64]) -> NDArray[np.str_] | None:
    if _ORIGIN not in table.arch_columns or not table.is_text(_ORIGIN):
        return None
    by_rank = dict(zip(table.written_ranks.tolist(), table.arch_texts(_ORIGIN), strict=True))
    return np.array([by_rank.get(rank) or "" for rank in keys.tolist()])


def split(examples: Examples, n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``n`` random architectures to learn from, and all others that compute another function.

    Returns:
        Indices for learning and indices for judging, both ascending.

    Raises:
        InvalidArgumentError: Either side has fewer than 10 architectures, or the seed is none.
    """
    if type(seed) is not int or not 0 <= seed <= _MAX_SEED:
        raise InvalidArgumentError(f"seed = {seed!r} must be an integer in 0..{_MAX_SEED}")
    order = np.random.default_rng(seed).permutation(len(examples))
    train = np.sort(order[:n])
    unseen = ~np.isin(examples.functions, examples.functions[train])
    test = np.flatnonzero(unseen)
    if n < 10 or len(test) < 10:
        raise InvalidArgumentError(
            f"learning from {n} of {len(examples)} architectures leaves {len(test)} to judge by; "
            "both must be at least 10"
        )
    return train, test
