"""What holds for every run, whatever its benchmark; see :func:`nasbench.replay`."""

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Benchmark
from nasbench.errors import NasbenchError, RecordError, first_line
from nasbench.runs.budget import check_count
from nasbench.runs.ledger import check_replicate
from nasbench.runs.manifest import Manifest
from nasbench.runs.trials import Trials

MOST_SECONDS = 1e15
"""Latest simulated second of a run, after 30 million years."""

RULES = ("epochs", "resumptions", "budget", "clock")
"""What is checked, in this order."""


def check_set_up(manifest: Manifest, benchmark: Benchmark, where: str) -> None:
    """Check that runs with this manifest are possible on a benchmark.

    Args:
        manifest: How they were made.
        benchmark: The benchmark with which they were made.
        where: Name of the record, for messages.

    Raises:
        RecordError: They are not, or the manifest is of another benchmark.
    """
    for what, said, found in (
        ("benchmark", manifest.benchmark, benchmark.name),
        ("version", manifest.version, benchmark.version),
        ("content", manifest.content_hash, benchmark.content_hash),
        ("objectives", manifest.objectives, benchmark.objectives),
        ("constraints", manifest.constraints, benchmark.constraints),
        ("family", manifest.family, benchmark.family),
    ):
        if said != found:
            raise RecordError(f"{where}: the {what} of the record is {said!r}, not {found!r}")
    try:
        check_count("workers", manifest.workers)
        check_replicate(benchmark, manifest.replicate)
    except NasbenchError as error:
        raise RecordError(f"{where}: {first_line(error)}") from error
    if unknown := sorted(set(manifest.fidelities) - set(benchmark.fidelities)):
        name = f"{benchmark.name}@{benchmark.version}"
        raise RecordError(f"{where}: {name} has no fidelity {unknown[0]}")
    if not manifest.fidelities:
        raise RecordError(f"{where}: there are no fidelities")


def check_rule(rule: str, trials: Trials, manifest: Manifest) -> None:
    """Check that trials keep one of :data:`RULES`.

    Args:
        rule: Its name.
        trials: The trials.
        manifest: How they were made.

    Raises:
        RecordError: A trial breaks it.
    """
    checks = {
        "epochs": _check_epochs,
        "resumptions": _check_resumed,
        "budget": _check_budget,
        "clock": _check_clock,
    }
    checks[rule](trials, manifest)


def _check_epochs(trials: Trials, manifest: Manifest) -> None:
    fidelities = np.array(manifest.fidelities)
    trials.refuse(
        ~np.isin(trials.epochs, fidelities),
        lambda i: (
            f"is trained to epoch {trials.epochs[i]}, not one of its fidelities "
            f"{', '.join(map(str, manifest.fidelities))}"
        ),
    )


def _check_clock(trials: Trials, manifest: Manifest) -> None:
    trials.refuse(
        (trials.starts > MOST_SECONDS) | (trials.ends > MOST_SECONDS),
        lambda i: (
            f"starts at {trials.starts[i]} s and ends at {trials.ends[i]} s, but simulated time "
            f"ends at {MOST_SECONDS:g} s"
        ),
    )
    trials.refuse(
        trials.fresh & ~(trials.ends >= trials.starts),
        lambda i: f"ends at {trials.ends[i]} s, before its start at {trials.starts[i]} s",
    )
    if manifest.workers == 1:
        _check_one_worker(trials, manifest)
    else:
        for first, n in zip(trials.firsts.tolist(), trials.lengths.tolist(), strict=True):
            _check_workers(trials, slice(first, first + n), manifest)


def _check_resumed(trials: Trials, manifest: Manifest) -> None:
    rows, parents = trials.resumed, trials.parents
    if not rows.size:
        return
    numbers = trials.number[parents]
    first = np.full(len(trials), -1, dtype=np.int64)
    first[parents[::-1]] = rows[::-1]
    trials.refuse(
        first[parents] != rows,
        lambda i: f"resumes trial {numbers[i]}, which was already resumed",
        rows,
    )
    trials.refuse(
        ~(trials.ends[parents] <= trials.starts[rows]),
        lambda i: f"resumes trial {numbers[i]}, which had not ended",
        rows,
    )
    trials.refuse(
        trials.epochs[parents] >= trials.epochs[rows],
        lambda i: (
            f"resumes trial {numbers[i]} from epoch {trials.epochs[parents[i]]} to epoch "
            f"{trials.epochs[rows[i]]}"
        ),
        rows,
    )
    trials.refuse(
        trials.training_seeds[parents] != trials.training_seeds[rows],
        lambda i: f"resumes trial {numbers[i]}, but not with its training seed",
        rows,
    )


def _check_budget(trials: Trials, manifest: Manifest) -> None:
    budget = manifest.budget
    if budget.trials is not None:
        trials.refuse_runs(
            trials.lengths > budget.trials,
            lambda i: f"has {trials.lengths[i]} trials, but its budget is {budget.trials}",
        )
    if budget.seconds is not None:
        trials.refuse(
            trials.ends > budget.seconds,
            lambda i: f"ends at {trials.ends[i]} s, after its budget of {budget.seconds} s",
        )
    if budget.epochs is not None:
        paid = trials.epochs.astype(np.int64)
        paid[trials.resumed] -= trials.epochs[trials.parents]
        sums = np.bincount(trials.run, weights=paid, minlength=len(trials.lengths))
        trials.refuse_runs(
            sums > budget.epochs,
            lambda i: f"trains {sums[i]:.0f} epochs, but its budget is {budget.epochs}",
        )


def _check_one_worker(trials: Trials, manifest: Manifest) -> None:
    """Check that every trial starts when the one before it ends."""
    expected = np.empty(len(trials))
    expected[1:] = trials.ends[:-1]
    firsts = trials.firsts[trials.lengths > 0]
    expected[firsts] = _first_starts(trials.starts[firsts], manifest)
    trials.refuse(
        trials.starts != expected,
        lambda i: f"starts at {trials.starts[i]} s, but its only worker is free at {expected[i]} s",
    )


def _first_starts(starts: NDArray[np.float64], manifest: Manifest) -> NDArray[np.float64]:
    """When runs begin: at 0, or when a supernet is trained, which only the algorithm knows."""
    return np.where(manifest.weight_sharing & (starts > 0.0), starts, 0.0)


def _check_workers(trials: Trials, run: slice, manifest: Manifest) -> None:
    """Check that the trials of a run start first or when one before ends, with a worker free."""
    starts, ends, workers = trials.starts[run], trials.ends[run], manifest.workers
    first = _first_starts(starts[:1], manifest)
    rows = np.arange(run.start, run.stop)
    order = np.argsort(ends, kind="stable")
    ascending = ends[order]
    place = np.minimum(np.searchsorted(ascending, starts), max(len(ends) - 1, 0))
    follows = (ascending[place] == starts) & (order[place] < np.arange(len(ends)))
    trials.refuse(
        ~np.isin(starts, first) & ~follows,
        lambda i: f"starts at {starts[i]} s, when no trial before it ends",
        rows,
    )
    trials.refuse(
        np.diff(starts, prepend=0.0) < 0,
        lambda i: f"starts at {starts[i]} s, before the trial before it",
        rows,
    )
    busy: NDArray[np.int64] = np.arange(len(ends)) - np.searchsorted(ascending, starts, "right")
    trials.refuse(
        busy >= workers,
        lambda i: f"starts at {starts[i]} s, when all {workers} workers are busy",
        rows,
    )
