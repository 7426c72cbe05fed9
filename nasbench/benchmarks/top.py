"""The best architectures of a table by one of its columns."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError, one_of
from nasbench.space import Arch


class Entry(NamedTuple):
    """An architecture among the best.

    Attributes:
        rank: Its rank, from 1; equal values share the best rank of them.
        tied: Whether another architecture has the same value.
        arch: The architecture; of a table keyed by class, the representative of its class.
        value: Mean of the column over the recorded seeds.
        seeds: The recorded seeds; none for a column that no training produced.
        spread: Standard deviation over the seeds, with n - 1; NaN if there are fewer than two.
        costs: Value of every cost column that is recorded for the architecture.
    """

    rank: int
    tied: bool
    arch: Arch
    value: float
    seeds: tuple[int, ...]
    spread: float
    costs: dict[str, float]


@dataclass(frozen=True, slots=True)
class Top:
    """The best architectures of a table.

    Attributes:
        column: What they are ranked by.
        entries: The best, in their order.
        n_ranked: Number of architectures that have a value, or of classes where the table is keyed
            by class.
        n_without: Number of those that have none: a training diverged, or was not recorded.
        by_class: Whether an entry stands for all architectures that are the same network.
    """

    column: Column
    entries: tuple[Entry, ...]
    n_ranked: int
    n_without: int
    by_class: bool


def top(
    benchmark: AnyBenchmark,
    n: int = 10,
    *,
    by: str | None = None,
    epoch: int | None = None,
    schedule: int | None = None,
) -> Top:
    """The best architectures of a table.

    >>> import nasbench
    >>> from nasbench.benchmarks.top import top
    >>> best = top(nasbench.load("nb201-cifar10"), 2)
    >>> [(entry.rank, entry.arch, round(entry.value, 2)) for entry in best.entries]
    [(1, (3, 3, 3, 1, 3, 2), 91.61), (2, (3, 3, 3, 1, 3, 3), 91.55)]

    Args:
        benchmark: A table.
        n: Number of architectures at most.
        by: A column with a goal; default: the objective of the benchmark.
        epoch: As in :meth:`nasbench.benchmark.Benchmark.query`.
        schedule: As there.

    Raises:
        InvalidArgumentError: The benchmark is a surrogate, the column has no better end, or ``n``
            is below 1.
        UnknownNameError: There is no such column.
        NotRecordedError: No column is named and the benchmark has no objective, or nothing is
            recorded at this epoch.
    """
    if n < 1:
        raise InvalidArgumentError(f"n = {n} must be a positive integer")
    if not isinstance(benchmark, TableBenchmark):
        raise InvalidArgumentError(
            f"{benchmark.name!r} is a surrogate: it predicts any architecture and records none, so "
            f"it has no best ones; search it with 'nasbench run', for example local_search "
            f"{benchmark.name} --trials 500"
        )
    column = _column(benchmark, by)
    archs = _recorded(benchmark, column, epoch, schedule)
    values = benchmark.query_many(archs, column.name, epoch=epoch, schedule=schedule)
    found = np.flatnonzero(~np.isnan(values))
    if not found.size:
        raise NotRecordedError(f"{benchmark.name!r} does not record {column.name!r} at this epoch")
    losses = significant(values[found]) * (-1 if column.goal == "max" else 1)
    order = np.argsort(losses, kind="stable")
    sorted_ = losses[order]
    entries = []
    for place in order[:n].tolist():
        first, last = (np.searchsorted(sorted_, losses[place], side=s) for s in ("left", "right"))
        arch = tuple(archs[found[place]].tolist())
        entries.append(
            Entry(
                rank=int(first) + 1,
                tied=bool(last - first > 1),
                arch=arch,
                value=float(values[found[place]]),
                seeds=(seeds := _seeds(benchmark, arch, column, epoch, schedule)),
                spread=_spread(benchmark, arch, column, epoch, schedule, seeds),
                costs=_costs(benchmark, arch, column, epoch, schedule),
            )
        )
    by_class = benchmark.table.metadata.key == "class" and column.name in benchmark.columns
    return Top(column, tuple(entries), len(found), len(archs) - len(found), by_class)


def significant(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round fractions to seven significant digits, those of the single precision of tables.

    So means of the same results in another order are equal numbers. Integers stay.
    """
    size = np.abs(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = 6 - np.floor(np.log10(size))
    scale = np.where(np.isfinite(places), 10.0 ** np.clip(places, -290, 290), 1.0)
    rounded: NDArray[np.float64] = np.round(values * scale) / scale
    return np.where(values == np.round(values), values, rounded)


def _column(benchmark: TableBenchmark, by: str | None) -> Column:
    columns = {**benchmark.columns, **benchmark.table.arch_columns}
    ranked = [name for name, column in columns.items() if column.goal]
    if by is None:
        if not benchmark.objectives:
            raise NotRecordedError(
                f"{benchmark.name!r} has no objective of its own: name a column with --by (by=…)"
                f"{one_of('', ranked)}"
            )
        by = benchmark.objectives[0]
    if by not in columns:
        raise UnknownNameError(f"{benchmark.name!r} has no column {by!r}{one_of(by, ranked)}")
    if by not in ranked:
        raise InvalidArgumentError(
            f"column {by!r} of {benchmark.name!r} has no better end, so nothing is best by it"
            f"{one_of(by, ranked)}"
        )
    return columns[by]


def _recorded(
    benchmark: TableBenchmark, column: Column, epoch: int | None, schedule: int | None
) -> NDArray[np.integer]:
    """The architectures, or representatives of classes, for which the column can be asked."""
    table = benchmark.table
    if column.name not in table.columns:
        return table.written_archs
    rows = table.schedule == _length(benchmark, epoch, schedule)
    _, first = np.unique(table.ranks[rows], return_index=True)
    return table.archs[rows][first] if rows.any() else table.archs[:1]  # to be refused


def _seeds(
    benchmark: TableBenchmark, arch: Arch, column: Column, epoch: int | None, schedule: int | None
) -> tuple[int, ...]:
    if column.name not in benchmark.columns:
        return ()
    return benchmark.trainings(arch, _length(benchmark, epoch, schedule)).seeds


def _spread(
    benchmark: TableBenchmark,
    arch: Arch,
    column: Column,
    epoch: int | None,
    schedule: int | None,
    seeds: tuple[int, ...],
) -> float:
    if len(seeds) < 2:
        return float("nan")
    answers = (benchmark.query(arch, epoch=epoch, schedule=schedule, seed=s) for s in seeds)
    return float(np.std([answer[column.name] for answer in answers], ddof=1))


def _costs(
    benchmark: TableBenchmark, arch: Arch, column: Column, epoch: int | None, schedule: int | None
) -> dict[str, float]:
    try:
        answer = benchmark.query(arch, epoch=epoch, schedule=schedule)
    except NotRecordedError:  # an architecture with numbers but no training
        return {}
    scored = {name.removesuffix("_seconds") for name in answer if name.endswith("_seconds")}
    return {
        name: float(value)
        for name, value in answer.items()
        if name != column.name
        and (meaning := benchmark.column(name)).goal == "min"
        and not meaning.split
        and name.removesuffix("_seconds") not in scored
    }


def _length(benchmark: TableBenchmark, epoch: int | None, schedule: int | None) -> int:
    """The schedule that a question is about."""
    if schedule is None:
        return epoch if epoch in benchmark.schedules else benchmark.schedules[-1]
    return schedule
