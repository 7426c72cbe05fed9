"""What a table answers about many architectures at once: one metric, and examples to learn from."""

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import check_integer, check_text
from nasbench.benchmarks.answer import read_only
from nasbench.benchmarks.lookup import Lookup
from nasbench.benchmarks.numbers import Numbers
from nasbench.errors import InvalidArgumentError, NotRecordedError, shown
from nasbench.space import SearchSpace
from nasbench.tables.table import Table


class Examples(NamedTuple):
    """Examples of ``n`` architectures for a regressor, as scikit-learn names them.

    Attributes:
        X: Encoded architectures, shape ``(n, n_columns)``.
        y: Values of a metric, shape ``(n,)``.
    """

    X: NDArray[np.number]
    y: NDArray[np.float64]


class SplitExamples(NamedTuple):
    """Examples to learn from and to judge by, in the order of scikit-learn's ``train_test_split``.

    Attributes:
        X_train: Encoded architectures to learn from, shape ``(n_train, n_columns)``.
        X_test: Encoded architectures to judge by, shape ``(n_test, n_columns)``.
        y_train: Values to learn from, shape ``(n_train,)``.
        y_test: Values to judge by, shape ``(n_test,)``.
    """

    X_train: NDArray[np.number]
    X_test: NDArray[np.number]
    y_train: NDArray[np.float64]
    y_test: NDArray[np.float64]


class ManyAnswers:
    """The part of a benchmark from a table that answers about many architectures.

    Args:
        table: The table.
        lookup: Its index.
        numbers: Its numbers by position.

    Attributes:
        table: As given.
    """

    objectives: tuple[str, ...]

    def __init__(self, table: Table, lookup: Lookup, numbers: Numbers) -> None:
        self.table = table
        self._space: SearchSpace = table.space
        self._lookup = lookup
        self._numbers = numbers
        self._refusals = numbers.refusals

    def query_many(
        self,
        archs: NDArray[np.integer],
        metric: str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """Return one metric of many architectures.

        Args:
            archs: Integers of shape ``(n, d)``.
            metric: A column of trainings or of architectures.
            epoch: As in :meth:`nasbench.benchmark.Benchmark.query`.
            schedule: As in :meth:`nasbench.benchmark.Benchmark.query`.
            seed: As in :meth:`nasbench.benchmark.Benchmark.query`.

        Returns:
            Values of shape ``(n,)``; NaN where the metric has no value at this epoch.

        Raises:
            IllegalArchError: The array has a wrong shape, or an architecture is not in the space.
            NotRecordedError: An architecture, the metric, epoch, schedule or seed is not recorded.
            InvalidArgumentError: The epoch, schedule or seed is not an integer, or the metric not
                a text.
        """
        check_text("metric", metric)
        epoch, schedule, seed = self._refusals.integers(epoch, schedule, seed)
        archs = self._space.check_many(archs)
        ranks = self._space.rank_many(archs)
        schedule, index = self._refusals.resolve(epoch, schedule)
        if metric in self._numbers.of_archs:
            places = self._lookup.arch_positions(archs, ranks)
            if len(places) and places.min() < 0:
                raise self._refusals.no_numbers(
                    self._space.check(archs[int(np.argmin(places))].tolist())
                )
            return read_only(np.asarray(self._numbers.arch_column(metric))[places])
        if metric in self.table.arch_columns:
            raise self._refusals.no_numbers_but_texts(metric)
        if metric not in self.table.columns:
            raise self._refusals.not_recorded(metric)
        column = np.asarray(self._numbers.column(metric, schedule, index, seed))
        places = self._lookup.positions(archs, ranks)
        row_of = self._numbers.rows(schedule, seed)
        if row_of is not None and len(places) and (np.asarray(row_of)[places] < 0).any():
            bad = int(np.flatnonzero(np.asarray(row_of)[places] < 0)[0])
            raise self._refusals.no_seed(tuple(archs[bad].tolist()), schedule, seed)
        return read_only(column[places].astype(np.float64, copy=False))

    def to_xy(
        self,
        metric: str | None = None,
        *,
        encoding: str | Sequence[str] | None = "one_hot",
        split: float | int | None = None,
        n: int | None = None,
        split_seed: int = 0,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> tuple[NDArray[np.number], ...]:
        """Return recorded architectures and a metric as arrays for regressors.

        One row is one architecture, in the order of their ranks; in a table keyed by class, the
        representative of a class of identical networks. What has no value has no row: where the
        seed was not recorded, or a training diverged. With ``split``, architectures that compute
        the same function (``space.function``) are all on one side, so that nothing is judged on a
        network that was learned from.

        >>> import nasbench
        >>> benchmark = nasbench.load("nb201-cifar10")
        >>> X, y = benchmark.to_xy()
        >>> X.shape, y.shape
        ((15625, 30), (15625,))
        >>> X_train, X_test, y_train, y_test = benchmark.to_xy(encoding="path", split=100)
        >>> X_train.shape, X_test.shape
        ((100, 84), (15525, 84))

        Args:
            metric: A column of trainings or of architectures; default: the first objective.
            encoding: A name from :data:`nasbench.encodings.ENCODINGS`; several are put side by
                side; None for the option numbers themselves, shape ``(n, n_decisions)``.
            split: What to learn from: a share of the architectures between 0 and 1, or a number of
                them. Where whole functions do not fill it, it is a few less.
            n: Number of architectures, drawn at random, to use at all; default: every one.
            split_seed: Seed of ``n`` and ``split``; the same everywhere.
            epoch: As in :meth:`nasbench.benchmark.Benchmark.query`.
            schedule: As in :meth:`nasbench.benchmark.Benchmark.query`.
            seed: As in :meth:`nasbench.benchmark.Benchmark.query`.

        Returns:
            :class:`Examples`, to be unpacked as ``X, y``; with ``split`` :class:`SplitExamples`,
            ``X_train, X_test, y_train, y_test``. Values are in the unit of the metric.

        Raises:
            NotRecordedError: The metric, epoch, schedule or seed is not recorded; or no metric is
                given and the table has no objective.
            UnknownNameError: There is no encoding of such a name.
            InvalidArgumentError: The space does not support the encoding, ``n`` is more than there
                are, or one side of the split would be empty.
        """
        from nasbench.encodings import encode  # a query does without

        if metric is None and not self.objectives:
            raise self._refusals.no_objective()
        name = self.objectives[0] if metric is None else metric
        epoch, schedule, seed = self._refusals.integers(epoch, schedule, seed)
        length, _ = self._refusals.resolve(epoch, schedule)
        archs = self._recorded(length, seed)
        y = self.query_many(archs, name, epoch=epoch, schedule=schedule, seed=seed)
        has_value = np.isfinite(y)
        if not has_value.any():
            about = self.table.metadata
            raise NotRecordedError(f"{about.id!r} records no {name!r} there{about.referral}")
        archs, y = archs[has_value].astype(np.int64), y[has_value]
        rng = random.Random(check_integer("split_seed", split_seed))
        if n is not None:
            chosen = _chosen(len(y), n, rng)
            archs, y = archs[chosen], y[chosen]
        names = [encoding] if isinstance(encoding, str) else encoding
        if names is not None and not isinstance(names, Collection):
            raise InvalidArgumentError(f"encoding = {shown(encoding)} must be a name, or several")
        X = archs if names is None else encode(self._space, archs, names)
        if split is None:
            return Examples(X, y)
        functions = self._space.rank_many(self._space.function_many(archs))
        learned = _learned(functions, _n_learned(split, len(y)), rng)
        if not learned.any() or learned.all():
            raise InvalidArgumentError(
                f"split = {split!r} of {len(y):,} architectures leaves one side empty: "
                f"they compute {len(np.unique(functions)):,} functions, which are not divided"
            )
        return SplitExamples(X[learned], X[~learned], y[learned], y[~learned])

    def _recorded(self, schedule: int, seed: int | None) -> NDArray[np.integer]:
        """Architectures that own a training of a schedule and seed, shape ``(n, d)``."""
        archs: NDArray[np.integer] = self.table.archs[
            np.searchsorted(self.table.ranks, self._lookup.keys)
        ]
        row_of = self._numbers.rows(schedule, seed)
        return archs if row_of is None else archs[np.asarray(row_of) >= 0]


def _chosen(n_all: int, n: int, rng: random.Random) -> NDArray[np.int64]:
    """``n`` indices below ``n_all``, ascending; those of a smaller ``n`` are among them."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= n_all:
        raise InvalidArgumentError(f"n = {shown(n)} must be an integer from 1 to {n_all:,}")
    draws = np.array([rng.random() for _ in range(n_all)])
    return np.sort(np.argsort(draws, kind="stable")[:n])


def _n_learned(split: float, n: int) -> int:
    """The number of architectures to learn from."""
    is_number = isinstance(split, int | float | np.number) and not isinstance(split, bool)
    is_count = isinstance(split, int | np.integer)
    if not is_number or not 0 < split < (n if is_count else 1):
        raise InvalidArgumentError(
            f"split = {shown(split)} must be a share between 0 and 1, such as 0.8, or a number of "
            f"architectures from 1 to {n - 1:,}"
        )
    return int(split) if is_count else round(float(split) * n)


def _learned(functions: NDArray[np.int64], most: int, rng: random.Random) -> NDArray[np.bool_]:
    """Which rows to learn from: at most ``most``, all or none of a function, functions at random.

    Args:
        functions: Rank of the function of every row, shape ``(n,)``.
        most: Number of rows at most.
        rng: Source of the order of the functions.
    """
    _, function_of, sizes = np.unique(functions, return_inverse=True, return_counts=True)
    draws = [rng.random() for _ in range(len(sizes))]
    left, taken = most, np.zeros(len(sizes), dtype=np.bool_)
    for function in sorted(range(len(sizes)), key=draws.__getitem__):
        if sizes[function] <= left:
            taken[function] = True
            left -= int(sizes[function])
    return taken[function_of]
