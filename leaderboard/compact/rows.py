"""The rows of a compact record: courses as columns, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leaderboard.courses import BITS, Course, Paid, rounded
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.bulk import Bulk, Evaluations, bulk
from nasbench.errors import RecordError, shown
from nasbench.runs.rules import MOST_SECONDS
from nasbench.runs.run import NONE
from nasbench.runs.trials import Checked

END = -1
"""Stands for an architecture in the last row of a run."""

_NEEDED = ("arch", "evaluation", "training_seed")
_IMPLIED = ("trial", "epoch", "spent")
_INTEGERS = (pa.int32(), pa.int64())
_FLOATS = (pa.float32(), pa.float64())
_MOST_TRIALS = 2**31 - 1  # as in a full record


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Checked):
    """The decoded rows of a compact record; columns have shape ``(n,)``.

    Attributes:
        seeds: Seeds of the runs, shape ``(n_runs,)``.
        run: Place of the run of every row.
        ends: Places of the rows that end a run, shape ``(n_runs,)``.
        inside: Places of the incumbents, shape ``(n_incumbents,)``.
        archs: Architectures, shape ``(n, d)``; the first one in rows that end a run.
        evaluation: Number of trials that had ended; all of the run in its last row.
        second: Simulated second.
        training_seed: Training seed, or -1.
        trial: Number in the order of starts.
        epoch: Epoch that an incumbent was trained to.
        spent: Epochs that had been trained.
        losses: Shape ``(n, n_objectives)``; 0 in rows that end a run.
        asked: What answers for the benchmark.
        places: Places of the incumbents there, shape ``(1 or 2, n_incumbents)``.
        answers: What a table says of the incumbents; None of a surrogate.
    """

    seeds: NDArray[np.int64]
    run: NDArray[np.int64]
    ends: NDArray[np.int64]
    inside: NDArray[np.int64]
    archs: NDArray[np.integer]
    evaluation: NDArray[np.int64]
    second: NDArray[np.float64]
    training_seed: NDArray[np.int64]
    trial: NDArray[np.int64]
    epoch: NDArray[np.int64]
    spent: NDArray[np.int64]
    losses: NDArray[np.float64]
    asked: Bulk
    places: NDArray[np.int64]
    answers: Evaluations | None

    def courses(self) -> list[Course]:
        """The courses of the runs."""
        totals = (column[self.ends].tolist() for column in (self.evaluation, self.spent))
        all_paid = map(Paid, *totals, self.second[self.ends].tolist())
        return [
            Course(
                seed=seed,
                archs=self.archs[rows],
                epochs=self.epoch[rows].astype(np.int32),
                training_seeds=self.training_seed[rows],
                losses=self.losses[rows],
                trials=self.trial[rows],
                evaluations=self.evaluation[rows],
                spent=self.spent[rows],
                times=self.second[rows],
                paid=paid,
            )
            for seed, rows, paid in zip(self.seeds.tolist(), self.blocks(), all_paid, strict=True)
        ]

    def blocks(self) -> list[slice]:
        """The incumbents of every run."""
        return [slice(a + 1, b) for a, b in pairwise([-1, *self.ends.tolist()])]

    def steps(self, column: NDArray[Any]) -> NDArray[Any]:
        """How much a column grows from row to row of a run, from 0 before its first, ``(n,)``."""
        found: NDArray[Any] = np.diff(column, prepend=column.dtype.type(0))
        firsts = self.ends[:-1] + 1
        found[firsts] = column[firsts]
        return found

    def fail(self, row: int, text: str) -> NoReturn:
        seed = self.seeds[self.run[row]]
        what = "" if row in self.ends else f", evaluation {self.evaluation[row]}"
        raise RecordError(f"seed {seed}{what} {text}")


def to_table(courses: Sequence[Course], benchmark: Benchmark) -> pa.Table:
    """The rows of a compact record."""
    columns = {
        "arch": _flat(courses, lambda c: benchmark.space.rank_many(c.archs), lambda _: END),
        "evaluation": _flat(courses, lambda c: c.evaluations, lambda c: c.paid.trials),
        "second": _flat(courses, lambda c: c.times, lambda c: c.paid.seconds),
        "training_seed": _flat(courses, lambda c: c.training_seeds, lambda _: NONE),
        "trial": _flat(courses, lambda c: c.trials, lambda c: c.paid.trials - 1),
        "epoch": _flat(courses, lambda c: c.epochs, lambda _: benchmark.fidelities[-1]),
        "spent": _flat(courses, lambda c: c.spent, lambda c: c.paid.epochs),
    }
    for name, values in _implied(columns["evaluation"], benchmark).items():
        if np.array_equal(columns[name], values):
            del columns[name]
    arrays = {name: pa.array(_narrow(values)) for name, values in columns.items()}
    if not bulk(benchmark).is_exact:
        n = courses[0].losses.shape[1]
        losses = _flat(courses, lambda c: c.losses, lambda _: np.zeros(n))
        arrays["losses"] = pa.FixedSizeListArray.from_arrays(pa.array(losses.ravel()), n)
    return pa.table(arrays)


def _implied(evaluation: NDArray[np.integer], benchmark: Benchmark) -> dict[str, NDArray[np.int64]]:
    """What columns hold if they are left out: full trainings that end in the order of starts."""
    evaluations = evaluation.astype(np.int64)
    full = benchmark.fidelities[-1]
    return {
        "trial": evaluations - 1,
        "epoch": np.full(len(evaluations), full),
        "spent": full * evaluations,
    }


def _flat(courses: Sequence[Course], inside: Any, last: Any) -> NDArray[Any]:
    """A column: of each run what its incumbents have, then one more value."""
    parts = []
    for course in courses:
        parts += [np.asarray(inside(course)), np.asarray([last(course)])]
    return np.concatenate(parts)


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The values in a type that holds all of them exactly."""
    kinds = (np.float32,) if values.dtype.kind == "f" else (np.int32,)
    for kind in kinds:
        with np.errstate(over="ignore"):
            small = values.astype(kind)
        if np.array_equal(small, values):
            return small
    return values


def read_rows(table: pa.Table, seeds: Sequence[int], benchmark: Benchmark, n_losses: int) -> Rows:
    """Decode the rows of a compact record.

    That they are those of runs is told by :func:`leaderboard.compact.check.faults`.

    Args:
        table: The rows; :func:`check_types` has found nothing wrong.
        seeds: The seeds, ascending.
        benchmark: The benchmark, which has the space and the losses of the incumbents.
        n_losses: Number of losses of a trial.

    Raises:
        RecordError: A number is impossible, or the rows are not those of the seeds.
        NasbenchError: The benchmark has no such training.
    """
    asked = bulk(benchmark)
    columns = {
        name: table.column(name).to_numpy().astype(np.int64)
        for name in (*_NEEDED, *_IMPLIED)
        if name in table.schema.names
    }
    columns = _implied(columns["evaluation"], benchmark) | columns
    second = table.column("second").to_numpy().astype(np.float64)
    ranks = columns.pop("arch")
    _check_numbers(ranks, second, columns, benchmark)
    ends = np.flatnonzero(ranks == END)
    if len(ends) != len(seeds) or ranks[-1] != END:
        raise RecordError("the rows are not the runs of the listed seeds")
    inside = np.flatnonzero(ranks != END)
    archs = _unranked(benchmark, ranks)
    places = asked.places(archs[inside], columns["epoch"][inside])
    losses = np.zeros((len(ranks), n_losses))
    found = None
    if asked.is_exact:
        about = columns["epoch"][inside], columns["training_seed"][inside]
        found = answers(asked, places, *about, n_losses)
        losses[inside] = found.losses
    else:
        losses[:] = _listed_losses(table, n_losses)
    return Rows(
        seeds=np.array(seeds, dtype=np.int64),
        run=np.searchsorted(ends, np.arange(len(ranks))),
        ends=ends,
        inside=inside,
        archs=archs,
        second=second,
        losses=losses,
        asked=asked,
        places=places,
        answers=found,
        **columns,
    )


def answers(
    asked: Bulk,
    places: NDArray[np.int64],
    epochs: NDArray[np.int64],
    training_seeds: NDArray[np.int64],
    n_losses: int,
) -> Evaluations:
    """What a benchmark says of trainings.

    Args:
        asked: What answers for the benchmark.
        places: Places of the trainings there, shape ``(1 or 2, n)``.
        epochs: Epochs that they are trained to, shape ``(n,)``; all are fidelities.
        training_seeds: Training seeds, -1 for the mean, shape ``(n,)``.
        n_losses: Number of losses of a trial.

    Raises:
        NotRecordedError: There is no such training seed.
    """
    found = Evaluations(np.empty((len(epochs), n_losses)), *np.empty((2, len(epochs))))
    keys = np.stack([epochs, training_seeds], axis=1)
    for epoch, seed in np.unique(keys, axis=0).tolist():
        some = np.flatnonzero((keys == (epoch, seed)).all(axis=1))
        answer = asked.evaluate(places[:, some], epoch, None if seed == NONE else seed)
        for column, values in zip(found, answer, strict=True):
            column[some] = values
    return found


def check_types(table: pa.Table, benchmark: Benchmark) -> None:
    """Check that a compact record has its columns and no others.

    Args:
        table: The rows.
        benchmark: The benchmark.

    Raises:
        RecordError: A column is missing, unknown, there twice or of another type, or has a null.
    """
    names = table.schema.names
    needed = [*_NEEDED, "second", *(() if bulk(benchmark).is_exact else ("losses",))]
    for name in needed:
        if name not in names:
            raise RecordError(f"there is no column {name!r}, only {shown(names, 400)}")
    for name in names:
        if names.count(name) > 1:
            raise RecordError(f"column {shown(name)} is there twice")
        if name not in (*needed, *_IMPLIED):
            why = ": a table has the losses" if name == "losses" else ""
            raise RecordError(f"column {shown(name)} does not belong there{why}")
        kind = table.schema.field(name).type
        if name == "losses":
            is_list = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
            fits = is_list and kind.value_type == pa.float64()
        else:
            fits = kind in (_FLOATS if name == "second" else _INTEGERS)
        if not fits:
            raise RecordError(f"column {name!r} has type {shown(str(kind))}")
        if table.column(name).null_count:
            raise RecordError(f"column {name!r} has a null")


def _check_numbers(
    ranks: NDArray[np.int64],
    second: NDArray[np.float64],
    columns: dict[str, NDArray[np.int64]],
    benchmark: Benchmark,
) -> None:
    """Check what holds for every row by itself."""
    if not len(ranks):
        raise RecordError("there are no rows")
    n_archs = int(np.prod([int(n) for n in benchmark.space.options], dtype=object))
    highest = {"evaluation": _MOST_TRIALS, "trial": _MOST_TRIALS, "spent": 2**62}
    for name, least, most, values in (
        ("arch", END, n_archs - 1, ranks),
        ("training_seed", NONE, 2**63 - 1, columns["training_seed"]),
        *((name, -(name == "trial"), most, columns[name]) for name, most in highest.items()),
    ):
        if (wrong := (values < least) | (values > most)).any():
            row = int(np.argmax(wrong))
            what = "has rank" if name == "arch" else f"says {name}"
            raise RecordError(f"row {row} {what} {values[row]}: possible are {least} to {most}")
    if (wrong := ~np.isin(columns["epoch"], benchmark.fidelities)).any():
        row = int(np.argmax(wrong))
        raise RecordError(f"row {row} says epoch {columns['epoch'][row]}, which is no fidelity")
    if (wrong := ~((second >= 0.0) & (second <= MOST_SECONDS))).any():
        row = int(np.argmax(wrong))
        raise RecordError(f"row {row} says second {second[row]}: not in 0 to {MOST_SECONDS:g}")
    if (wrong := rounded(second) != second).any():
        row = int(np.argmax(wrong))
        raise RecordError(f"row {row} says second {second[row]}: more than {BITS} significant bits")


def _listed_losses(table: pa.Table, n_losses: int) -> NDArray[np.float64]:
    """The column ``losses``, shape ``(n, n_losses)``."""
    column = table.column("losses").combine_chunks()
    flat = column.flatten()
    if flat.null_count or (pc.list_value_length(column).to_numpy() != n_losses).any():
        raise RecordError(f"column 'losses' does not have {n_losses} numbers in every row")
    found: NDArray[np.float64] = flat.to_numpy().reshape(-1, n_losses)
    return found


def _unranked(benchmark: Benchmark, ranks: NDArray[np.int64]) -> NDArray[np.integer]:
    """Architectures by rank; what stands for none is the first one."""
    space = benchmark.space
    some, places = np.unique(np.maximum(ranks, 0), return_inverse=True)
    archs = np.array([space.unrank(rank) for rank in some.tolist()], dtype=np.uint16)
    return np.asarray(archs.reshape(len(some), len(space.options))[places])
