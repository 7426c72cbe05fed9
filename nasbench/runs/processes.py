"""Searches in one process or in several; the unit of work is one seed.

Runs are handed out as soon as they and those before them took a fraction of a second, so that an
interruption loses no more work than that.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from nasbench.runs.run import Run
from nasbench.runs.setup import Prepared, Setup

_HELD_SECONDS = 0.2


def finished_runs(prepared: Prepared, seeds: Sequence[int], processes: int) -> Iterator[list[Run]]:
    """Run a set-up with many seeds, and yield runs as they finish, in any order.

    Args:
        prepared: The checked set-up.
        seeds: Seeds of the runs.
        processes: Number of operating-system processes; the runs do not depend on it.

    Yields:
        One run, or as many as took a fraction of a second together.
    """
    alone = processes == 1 or len(seeds) == 1
    held: list[Run] = []
    spent = 0.0
    for seconds, run in _here(prepared, seeds) if alone else _there(prepared, seeds, processes):
        held.append(replace(run, manifest=prepared.manifest))
        spent += seconds
        if spent >= _HELD_SECONDS:
            yield held
            held, spent = [], 0.0
    if held:
        yield held


def _here(prepared: Prepared, seeds: Sequence[int]) -> Iterator[tuple[float, Run]]:
    for seed in seeds:
        start = perf_counter()
        run = prepared.run(seed)
        yield perf_counter() - start, run


def _there(prepared: Prepared, seeds: Sequence[int], processes: int) -> Iterator[tuple[float, Run]]:
    import joblib

    paths = _Paths(Path.cwd(), tuple(sys.path), os.environ.get("NASBENCH_HOME", ""))
    task = _pickle().dumps(replace(prepared.setup, algorithm=prepared.algorithm))
    content = prepared.benchmark.content_hash
    parallel = joblib.Parallel(n_jobs=min(processes, len(seeds)), return_as="generator_unordered")
    yield from parallel(joblib.delayed(_run)(paths, task, content, s) for s in seeds)


class _Paths(NamedTuple):
    """Where a process finds tables and modules.

    A reused process may have served another caller.
    """

    folder: Path
    path: tuple[str, ...]
    home: str


def _run(paths: _Paths, task: bytes, content: str, seed: int) -> tuple[float, Run]:
    """Run one seed in another process, and say how many seconds it took.

    Args:
        paths: Where the caller finds tables and modules.
        task: The pickled set-up; a class of a script or notebook travels with its code.
        content: Hash of the benchmark, so that no older one answers.
        seed: Seed of the run.
    """
    sys.path[:] = paths.path
    os.environ["NASBENCH_HOME"] = paths.home
    with chdir(paths.folder):
        prepared = _prepared(paths, task, content)
        start = perf_counter()
        run = prepared.run(seed)
        return perf_counter() - start, run


@lru_cache(maxsize=1)
def _prepared(paths: _Paths, task: bytes, content: str) -> Prepared:
    """The set-up, prepared once per process and search."""
    setup: Setup = _pickle().loads(task)
    return setup.prepare()


def _pickle() -> Any:
    """What joblib sends classes with: a package of its own, in old versions a part of joblib."""
    try:
        return import_module("cloudpickle")
    except ModuleNotFoundError:
        return import_module("joblib.externals.cloudpickle")
