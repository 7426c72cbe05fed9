"""Searches in one process or in several; the unit of work is one seed.

Runs are handed out as soon as they and those before them took a fraction of a second, so that an
interruption loses no more work than that.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from nasbench.errors import InvalidArgumentError
from nasbench.parallel import parallel
from nasbench.runs.fingerprints.fingerprint import code_files
from nasbench.runs.run import Run
from nasbench.runs.setup import Prepared, Setup

_HELD_SECONDS = 0.2


def finished_runs(
    prepared: Prepared, seeds: Sequence[int], processes: int, keep: Path | None = None
) -> Iterator[list[Run]]:
    """Run a set-up with many seeds, and yield runs as they finish, in any order.

    Args:
        prepared: The checked set-up.
        seeds: Seeds of the runs.
        processes: Number of operating-system processes; the runs do not depend on it.
        keep: Folder for what searches keep beside their records, or None.

    Yields:
        One run, or as many as took a fraction of a second together.
    """
    alone = processes == 1 or len(seeds) <= 1
    held: list[Run] = []
    spent = 0.0
    runs = _here(prepared, seeds, keep) if alone else _there(prepared, seeds, processes, keep)
    for seconds, run in runs:
        held.append(replace(run, manifest=prepared.manifest))
        spent += seconds
        if spent >= _HELD_SECONDS:
            yield held
            held, spent = [], 0.0
    if held:
        yield held


def _here(
    prepared: Prepared, seeds: Sequence[int], keep: Path | None
) -> Iterator[tuple[float, Run]]:
    for seed in seeds:
        start = perf_counter()
        run = prepared.run(seed, keep)
        yield perf_counter() - start, run


def _there(
    prepared: Prepared, seeds: Sequence[int], processes: int, keep: Path | None
) -> Iterator[tuple[float, Run]]:
    from joblib import delayed

    paths = _Paths(Path.cwd(), tuple(sys.path), os.environ.get("NASBENCH_HOME", ""))
    task = _pickle().dumps(replace(prepared.setup, algorithm=prepared.algorithm))
    content, code = prepared.benchmark.content_hash, prepared.manifest.code
    example = prepared.example
    inner = (*example.inner_algorithms, *example.inner_regressors, *example.inner_supernets)
    keep = None if keep is None else keep.absolute()
    _end_old_processes(code_files(prepared.algorithm, *inner))
    crew = parallel(min(processes, len(seeds)), return_as="generator_unordered")
    yield from crew(delayed(_run)(paths, task, content, code, s, keep) for s in seeds)


_sent: dict[Path, str] = {}


def _end_old_processes(files: Mapping[Path, str]) -> None:
    """End the processes that joblib keeps if they may have imported earlier states of files."""
    if any(_sent.get(path, digest) != digest for path, digest in files.items()):
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown()
        _sent.clear()
    _sent.update(files)


class _Paths(NamedTuple):
    """Where a process finds tables and modules.

    A reused process may have served another caller.
    """

    folder: Path
    path: tuple[str, ...]
    home: str


def _run(
    paths: _Paths, task: bytes, content: str, code: str, seed: int, keep: Path | None
) -> tuple[float, Run]:
    """Run one seed in another process, and say how many seconds it took.

    Args:
        paths: Where the caller finds tables and modules.
        task: The pickled set-up; a class of a script or notebook travels with its code.
        content: Hash of the benchmark, so that no older one answers.
        code: Fingerprint of the algorithm's code.
        seed: Seed of the run.
        keep: Folder for what the search keeps beside its record, or None.
    """
    sys.path[:] = paths.path
    os.environ["NASBENCH_HOME"] = paths.home
    with chdir(paths.folder):
        prepared = _prepared(paths, task, content, code)
        start = perf_counter()
        run = prepared.run(seed, keep)
        return perf_counter() - start, run


@lru_cache(maxsize=1)
def _prepared(paths: _Paths, task: bytes, content: str, code: str) -> Prepared:
    """The set-up, prepared once per process and search.

    Raises:
        InvalidArgumentError: This process has imported other code than the caller.
    """
    setup: Setup = _pickle().loads(task)
    prepared = setup.prepare()
    kind = prepared.algorithm
    is_imported = getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is kind
    if is_imported and prepared.manifest.code != code:
        raise InvalidArgumentError(
            f"the code of {kind.__module__}:{kind.__qualname__} was edited after it was imported: "
            "reload the module, or start Python again"
        )
    return prepared


def _pickle() -> Any:
    """What joblib sends classes with: a package of its own, in old versions a part of joblib."""
    try:
        return import_module("cloudpickle")
    except ModuleNotFoundError:
        return import_module("joblib.externals.cloudpickle")
