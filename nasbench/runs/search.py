"""Seeded searches, in parallel, recorded and resumable."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field, replace
from operator import index
from pathlib import Path
from typing import Any, Literal, NamedTuple, SupportsIndex

from nasbench.algorithm import Algorithm, hyperparameters, make, takes_known
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.errors import InvalidArgumentError, NotRecordedError, one_of
from nasbench.registry import Registry
from nasbench.runs.records import BLOCK, Records
from nasbench.runs.replay import (
    Budget,
    KnownNumbers,
    check_count,
    check_replicate,
    manifest,
    replay,
)
from nasbench.runs.run import Run

ALGORITHMS = "algorithms:ALGORITHMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything but the seed that a run is a function of.

    Attributes:
        algorithm: Registered name, or ``"module:Class"``.
        benchmark: Id or path of a table or surrogate.
        budget: When a run ends.
        preset: Name of published settings of the algorithm.
        hyperparameters: Changes to the preset or the defaults.
        workers: Simulated parallel workers.
        replicate: Which recorded training answers: ``"draw"``, ``"mean"`` or a training seed.
        fidelities: Epochs that the algorithm may ask for; default: all that the benchmark offers.
        objectives: Columns to minimise or maximise; default: the benchmark's own.
        known: Columns that the algorithm may see before training.
    """

    algorithm: str
    benchmark: str
    budget: Budget
    preset: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    replicate: Literal["draw", "mean"] | int = "draw"
    fidelities: tuple[int, ...] | None = None
    objectives: tuple[str, ...] | None = None
    known: tuple[str, ...] = ()

    def prepare(self) -> "Prepared":
        """Check everything and load what is needed.

        Raises:
            NasbenchError: Whatever is wrong with one of the attributes.
        """
        benchmark = load(self.benchmark, objectives=self.objectives, known=self.known)
        benchmark.require_objectives()
        fidelities = benchmark.fidelities
        if self.fidelities is not None:
            for epoch in self.fidelities:
                if epoch not in fidelities:
                    raise NotRecordedError(
                        f"{benchmark.name!r} has no fidelity {epoch}{one_of(epoch, fidelities)}"
                    )
            fidelities = tuple(epoch for epoch in fidelities if epoch in self.fidelities)
        if not fidelities:
            raise InvalidArgumentError("fidelities must not be empty")
        algorithm = load_algorithm(self.algorithm)
        if self.known and not takes_known(algorithm):
            raise InvalidArgumentError(
                f"{self.algorithm} has no keyword 'known' and cannot use {list(self.known)}"
            )
        if not isinstance(self.budget, Budget):
            raise InvalidArgumentError(f"budget = {self.budget!r} must be a Budget")
        only_seconds = self.budget.trials is None and self.budget.epochs is None
        if only_seconds and not benchmark.is_clocked:
            raise InvalidArgumentError(
                f"{benchmark.name!r} does not record seconds wherever a search may ask: a budget "
                "of seconds alone would never end; possible are trials and epochs"
            )
        check_count("workers", self.workers)
        check_replicate(benchmark, self.replicate)
        values = hyperparameters(algorithm, self.hyperparameters, self.preset)
        prepared = Prepared(self, benchmark, algorithm, values, fidelities)
        made, _ = prepared.make(0)
        return replace(prepared, families=made.families)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked set-up with its benchmark loaded."""

    setup: Setup
    benchmark: AnyBenchmark
    algorithm: type[Algorithm]
    hyperparameters: dict[str, Any]
    fidelities: tuple[int, ...]
    families: tuple[str, ...] = ()

    def make(self, seed: int) -> tuple[Algorithm, KnownNumbers | None]:
        """A fresh algorithm, and the known numbers that it was given."""
        known = KnownNumbers(self.benchmark) if self.setup.known else None
        made = make(
            self.algorithm,
            self.benchmark.space,
            fidelities=self.fidelities,
            seed=seed,
            hyperparameters=self.hyperparameters,
            known=known,
            resumable=len(self.benchmark.schedules) == 1,
        )
        return made, known

    def run(self, seed: int) -> Run:
        """One search."""
        algorithm, known = self.make(seed)
        run = replay(
            algorithm,
            self.benchmark,
            budget=self.setup.budget,
            workers=self.setup.workers,
            seed=seed,
            replicate=self.setup.replicate,
            known=known,
        )
        return replace(run, manifest=self.manifest())

    def manifest(self) -> dict[str, Any]:
        """What a record says of its making."""
        setup, benchmark = self.setup, self.benchmark
        return manifest(
            setup.algorithm,
            benchmark,
            preset=setup.preset,
            hyperparameters=self.hyperparameters,
            budget=setup.budget,
            workers=setup.workers,
            replicate=setup.replicate,
            fidelities=self.fidelities,
            families=self.families,
        )


def load_algorithm(name: str) -> type[Algorithm]:
    """The class of an algorithm.

    Raises:
        UnknownNameError: No algorithm of this name.
        InvalidArgumentError: Not a subclass of :class:`nasbench.algorithm.Algorithm`.
    """
    registry: Registry = Registry("nasbench", "registry", {"algorithms": ALGORITHMS}).load(
        "algorithms"
    )
    found = registry.load(name)
    if not isinstance(found, type) or not issubclass(found, Algorithm):
        raise InvalidArgumentError(
            f"{name!r} is {found!r}, not a subclass of nasbench.algorithm.Algorithm"
        )
    return found


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
        progress: Called with a number of runs whenever so many more are done.

    Returns:
        One run for each seed, by ascending seed.

    Raises:
        NasbenchError: Whatever is wrong with an argument, before anything runs.
    """
    check_count("processes", processes)
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
    seeds = check_seeds(seeds)
    prepared = setup.prepare()
    records = None if out is None else Records.create(Path(out), prepared.manifest())
    blocks = _blocks(seeds) if records is None else records.missing(seeds)
    progress(len(seeds) - sum(map(len, blocks.values())))
    runs: list[Run] = []
    for block, done in _run_blocks(prepared, blocks, processes):
        if records is not None:
            records.add(block, done)
        else:
            runs += done
        progress(len(done))
    return sorted(runs, key=lambda run: run.seed) if records is None else records.runs(seeds)


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


__all__ = ["Setup", "check_seeds", "load_algorithm", "search"]
