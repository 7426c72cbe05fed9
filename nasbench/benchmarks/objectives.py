"""What a search of a table optimises, what it may know, and which epochs it may ask for."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import (
    InvalidArgumentError,
    NotRecordedError,
    UnknownNameError,
    one_of,
    shown,
)
from nasbench.tables.table import Table


def check_objectives(
    objectives: Sequence[str] | None,
    *,
    benchmark: str,
    default: str | None,
    possible: Collection[str],
    referral: str = "",
) -> tuple[str, ...]:
    """Return the columns to optimise.

    Args:
        objectives: The columns asked for, or None.
        benchmark: Id of the benchmark, for messages.
        default: The benchmark's own objective, if it has one.
        possible: Columns that can be optimised.
        referral: Where to find other columns, as the end of a message.

    Raises:
        UnknownNameError: A column is not among the possible ones.
        InvalidArgumentError: ``objectives`` is a text or empty, or names a column twice.
    """
    if objectives is None:
        return () if default is None else (default,)
    if isinstance(objectives, str) or not isinstance(objectives, Collection) or not objectives:
        raise InvalidArgumentError(
            f"objectives = {shown(objectives)} must be a list of at least one column"
        )
    for name in objectives:
        if name not in possible:
            raise UnknownNameError(
                f"{benchmark!r} has no objective {name!r}{one_of(name, possible)}{referral}"
            )
    return _distinct("objectives", objectives)


def no_objective(benchmark: str, columns: Mapping[str, Column]) -> NotRecordedError:
    """Return the error for a search without an objective.

    Args:
        benchmark: Id of the benchmark.
        columns: Columns that come out of a training.
    """
    possible = [name for name, column in columns.items() if column.goal]
    return NotRecordedError(
        f"{benchmark!r} has no validation column; ask for an objective by name"
        f"{one_of('', possible)}"
    )


def check_known(table: Table, known: Sequence[str], possible: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a search may know before training.

    Raises:
        InvalidArgumentError: A column comes out of a training or is named twice, or ``known`` is a
            text.
        UnknownNameError: The table lacks a column.
    """
    if isinstance(known, str) or not isinstance(known, Collection):
        raise InvalidArgumentError(f"known = {shown(known)} must be a list of columns")
    for name in known:
        if name in table.columns:
            raise InvalidArgumentError(
                f"{name!r} comes out of a training and cannot be known before one"
                f"{one_of('', possible)}"
            )
        if name not in possible:
            raise UnknownNameError(
                f"{table.metadata.id!r} has no column {name!r} to be known{one_of(name, possible)}"
            )
    return _distinct("known", known)


def _distinct(what: str, names: Sequence[str]) -> tuple[str, ...]:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InvalidArgumentError(f"{what} = {list(names)!r} names {name!r} twice")
    return tuple(names)


def fidelities_of(table: Table, objectives: Sequence[str]) -> tuple[int, ...]:
    """Return the epochs, or ends of schedules, at which all objectives are recorded."""
    curves = [name for name in objectives if table.is_curve(name)]
    epochs = table.metadata.epochs
    if len(table.schedules) == 1:
        possible = [(table.schedules[0], e) for e in epochs[table.schedules[0]]]
    else:
        possible = [(schedule, schedule) for schedule in table.schedules]
    return tuple(
        epoch
        for schedule, epoch in possible
        if all(epoch in table.epochs(name, schedule) for name in curves)
    )


def as_loss(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert values so that lower is better.

    A percentage to be maximised is subtracted from 100; any other column to be maximised changes
    its sign.
    """
    if column.goal == "max":
        return 100.0 - values if column.unit == "%" else -values
    return values
