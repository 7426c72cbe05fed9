"""Seeded searches: run in parallel, recorded, and resumed after an interruption.

What one should know of a search before trusting its numbers is logged as warnings, a line each.
"""

import glob
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import index
from pathlib import Path
from typing import Any, Literal, SupportsIndex

import numpy as np

from nasbench.algorithm import Algorithm
from nasbench.errors import InvalidArgumentError, RecordError, shown
from nasbench.runs.budget import Budget, check_count
from nasbench.runs.manifest import Manifest
from nasbench.runs.processes import finished_runs
from nasbench.runs.records import Records
from nasbench.runs.run import Run
from nasbench.runs.setup import Prepared, Setup
from nasbench.storage.files import named_folder

_LOG = logging.getLogger(__name__)


def search(
    algorithm: str | type[Algorithm],
    benchmark: str | Path,
    *,
    seeds: Iterable[int] = range(1),
    budget: Budget,
    preset: str | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    workers: int = 1,
    replicate: Literal["draw", "mean"] | int = "draw",
    fidelities: Sequence[int] | None = None,
    objectives: Sequence[str] | None = None,
    known: Sequence[str] = (),
    constraints: Sequence[str] = (),
    processes: int = 1,
    out: str | Path | None = None,
    fresh: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Run]:
    """Run an algorithm on a benchmark with many seeds.

    >>> import nasbench
    >>> budget = nasbench.Budget(trials=100)
    >>> runs = nasbench.search("random_search", "nb201-cifar10", seeds=range(5), budget=budget)
    >>> [run.seed for run in runs], len(runs[0])
    ([0, 1, 2, 3, 4], 100)

    Args:
        algorithm: Registered name, ``"module:Class"``, or a class, also one of a notebook.
        benchmark: Id or path of a table or surrogate.
        seeds: Seeds of the runs.
        budget: When a run ends.
        preset: Name of a preset of the algorithm.
        hyperparameters: Values that replace those of the preset or the defaults.
        workers: Number of trials that run in parallel in simulated time.
        replicate: Which recorded training answers a trial: ``"draw"``, ``"mean"`` or a training
            seed; see :func:`nasbench.replay`.
        fidelities: Epochs that the algorithm may ask for; default: all that the benchmark offers.
        objectives: Columns to optimise; default: the benchmark's own objective.
        known: Columns that the algorithm may see before training.
        constraints: What an architecture has to meet to be seen by the search, such as
            ``["parameters<=500000"]``; see :func:`nasbench.load`.
        processes: Number of operating-system processes; the result does not depend on it.
        out: Folder for records. Seeds that it already holds are read, not run again, as long as the
            code of the algorithm is the same (:mod:`nasbench.runs.fingerprints.fingerprint`).
        fresh: Whether to run all seeds, and replace those that ``out`` holds; no interrupted
            training of a supernet goes on.
        progress: Called with the number of newly finished runs, which are recorded by then; the
            first time with 0, or with the number of runs read from ``out``.

    Returns:
        One run per seed, by ascending seed.

    Raises:
        NasbenchError: An argument is wrong, see :meth:`nasbench.runs.setup.Setup.prepare`; raised
            before any run starts. An algorithm may raise further errors while it runs, see
            :func:`nasbench.replay`.
    """
    if not isinstance(benchmark, str | Path):
        name = getattr(benchmark, "name", "nb201-cifar10")
        raise InvalidArgumentError(
            f"benchmark = {shown(benchmark)} must be an id or a path, such as {name!r}; "
            "nasbench.replay takes a loaded benchmark"
        )
    setup = Setup(
        algorithm=algorithm,
        benchmark=str(benchmark),
        budget=budget,
        preset=preset,
        hyperparameters=dict(hyperparameters or {}),
        workers=workers,
        replicate=replicate,
        fidelities=None if fidelities is None else _several("fidelities", fidelities),
        objectives=None if objectives is None else _several("objectives", objectives),
        known=_several("known", known),
        constraints=_several("constraints", constraints),
    )
    if out is None:
        return run_seeds(setup, seeds, processes=processes, progress=progress)
    folder, seeds = named_folder("out", out), check_seeds(seeds)
    records = record_seeds(
        setup, seeds, folder, processes=processes, fresh=fresh, progress=progress
    )
    runs = [replace(run, manifest=records.manifest) for run in records.runs(seeds, verify=True)]
    _say_what_was_left(setup, records.manifest, runs)
    return runs


def run_seeds(
    setup: Setup,
    seeds: Iterable[int],
    *,
    processes: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Run]:
    """Run a set-up with many seeds, in memory.

    Args:
        setup: The set-up.
        seeds: Seeds of the runs.
        processes: Number of operating-system processes; the result does not depend on it.
        progress: Called with the number of newly finished runs; the first time with 0.

    Returns:
        One run per seed, by ascending seed.

    Raises:
        NasbenchError: As for :func:`search`.
    """
    check_count("processes", processes)
    seeds = check_seeds(seeds)
    prepared = setup.prepare()
    _say_what_counts(prepared)
    runs: list[Run] = []
    progress(0)
    for done in finished_runs(prepared, seeds, processes):
        runs += done
        progress(len(done))
    _say_what_was_left(setup, prepared.manifest, runs)
    return sorted(runs, key=lambda run: run.seed)


def record_seeds(
    setup: Setup,
    seeds: Iterable[int],
    out: Path,
    *,
    processes: int = 1,
    fresh: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Records:
    """Run a set-up with many seeds and record every trial; recorded seeds are not run again.

    Several processes may record into one folder at the same time: each waits while another writes,
    and no run is lost. Seeds that two of them were asked for may be run twice.

    Args:
        setup: The set-up.
        seeds: Seeds of the runs.
        out: Folder for records.
        processes: Number of operating-system processes; the result does not depend on it.
        fresh: Whether to run recorded seeds again, and replace them; no interrupted training of a
            supernet goes on.
        progress: Called with the number of newly finished runs; the first time with the number of
            seeds that were already recorded.

    Returns:
        The record, which may hold other seeds as well.

    Raises:
        NasbenchError: As for :func:`search`.
    """
    check_count("processes", processes)
    seeds = check_seeds(seeds)
    prepared = setup.prepare()
    records = Records.create(out, prepared.manifest)
    try:
        missing = seeds if fresh else records.missing(seeds)
        records.check(missing)
        if fresh:
            records.forget_unfinished(missing)
    except RecordError as error:
        raise RecordError(
            f"{error}; delete that file, and the same command makes its seeds again"
        ) from error
    if n_recorded := len(seeds) - len(missing):
        _LOG.warning(
            "%d of %d seeds from records in %s; --fresh (fresh=True) runs them again",
            n_recorded,
            len(seeds),
            records.folder,
        )
    elif not records.seeds():
        _say_what_was_edited(records)
    _say_what_counts(prepared)
    progress(n_recorded)
    try:
        for done in finished_runs(prepared, missing, processes, records.folder):
            records.add(done)
            progress(len(done))
    except Exception:
        records.discard_if_empty()
        raise
    return records


def _say_what_was_edited(records: Records) -> None:
    """Log which records hold the same search with other code."""
    manifest = records.manifest
    name = manifest.folder_name.rpartition("-")[0]
    for folder in sorted(records.folder.parent.glob(f"{glob.escape(name)}-*")):
        try:
            other = Records(folder).manifest
        except RecordError:
            continue
        if other.code != manifest.code and replace(other, code=manifest.code) == manifest:
            _LOG.warning(
                "the code of %s was edited since %s was recorded, which boards show as a row of "
                "its own; this is recorded in %s",
                manifest.algorithm,
                folder,
                records.folder,
            )


def _say_what_counts(prepared: Prepared) -> None:
    """Log which objectives count, which reveal test results, and settings for another unit."""
    prepared.check_unit()
    manifest = prepared.manifest
    first, *others = manifest.objectives
    if others and not prepared.example.multi_objective:
        _LOG.warning(
            "%s minimises %s alone: %s is recorded, but does not count",
            manifest.algorithm,
            first,
            _listed(others),
        )
    if manifest.test_objectives:
        _LOG.warning(
            "selected on test: the search sees %s, so its results say nothing of unseen data",
            _listed(manifest.test_objectives),
        )


def _say_what_was_left(setup: Setup, manifest: Manifest, runs: Sequence[Run]) -> None:
    """Log which given fidelities no trial used, and whether all trials were random."""
    used = {epoch for run in runs for epoch in np.unique(run.epochs).tolist()}
    unused = [epoch for epoch in manifest.fidelities if epoch not in used]
    if setup.fidelities is not None and used and unused:
        _LOG.warning("%s trained nothing to epoch %s", manifest.algorithm, _listed(unused))
    if fallbacks := sum(run.fallbacks for run in runs):
        _LOG.warning(
            "%s had no model for %d of %d proposals, which are random: nothing could be learned, "
            "or nothing was left to propose",
            manifest.algorithm,
            fallbacks,
            sum(map(len, runs)),
        )
    n_trials = max(map(len, runs), default=0)
    if manifest.random_trials is None:
        _LOG.warning(
            "%s is random search here: offered epoch %s, it trains random architectures only",
            manifest.algorithm,
            _listed(manifest.fidelities),
        )
    elif manifest.is_random_search(n_trials):
        _LOG.warning(
            "%s is random search here: its first %d trials are random, and no run has more than %d",
            manifest.algorithm,
            manifest.random_trials,
            n_trials,
        )


def _several(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """The values of an argument, unless they are a text, whose letters they would be, or a number.

    Raises:
        InvalidArgumentError: They are.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidArgumentError(f"{name} = {values!r} must be a list, such as [{values!r}]")
    return tuple(values)


def _listed(things: Iterable[object]) -> str:
    return ", ".join(map(str, things))


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """Return the distinct seeds, ascending.

    Raises:
        InvalidArgumentError: There are none, or one is not an integer in 0..2**31 - 1.
    """
    if not isinstance(seeds, Iterable):
        raise InvalidArgumentError(f"seeds = {shown(seeds)} must be integers, such as range(100)")
    found = set()
    for seed in seeds:
        number = index(seed) if isinstance(seed, SupportsIndex) else -1
        if isinstance(seed, bool) or not 0 <= number < 2**31:
            raise InvalidArgumentError(f"seed {shown(seed)} is not an integer in 0..{2**31 - 1}")
        found.add(number)
    if not found:
        raise InvalidArgumentError("no seeds are given")
    return sorted(found)
