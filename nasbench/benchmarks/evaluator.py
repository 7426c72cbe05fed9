"""What a search learns from a training, losses and seconds, read from a table."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Evaluation
from nasbench.benchmarks.lookup import Lookup
from nasbench.benchmarks.numbers import Numbers, diverged_somewhere
from nasbench.benchmarks.objectives import as_loss, fidelities_of
from nasbench.space import Arch
from nasbench.tables.table import Table


class Answers(NamedTuple):
    """Losses and costs of all trainings of one epoch and seed.

    Attributes:
        losses: Loss by position of the trainings, or by row of the file of architectures, and
            whether it is the latter; one pair for each objective. NaN where not recorded.
        seconds: Seconds of training and one validation, by position.
        validation_seconds: The part spent on the validation, by position.
        rows: Row of the training by position, -1 where there is none; None if there always is one.
    """

    losses: list[tuple[NDArray[np.float64], bool]]
    seconds: NDArray[np.float64]
    validation_seconds: NDArray[np.float64]
    rows: memoryview | None


def answers(
    table: Table,
    lookup: Lookup,
    numbers: Numbers,
    objectives: Sequence[str],
    epoch: int | None,
    seed: int | None,
) -> Answers:
    """Read the losses and costs of all trainings of one epoch and seed.

    Args:
        table: The table.
        lookup: Its index.
        numbers: Its numbers by position.
        objectives: Columns to optimise.
        epoch: One of the fidelities; None for the last.
        seed: A recorded training seed; None for the mean over the recorded seeds.

    Raises:
        NotRecordedError: The table does not record this epoch or seed.
    """
    schedule, index = numbers.refusals.resolve(epoch, None)
    runs = lookup.runs(schedule)
    columns = table.columns
    losses = []
    for name in objectives:
        if name in table.arch_columns:
            column = table.arch_columns[name]
            losses.append((as_loss(column, table.arch_numbers(name)), True))
            continue
        values = np.asarray(numbers.column(name, schedule, index, seed), dtype=np.float64)
        loss = as_loss(columns[name], values)
        failed = diverged_somewhere(runs, seed) & np.isnan(loss)
        losses.append((np.where(failed, np.inf, loss), False))
    spent = costs(table, lookup, numbers, objectives, epoch, seed)
    return Answers(losses, *spent, numbers.rows(schedule, seed))


def costs(
    table: Table,
    lookup: Lookup,
    numbers: Numbers,
    objectives: Sequence[str],
    epoch: int | None,
    seed: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read the seconds of all trainings with a validation, and of the validation, by position.

    Arguments and errors are those of :func:`answers`.
    """
    schedule, index = numbers.refusals.resolve(epoch, None)

    def column(name: str) -> NDArray[np.float64]:
        if name not in table.columns:
            return np.zeros(len(lookup.keys))
        return np.asarray(numbers.column(name, schedule, index, seed), dtype=np.float64)

    validation = column("validation_seconds")
    clocked = is_clocked(table, fidelities_of(table, objectives))
    return validation + (column("seconds") if clocked else 0), validation


def evaluator(
    table: Table,
    lookup: Lookup,
    numbers: Numbers,
    objectives: Sequence[str],
    epoch: int | None,
    seed: int | None,
) -> Callable[[Arch], Evaluation]:
    """Make the function from an architecture to its losses and cost, for one epoch and seed.

    Arguments and errors are those of :func:`answers`.
    """
    refusals = numbers.refusals
    schedule, index = refusals.resolve(epoch, None)
    losses, seconds, validation, row_of = answers(table, lookup, numbers, objectives, epoch, seed)
    columns = table.columns
    per_arch = any(of_arch for _, of_arch in losses)

    def find(arch: Arch) -> Evaluation:
        p = lookup.position[arch]
        if row_of is not None and row_of[p] < 0:
            raise refusals.no_seed(arch, schedule, seed)
        q = lookup.arch_position[arch] if per_arch else -1
        if per_arch and q < 0:
            raise refusals.no_numbers(arch)
        found = tuple(float(column[q if of_arch else p]) for column, of_arch in losses)
        for name, loss in zip(objectives, found, strict=True):
            if loss != loss:
                if name in columns:
                    raise numbers.no_value(name, arch, schedule, index, seed)
                raise refusals.not_recorded(name)
        return Evaluation(found, float(seconds[p]), float(validation[p]))

    return find


def is_clocked(table: Table, fidelities: Sequence[int]) -> bool:
    """Return whether a table records seconds at all ``fidelities``."""
    one = len(table.schedules) == 1
    return "seconds" in table.columns and all(
        epoch in table.epochs("seconds", table.schedules[0] if one else epoch)
        for epoch in fidelities
    )
