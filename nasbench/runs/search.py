"""Seeded searches, in parallel, recorded and resumable."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import chdir
from operator import index
from pathlib import Path
from typing import Any, Literal, NamedTuple, SupportsIndex

from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget, check_count
from nasbench.runs.records import BLOCK, Records
from nasbench.runs.run import Run
from nasbench.runs.setup import Prepared, Setup


def search(
    algorithm: str,
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
    processes: int = 1,
    out: str | Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Run]:
    """Run an algorithm on a benchmark with many seeds.

    Args:
        algorithm: Registered name, or ``"module:Class"``.
        benchmark: Id or path of a table or surrogate.
        seeds: Seeds of the runs.
        budget: When a run ends.
        preset: Name of published settings of the algorithm.
        hyperparameters: Changes to the preset or the defaults.
        workers: Simulated parallel workers.
        replicate: Which recorded training answers: ``"draw"``, ``"mean"`` or a training seed.
        fidelities: Epochs that the algorithm may ask for; default: all that the benchmark offers.
        objectives: Columns to minimise or maximise; default: the benchmark's own.
        known: Columns that the algorithm may see before training.
        processes: Operating-system processes; the result does not depend on it.
        out: Folder for the records; runs that it already holds are not repeated.
        progress: Called with the number of newly finished runs; first with 0.

    Returns:
        One run per seed, by ascending seed.

    Raises:
        NasbenchError: Whatever is wrong with an argument, before anything runs.
    """
    setup = Setup(
        algorithm=algorithm,
        benchmark=str(benchmark),
        budget=budget,
        preset=preset,
        hyperparameters=dict(hyperparameters or {}),
        workers=workers,
        replicate=replicate,
        fidelities=None if fidelities is None else tuple(fidelities),
        objectives=None if objectives is None else tuple(objectives),
        known=tuple(known),
    )
    if out is None:
        return run_seeds(setup, seeds, processes=processes, progress=progress)
    seeds = check_seeds(seeds)
    records = record_seeds(setup, seeds, Path(out), processes=processes, progress=progress)
    return records.runs(seeds)


def run_seeds(
    setup: Setup,
    seeds: Iterable[int],
    *,
    processes: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Run]:
    """Run a set-up with many seeds, in memory.

    Args:
        setup: What to run.
        seeds: Seeds of the runs.
        processes: Operating-system processes; the result does not depend on it.
        progress: Called with the number of newly finished runs; first with 0.

    Returns:
        One run per seed, by ascending seed.

    Raises:
        NasbenchError: Whatever is wrong with an argument, before anything runs.
    """
    check_count("processes", processes)
    seeds = check_seeds(seeds)
    prepared = setup.prepare()
    prepared.manifest  # noqa: B018 (refuses wrong hyperparameters)
    runs: list[Run] = []
    progress(0)
    for _, done in _run_blocks(prepared, _blocks(seeds), processes):
        runs += done
        progress(len(done))
    return sorted(runs, key=lambda run: run.seed)


def record_seeds(
    setup: Setup,
    seeds: Iterable[int],
    out: Path,
    *,
    processes: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Records:
    """Run a set-up with many seeds and record every trial; recorded seeds are not run again.

    Args:
        setup: What to run.
        seeds: Seeds of the runs.
        out: Folder for the records.
        processes: Operating-system processes; the result does not depend on it.
        progress: Called with the number of newly finished runs, recorded ones first.

    Returns:
        The records, which may hold more seeds than these.

    Raises:
        NasbenchError: Whatever is wrong with an argument, before anything runs.
    """
    check_count("processes", processes)
    seeds = check_seeds(seeds)
    prepared = setup.prepare()
    records = Records.create(out, prepared.manifest)
    blocks = records.missing(seeds)
    progress(len(seeds) - sum(map(len, blocks.values())))
    for block, done in _run_blocks(prepared, blocks, processes):
        records.add(block, done)
        progress(len(done))
    return records


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """The distinct seeds, ascending.

    Raises:
        InvalidArgumentError: None, or one that is no integer in 0..2**31 - 1.
    """
    if not isinstance(seeds, Iterable):
        raise InvalidArgumentError(f"seeds = {seeds!r} must be several, as range(100)")
    found = set()
    for seed in seeds:
        number = index(seed) if isinstance(seed, SupportsIndex) else -1
        if isinstance(seed, bool) or not 0 <= number < 2**31:
            raise InvalidArgumentError(f"seed {seed!r} is no integer in 0..{2**31 - 1}")
        found.add(number)
    if not found:
        raise InvalidArgumentError("no seeds are given")
    return sorted(found)


def _blocks(seeds: Iterable[int]) -> dict[int, list[int]]:
    blocks: dict[int, list[int]] = {}
    for seed in seeds:
        blocks.setdefault(seed // BLOCK, []).append(seed)
    return blocks


def _run_blocks(
    prepared: Prepared, blocks: dict[int, list[int]], processes: int
) -> Iterator[tuple[int, list[Run]]]:
    if processes == 1 or len(blocks) < 2:
        for block, seeds in blocks.items():
            yield block, [prepared.run(seed) for seed in seeds]
        return
    import joblib

    parallel = joblib.Parallel(n_jobs=min(processes, len(blocks)), return_as="generator_unordered")
    place = _Place(Path.cwd(), tuple(sys.path), os.environ.get("NASBENCH_HOME", ""))
    yield from parallel(
        joblib.delayed(_run_block)(prepared.setup, place, block, seeds)
        for block, seeds in blocks.items()
    )


class _Place(NamedTuple):
    """Where tables and modules are found; a process that served another place may serve this."""

    folder: Path
    path: tuple[str, ...]
    home: str


def _run_block(setup: Setup, place: _Place, block: int, seeds: list[int]) -> tuple[int, list[Run]]:
    sys.path[:] = place.path
    os.environ["NASBENCH_HOME"] = place.home
    with chdir(place.folder):
        prepared = setup.prepare()
        return block, [prepared.run(seed) for seed in seeds]
