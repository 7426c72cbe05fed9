"""Validity of the content of a table, and the hash of its numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import (
    IllegalArchError,
    SchemaError,
    ValueRangeError,
    one_of,
)
from nasbench.space import SearchSpace
from nasbench.tables.columns import (
    last_items,
    list_ends,
    list_items,
    load_space,
    read_archs,
    to_numpy,
)
from nasbench.tables.order import check_arch_order, check_order
from nasbench.tables.schema import FINAL, KEYS, Metadata, archs_file, is_repeated
from nasbench.tables.types import KEY_TYPES

STATUSES = ("finished", "diverged", "untrained")


def validate(metadata: Metadata, runs: pa.Table, archs: pa.Table | None, where: str) -> None:
    """Check the content of a file, see :meth:`Table.check` for the errors.

    Args:
        metadata: What the table says about itself.
        runs: The trainings.
        archs: The architectures, or None.
        where: Path of the file of runs.

    Raises:
        TableError: The content is invalid.
        IllegalArchError: An architecture is outside the space, or is not a representative.
    """
    metadata.check(where)
    space = load_space(metadata.space, where, metadata.decisions)
    check_rows(metadata, runs, archs, where)
    distinct = legal_archs(runs, space, where)
    _check_ranks(runs, space, where)
    if archs is not None:
        partner = str(archs_file(Path(where)))
        if "arch" not in archs.schema.names:
            raise SchemaError(f"{partner} has no column 'arch', only {archs.schema.names}")
        legal_archs(archs, space, partner)
        _check_ranks(archs, space, partner)
    check_content(metadata, runs, archs, distinct, where)


def check_content(
    metadata: Metadata, runs: pa.Table, archs: pa.Table | None, distinct: NDArray[Any], where: str
) -> None:
    """Check rows, curves and numbers of a table.

    Args:
        metadata: What the table says about itself.
        runs: The trainings, with legal architectures and their ranks.
        archs: The architectures, likewise, or None.
        distinct: The distinct architectures of the trainings by rank, shape ``(n, n_decisions)``.
        where: Name of the table or file, for messages.

    Raises:
        SchemaError: Rows, columns or curves do not have the required form.
        IllegalArchError: The table is keyed by class and an architecture is not a representative.
        ValueRangeError: A number is impossible, or is missing where it is required.
    """
    space = load_space(metadata.space, where, metadata.decisions)
    objective = _check_objective(metadata, runs, where)
    if metadata.key == "class":
        representatives = space.canonical_many(distinct)
        if (bad := np.flatnonzero((representatives != distinct).any(axis=1))).size:
            arch = tuple(distinct[bad[0]].tolist())
            raise IllegalArchError(
                f"{where}: keyed by class, but {space.to_text(arch)} is not a representative"
            )
    ranks, schedules, seeds = (to_numpy(runs.column(n)) for n in ("rank", "schedule", "seed"))
    check_order(ranks, schedules, seeds, where)
    if unknown := sorted(set(np.unique(schedules).tolist()) ^ set(metadata.epochs)):
        raise SchemaError(
            f"{where}: schedule {unknown[0]} is not both in the rows and in the metadata"
        )
    diverged = _diverged(runs)
    for name in runs.schema.names:
        if name not in (*KEYS, "status") and not is_repeated(name):
            column = Column.decode(name, runs.schema.field(name).metadata)
            lengths = _lengths(column, metadata, schedules, where)
            if name == objective and not lengths.all():
                raise SchemaError(
                    f"{where}: the default objective {name!r} is not recorded in every schedule"
                )
            values, ends = _run_numbers(runs.column(name), name, lengths, where)
            _check_range(values, column, where)
            _check_final_values(runs, name, values, ends, where)
            _check_missing(column, values, ends, diverged, where)
            if name == objective and (np.isnan(values[ends - 1]) != diverged).any():
                raise ValueRangeError(
                    f"{where}: {name!r} at the last epoch must be NaN where a run diverged, and "
                    "nowhere else"
                )
    for name in runs.schema.names:
        if name.endswith(FINAL) and name.removesuffix(FINAL) not in runs.schema.names:
            raise SchemaError(f"{where}: {name!r} repeats no column of the table")
    if archs is None:
        return
    where = str(archs_file(Path(where)))
    check_arch_order(to_numpy(archs.column("rank")), where)
    for name in archs.schema.names:
        array = archs.column(name)
        if name not in ("arch", "rank") and not pa.types.is_string(array.type):
            _check_number(array.type, name, where)
            _check_range(
                to_numpy(array), Column.decode(name, archs.schema.field(name).metadata), where
            )


def check_rows(metadata: Metadata, runs: pa.Table, archs: pa.Table | None, where: str) -> None:
    """Check that there are rows, and that they have the columns that identify a training.

    Raises:
        SchemaError: There are none, or a column is missing, has the wrong type, or has nulls.
    """
    if not len(runs) and (metadata.epochs or archs is None or not len(archs)):
        raise SchemaError(f"{where} has no rows")
    _check_keys(runs, where)


def _check_objective(metadata: Metadata, runs: pa.Table, where: str) -> str | None:
    """Return the default objective, or None.

    Raises:
        SchemaError: It is not a validation column with a goal.
    """
    objective = metadata.default_objective
    if objective is not None:
        if objective not in runs.schema.names:
            raise SchemaError(f"{where} has no column {objective!r}, its default objective")
        column = Column.decode(objective, runs.schema.field(objective).metadata)
        if column.split != "valid" or not column.goal:
            raise SchemaError(
                f"{where}: the default objective {objective!r} is not a validation column with a "
                "goal"
            )
    return objective


def _check_keys(runs: pa.Table, where: str) -> None:
    """Check that the columns that identify a training exist, have their types, and hold no nulls.

    Raises:
        SchemaError: One does not, or a status is unknown.
    """
    for name, kind in {"arch": None, **KEY_TYPES}.items():
        if name not in runs.schema.names:
            raise SchemaError(f"{where} has no column {name!r}, only {runs.schema.names}")
        column = runs.column(name)
        if kind is not None and str(column.type) != kind:
            raise SchemaError(f"{where}: column {name!r} has type {column.type}, not {kind}")
        if column.null_count:
            raise SchemaError(f"{where}: column {name!r} has a null")
    if unknown := sorted(set(runs.column("status").unique().to_pylist()) - set(STATUSES)):
        raise SchemaError(f"{where}: unknown status {unknown[0]!r}{one_of(unknown[0], STATUSES)}")


def _check_ranks(table: pa.Table, space: SearchSpace, where: str) -> NDArray[np.int64]:
    """Return the ranks of a table's architectures.

    Raises:
        SchemaError: The column ``rank`` does not hold them.
    """
    if "rank" not in table.schema.names:
        raise SchemaError(f"{where} has no column 'rank', only {table.schema.names}")
    ranks = space.rank_many(read_archs(table.column("arch"), space, where))
    wrong = np.flatnonzero(to_numpy(table.column("rank")) != ranks)
    if wrong.size:
        raise SchemaError(f"{where}: in row {wrong[0]} 'rank' is not the rank of 'arch'")
    return ranks


def _check_final_values(
    runs: pa.Table, name: str, values: NDArray[np.float64], ends: NDArray[np.int64], where: str
) -> None:
    """Check the column, if any, that repeats the last values of a curve.

    Raises:
        SchemaError: It holds other values.
    """
    if name + FINAL in runs.schema.names:
        array = runs.column(name + FINAL).combine_chunks()
        _check_number(array.type, name + FINAL, where)
        repeated = to_numpy(array).astype(np.float64)
        if not np.array_equal(repeated, last_items(values, ends), equal_nan=True):
            raise SchemaError(
                f"{where}: {name + FINAL!r} does not hold the last values of {name!r}"
            )


def _lengths(
    column: Column, metadata: Metadata, schedules: NDArray[np.int32], where: str
) -> NDArray[np.int64]:
    """Return the number of values of a curve in every run, shape ``(n_runs,)``.

    Raises:
        SchemaError: The column claims epochs that the table does not have.
    """
    for schedule, epochs in column.epochs.items():
        possible = metadata.epochs.get(schedule, [])
        anywhere = epochs or any(column.recorded(*other) for other in metadata.epochs.items())
        if not anywhere or epochs != [epoch for epoch in possible if epoch in epochs]:
            raise SchemaError(
                f"{where}: the epochs {epochs} of {column.name!r} in schedule {schedule} are not "
                f"among those of the table{one_of('', possible)}"
            )
    lengths = np.zeros(len(schedules), dtype=np.int64)
    for schedule, epochs in metadata.epochs.items():
        lengths[schedules == schedule] = len(column.recorded(schedule, epochs))
    return lengths


def _diverged(runs: pa.Table) -> NDArray[np.bool_]:
    status = pa.concat_arrays(runs.column("status").chunks or [pa.array([], pa.string())])
    encoded = status.dictionary_encode()
    failed = [text == "diverged" for text in encoded.dictionary.to_pylist()]
    diverged: NDArray[np.bool_] = np.array(failed, dtype=np.bool_)[to_numpy(encoded.indices)]
    return diverged


def _check_number(kind: Any, name: str, where: str) -> None:
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise SchemaError(f"{where}: column {name!r} holds {kind}, not numbers")


def _run_numbers(
    column: Any, name: str, lengths: NDArray[np.int64], where: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the numbers of a column, curves one after the other, and where each run's numbers end.

    Raises:
        SchemaError: The column does not hold numbers, or a curve has a wrong length.
    """
    array = column.combine_chunks()
    curves = pa.types.is_list(array.type)
    _check_number(array.type.value_type if curves else array.type, name, where)
    numbers = list_items(array) if curves else to_numpy(array)
    if array.null_count or (curves and array.values.null_count):
        raise SchemaError(f"{where}: column {name!r} has a null; missing numbers must be NaN")
    ends = list_ends(array) if curves else np.arange(1, len(array) + 1)
    if curves and (np.diff(ends, prepend=0) != lengths).any():
        raise SchemaError(
            f"{where}: {name!r} does not have one value per recorded epoch in every run"
        )
    return numbers.astype(np.float64, copy=False), ends


def _check_missing(
    column: Column,
    values: NDArray[np.float64],
    ends: NDArray[np.int64],
    diverged: NDArray[np.bool_],
    where: str,
) -> None:
    """Check that costs are complete, and that other single numbers miss only in diverged trainings.

    Raises:
        ValueRangeError: A number is missing, or seconds decrease.
    """
    missing = np.isnan(values)
    if column.name in ("seconds", "validation_seconds"):
        if missing.any():
            raise ValueRangeError(f"{where}: column {column.name!r} holds NaN, but is a cost")
        falls = np.diff(values) < 0
        falls[ends[(ends > 0) & (ends < len(values))] - 1] = False
        if column.name == "seconds" and falls.any():
            raise ValueRangeError(f"{where}: 'seconds' decrease between epochs of a run")
        return
    single = (np.diff(ends, prepend=0) == 1).all()
    if single and (missing & ~(diverged & (column.split != ""))).any():
        raise ValueRangeError(f"{where}: {column.name!r} holds NaN in a run that did not diverge")


def legal_archs(table: pa.Table, space: SearchSpace, where: str) -> NDArray[Any]:
    """Return the distinct architectures of a table by rank, shape ``(n, n_decisions)``.

    Raises:
        IllegalArchError: One is outside the space.
        SchemaError: The column ``arch`` does not hold architectures.
    """
    tuples = read_archs(table.column("arch"), space, where)
    outside = [
        (column < 0) | (column >= n) for column, n in zip(tuples.T, space.options, strict=True)
    ]
    rows = np.flatnonzero(np.logical_or.reduce(outside))
    if not rows.size:
        _, first = np.unique(space.rank_many(tuples), return_index=True)
        distinct = tuples[first]
        if not space.has_rules:
            return distinct
        illegal = [i for i, a in enumerate(distinct.tolist()) if not space.is_legal(tuple(a))]
        if not illegal:
            return distinct
        rows = np.sort(first[illegal])
    raise IllegalArchError(
        f"{where}: row {rows[0]} holds {tuple(tuples[rows[0]].tolist())}, which is not an "
        f"architecture of {space.name!r}"
    )


def _check_range(values: NDArray[Any], column: Column, where: str) -> None:
    low, high = column.range
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero((values < low) | (values > high) | np.isinf(values))
    if bad.size:
        raise ValueRangeError(
            f"{where}: column {column.name!r} holds {values[bad[0]]}, possible is {low:g} to "
            f"{high:g} {column.unit}".rstrip()
        )
