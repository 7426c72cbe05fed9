"""Training examples of a table: one vector of recorded values per training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError, one_of
from nasbench.space import SearchSpace
from nasbench.tables.table import Table
from surrogates.scale import logged

_ORIGIN = "optimizer"
_MAX_SEED = 2**31 - 1
_SHARE = 0.8
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
        keys: Ranks by which the table keeps the architectures, shape ``(n,)``.
        left_out: How many architectures of the table have no training to learn from, and why, in
            words; empty if all have one.
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
    keys: NDArray[np.int64]
    left_out: str = ""

    @classmethod
    def read(cls, table: Table, metrics: Sequence[str] | None = None) -> Self:
        """The trainings of the longest schedule of a table that have all metrics at all epochs.

        Args:
            table: An opened table.
            metrics: Columns to learn; default: the default objective of the table, and accuracies
                on validation and test images. Beside an objective that is one number a training,
                no curves of its split: of these, only the end would be learned, and trainings
                without it would be left out.

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
        parts = [_values(table, column.name, schedule, epochs) for column in columns]
        values = np.concatenate(parts, axis=1)
        finished = _is_whole(values)
        space, written = table.space, table.archs[rows]
        keys, owner = np.unique(table.ranks[rows], return_inverse=True)
        first = np.searchsorted(owner, np.arange(len(keys)))
        archs = space.canonical_many(written[first])
        known = _owners(owner, finished)
        last = table.metadata.epochs[schedule][-1]
        seconds = _seconds(table, "seconds", schedule, epochs)
        if seconds is not None and not table.is_curve("seconds"):
            seconds = seconds * np.array(epochs) / last  # of the whole training, spread evenly
        validation = _seconds(table, "validation_seconds", schedule, epochs[-1:])
        if not known.any():
            names = ", ".join(column.name for column in columns)
            raise NotRecordedError(f"no training of {table.metadata.id!r} has a value of {names}")
        lacks = {c.name: ~_is_whole(part) for c, part in zip(columns, parts, strict=True)}
        examples = cls(
            space,
            columns,
            epochs,
            archs,
            space.rank_many(space.function_many(archs)),
            values,
            owner,
            None if seconds is None else _means_by_arch(seconds, owner, finished),
            None if validation is None else _means_by_arch(validation, owner, finished)[:, 0],
            _origin(table, keys),
            keys,
            _left_out(known, table.diverged[rows], lacks, owner),
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

    def means_of(self, keys: NDArray[np.integer], metric: str) -> NDArray[np.float64]:
        """Means of a metric at the last epoch over the trainings of architectures.

        Args:
            keys: Some ranks, as in ``keys``, shape ``(k,)``.
            metric: One of the metrics.

        Returns:
            Shape ``(k,)``; NaN where there is no training.
        """
        order = np.argsort(self.keys)
        places = np.searchsorted(self.keys, keys, sorter=order).clip(max=len(self) - 1)
        found = np.where(self.keys[order][places] == keys, order[places], -1)
        means = np.append(self.means[:, self.place(metric)], np.nan)
        return means[found]

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
            keys=self.keys[chosen],
        )

    @property
    def logged(self) -> NDArray[np.bool_]:
        """Which values are learned as logarithms, shape ``(m * e,)``."""
        return logged(self.runs, self.columns)

    def without_first(self) -> Self:
        """The examples without the first training of each architecture, which must have others."""
        return self._keep(~np.isin(np.arange(len(self.runs)), self.first))

    def objective(self, default: str | None) -> str | None:
        """What searches optimise: the table's default if learned, else a validation column."""
        valid = [column.name for column in self.columns if column.split == "valid"]
        return default if default in valid else next(iter(valid), None)

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
        objective = table.metadata.default_objective
        own = learnable.get(objective or "")
        number = own.split if own is not None and _is_number(table, own.name) else None
        metrics = [
            name
            for name, column in learnable.items()
            if column.unit == "%"
            and column.split in ("valid", "test")
            and (column.split != number or _is_number(table, name))
        ]
        if own is not None and own.name not in metrics:
            metrics = [own.name, *metrics]
        metrics = metrics or [*learnable][:1]
    for name in metrics:
        if name not in learnable:
            raise UnknownNameError(
                f"{table.metadata.id!r} has no metric {name!r}{one_of(name, learnable)}"
            )
    if not metrics:
        raise NotRecordedError(f"{table.metadata.id!r} records no training metric to learn")
    return tuple(learnable[name] for name in dict.fromkeys(metrics))


def _is_number(table: Table, name: str) -> bool:
    """Whether the trainings of the longest schedule have one value of a metric, not a curve."""
    return not table.is_curve(name) or len(table.epochs(name, table.schedules[-1])) == 1


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


def _seconds(
    table: Table, name: str, schedule: int, epochs: tuple[int, ...]
) -> NDArray[np.float64] | None:
    """Seconds of every training, shape ``(n_runs, n_epochs)``; None if not recorded everywhere."""
    if name not in table.columns:
        return None
    if table.is_curve(name) and not set(epochs) <= set(table.epochs(name, schedule)):
        return None
    return _values(table, name, schedule, epochs)


def _means_by_arch(
    values: NDArray[np.float64], owner: NDArray[np.int64], finished: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Means over the finished trainings of each architecture; NaN where none is recorded."""
    known = np.isfinite(values) & finished[:, None]
    totals = np.zeros((owner[-1] + 1, values.shape[1]))
    counts = np.zeros_like(totals)
    np.add.at(totals, owner, np.where(known, values, 0.0))
    np.add.at(counts, owner, known)
    means = totals / np.maximum(counts, 1)
    means[counts == 0] = np.nan
    return means


def _is_whole(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which trainings have all of some values, shape ``(n_runs,)``."""
    return np.asarray(np.isfinite(values).all(axis=1))


def _owners(owner: NDArray[np.int64], runs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which architectures have one of some trainings, shape ``(n,)``."""
    return np.bincount(owner[runs], minlength=owner[-1] + 1) > 0


def _left_out(
    known: NDArray[np.bool_],
    diverged: NDArray[np.bool_],
    lacks: Mapping[str, NDArray[np.bool_]],
    owner: NDArray[np.int64],
) -> str:
    """How many architectures have no training to learn from, and why."""
    if known.all():
        return ""
    ended = _owners(owner, ~diverged)
    reasons = {"diverged": ~known & ~ended}
    for name, runs in lacks.items():
        reasons[f"miss {name}"] = ~known & _owners(owner, runs & ~diverged)
    counted = [f"{found.sum():,} {why}" for why, found in reasons.items() if found.any()]
    return f"{(~known).sum():,} of {len(known):,} architectures left out: {', '.join(counted)}"


def _origin(table: Table, keys: NDArray[np.int64]) -> NDArray[np.str_] | None:
    if _ORIGIN not in table.arch_columns or not table.is_text(_ORIGIN):
        return None
    by_rank = dict(zip(table.written_ranks.tolist(), table.arch_texts(_ORIGIN), strict=True))
    return np.array([by_rank.get(rank) or "" for rank in keys.tolist()])


def split(
    examples: Examples, n: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``n`` random architectures to learn from, and all others that compute another function.

    Args:
        examples: All examples.
        n: Number of architectures to learn from; None for four fifths.
        seed: Seed of the choice.

    Returns:
        Indices for learning and indices for judging, both ascending.

    Raises:
        InvalidArgumentError: Either side has fewer than 10 architectures, ``n`` is no positive
            integer, or the seed is none.
    """
    if type(seed) is not int or not 0 <= seed <= _MAX_SEED:
        raise InvalidArgumentError(f"seed = {seed!r} must be an integer in 0..{_MAX_SEED}")
    if n is None:
        n = round(_SHARE * len(examples))
    if type(n) is not int or n < 1:
        raise InvalidArgumentError(f"train = {n!r} must be a positive integer")
    order = np.random.default_rng(seed).permutation(len(examples))
    train = np.sort(order[:n])
    unseen = ~np.isin(examples.functions, examples.functions[train])
    test = np.flatnonzero(unseen)
    if n < 10 or len(test) < 10:
        raise InvalidArgumentError(
            f"learning from {n} of {len(examples)} architectures leaves {len(test)} to judge by; "
            "both must be at least 10" + (examples.left_out and f" ({examples.left_out})")
        )
    return train, test
