"""The rows of a compact record: courses as columns, and back."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaderboard.courses import Course, Paid
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.bulk import bulk
from nasbench.runs.run import NONE
from nasbench.space import SearchSpace

END = -1
"""Stands for an architecture in the last row of a run."""

_INTEGERS = ("arch", "evaluation", "training_seed", "trial", "epoch", "spent")


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
    for name, values in _implied(columns, benchmark).items():
        if np.array_equal(columns[name], values):
            del columns[name]
    arrays = {name: pa.array(_narrow(values)) for name, values in columns.items()}
    if not bulk(benchmark).is_exact:
        n = courses[0].losses.shape[1]
        losses = _flat(courses, lambda c: c.losses, lambda _: np.zeros(n))
        arrays["losses"] = pa.FixedSizeListArray.from_arrays(pa.array(losses.ravel()), n)
    return pa.table(arrays)


def _implied(
    columns: dict[str, NDArray[Any]], benchmark: Benchmark
) -> dict[str, NDArray[np.int64]]:
    """What columns hold if they are left out: full trainings that end in the order of starts."""
    evaluations = columns["evaluation"].astype(np.int64)
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


def read_courses(
    table: pa.Table, seeds: Sequence[int], benchmark: Benchmark, n_losses: int
) -> list[Course]:
    """The courses that a compact record holds.

    Args:
        table: Its rows.
        seeds: Its seeds, ascending.
        benchmark: The benchmark, which has the space and the losses of the incumbents.
        n_losses: Number of losses of a trial.

    Raises:
        KeyError: A column is missing.
        ValueError: The rows are those of no runs.
        NasbenchError: The benchmark has no such training.
    """
    columns = {
        name: table.column(name).to_numpy().astype(np.int64)
        for name in _INTEGERS
        if name in table.schema.names
    }
    columns = _implied(columns, benchmark) | columns
    seconds = table.column("second").to_numpy().astype(np.float64)
    ranks = columns["arch"]
    ends = np.flatnonzero(ranks == END)
    if len(ends) != len(seeds) or (len(ranks) and ranks[-1] != END):
        raise ValueError("it does not hold the runs of its seeds")
    inside = ranks != END
    archs = _unranked(benchmark.space, ranks)
    losses = np.zeros((len(ranks), n_losses))
    if "losses" in table.schema.names:
        flat = table.column("losses").combine_chunks().flatten().to_numpy()
        losses = flat.reshape(len(ranks), n_losses)
    else:
        losses[inside] = _losses(
            benchmark, archs[inside], columns["epoch"][inside], columns["training_seed"][inside]
        )
    _check(columns, seconds, losses, inside)
    totals = columns["evaluation"][ends], columns["spent"][ends], seconds[ends]
    all_paid = map(Paid, *(column.tolist() for column in totals))
    return [
        Course(
            seed=seed,
            archs=archs[first:end],
            epochs=columns["epoch"][first:end].astype(np.int32),
            training_seeds=columns["training_seed"][first:end],
            losses=losses[first:end],
            trials=columns["trial"][first:end],
            evaluations=columns["evaluation"][first:end],
            spent=columns["spent"][first:end],
            times=seconds[first:end],
            paid=paid,
            counted=paid,
        )
        for seed, (first, end), paid in zip(seeds, _blocks(ends), all_paid, strict=True)
    ]


def _blocks(ends: NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last row of every run."""
    return [(a + 1, b) for a, b in pairwise([-1, *ends.tolist()])]


def _check(
    columns: dict[str, NDArray[np.int64]],
    seconds: NDArray[np.float64],
    losses: NDArray[np.float64],
    inside: NDArray[np.bool_],
) -> None:
    """Check what holds for every course.

    Raises:
        ValueError: It does not.
    """
    both = inside[:-1] & inside[1:]  # neighbours of one run
    run = inside[:-1]  # an incumbent and what follows it in its run
    ordered = (
        (np.diff(columns["evaluation"])[both] > 0).all()
        and (np.diff(columns["evaluation"])[run] >= 0).all()
        and (np.diff(columns["spent"])[run] >= 0).all()
        and (np.diff(seconds)[run] >= 0).all()
        and (columns["evaluation"][inside] > 0).all()
        and (seconds >= 0).all()
    )
    if not ordered:
        raise ValueError("its incumbents are not in the order of their ends")
    if losses.shape[1] == 1 and not (np.diff(losses[:, 0])[both] < 0).all():
        raise ValueError("an incumbent does not have a lower loss than the one before it")
    if not np.isfinite(losses).all():
        raise ValueError("an incumbent has no finite loss")


def _unranked(space: SearchSpace, ranks: NDArray[np.int64]) -> NDArray[np.integer]:
    """Architectures by rank; what stands for none is the first one."""
    some, places = np.unique(np.maximum(ranks, 0), return_inverse=True)
    archs = np.array([space.unrank(rank) for rank in some.tolist()], dtype=np.uint16)
    return np.asarray(archs.reshape(len(some), len(space.options))[places])


def _losses(
    benchmark: Benchmark,
    archs: NDArray[np.integer],
    epochs: NDArray[np.int64],
    training_seeds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Losses of trainings, from a table."""
    found = np.empty((len(archs), len(benchmark.objectives)))
    if not len(archs):
        return found
    asked = bulk(benchmark)
    places = asked.places(archs, epochs)
    keys = np.stack([epochs, training_seeds], axis=1)
    for epoch, seed in np.unique(keys, axis=0).tolist():
        some = np.flatnonzero((keys == (epoch, seed)).all(axis=1))
        found[some] = asked.evaluate(places[:, some], epoch, None if seed == NONE else seed).losses
    return found
