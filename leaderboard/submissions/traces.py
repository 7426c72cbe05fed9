"""What is wrong with the trials of a record, compared with its benchmark."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from leaderboard.courses import Paid, fits_more, trained_epochs
from leaderboard.populations import population
from nasbench.benchmarks.bulk import bulk
from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import NotRecordedError, first_line
from nasbench.runs.audit import Auditor
from nasbench.runs.manifest import Manifest
from nasbench.runs.run import Run

SHORT = 5
"""Runs with fewer trials may be equal by chance."""
SAMPLE = 5
"""Seeds that are run again, at most, where all runs are equal."""
_UNFIT = (ValueError, LookupError, ArithmeticError, TypeError)


def faults(
    auditor: Auditor, manifest: Manifest, runs: Sequence[Run], where: str
) -> dict[str, list[str]]:
    """Return what is wrong with runs, by aspect (:data:`nasbench.runs.audit.ASPECTS`).

    Args:
        auditor: What knows the benchmark.
        manifest: How the runs were made.
        runs: The runs.
        where: Name of the record, for messages.

    Returns:
        For every aspect the first fault of every run.
    """
    found = _faults(auditor, manifest, runs, where)
    if found.keys() - {"protocol"}:
        of_runs: dict[str, list[str]] = defaultdict(list)
        for run in runs:
            for aspect, texts in _faults(auditor, manifest, [run], where).items():
                of_runs[aspect] += texts
        found |= of_runs
    return found


def _faults(
    auditor: Auditor, manifest: Manifest, runs: Sequence[Run], where: str
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    try:
        for aspect, error in auditor.faults(manifest, runs, where):
            found[aspect].append(first_line(error))
    except _UNFIT as error:  # numbers that no search can have made
        found["architectures"].append(f"{where}: cannot be compared: {first_line(error)}")
    return found


def too_good(benchmark: AnyBenchmark, runs: Sequence[Run], where: str) -> Iterator[str]:
    """Yield the trials of a record that are better than anything recorded, one of a run.

    Nothing of a surrogate, whose lowest prediction nobody knows.
    """
    if not isinstance(benchmark, TableBenchmark):
        return
    floors = _lowest(benchmark)
    for run in runs:
        if run.losses.shape[1] != len(floors):
            continue
        trials, places = np.nonzero(run.losses < floors)
        if trials.size:
            name, i = benchmark.objectives[places[0]], places[0]
            yield (
                f"{where}: seed {run.seed}, trial {trials[0]} says loss "
                f"{run.losses[trials[0], i]} in {name}, but no training of "
                f"{benchmark.name}@{benchmark.version} has less than {floors[i]}"
            )


def _lowest(benchmark: TableBenchmark) -> NDArray[np.float64]:
    """Lowest loss that is recorded in each objective, at any epoch, shape ``(n_objectives,)``."""
    asked, archs = bulk(benchmark), population(benchmark).archs
    lowest = np.full(len(benchmark.objectives), np.inf)
    for epoch in benchmark.fidelities:
        places = asked.places(archs, np.full(len(archs), epoch))
        for seed in benchmark.seeds:
            with suppress(NotRecordedError):
                losses = asked.evaluate(places, epoch, seed).losses
                lowest = np.fmin(lowest, np.fmin.reduce(losses))
    return lowest


def ended_early(manifest: Manifest, runs: Sequence[Run], benchmark: AnyBenchmark) -> list[int]:
    """Return the seeds whose runs end although another full training certainly fits their budget.

    Their algorithm had nothing more to propose, or somebody left out what it proposed. Where
    seconds limit searches that pay for more than trainings, nobody can tell.
    """
    pays_for_more = manifest.weight_sharing or bool(manifest.known)
    dearest = np.inf
    if manifest.budget.seconds is not None and not pays_for_more:
        dearest = bulk(benchmark).dearest(max(manifest.fidelities))
    found = []
    for run in runs:
        free = 0.0  # since when a worker is
        if len(run) >= manifest.workers:
            free = float(np.sort(run.ends)[-manifest.workers])
        paid = Paid(len(run), int(trained_epochs(run).sum()), free)
        if fits_more(manifest, paid, dearest):
            found.append(run.seed)
    return found


def repeated(runs: Sequence[Run]) -> list[list[int]]:
    """Return groups of seeds whose runs have the same trials, unless these are a few.

    Runs that are all equal are no such group, see :func:`alike`.
    """
    return [seeds for seeds in _equal(runs) if 1 < len(seeds) < len(runs)]


def alike(runs: Sequence[Run]) -> list[int]:
    """Return the seeds of two or more runs that are all equal, unless their trials are a few.

    A search without chance makes them, or somebody who copies a run.
    """
    return next((seeds for seeds in _equal(runs) if 1 < len(seeds) == len(runs)), [])


def _equal(runs: Sequence[Run]) -> list[list[int]]:
    """Return the seeds of runs that are not too short, in groups with the same trials."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for run in runs:
        if len(run) >= SHORT:
            columns = (run.archs, run.epochs, run.resumes, run.training_seeds, run.losses)
            trials = b"".join(column.tobytes() for column in columns)
            groups[hashlib.sha256(trials).digest()].append(run.seed)
    return list(groups.values())
