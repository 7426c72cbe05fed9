"""The set-up of a search: everything but its seed, checked before anything runs."""

import logging
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from threadpoolctl import ThreadpoolController

from nasbench.algorithm import (
    Algorithm,
    hyperparameters,
    make,
    takes_known,
    takes_supernets,
)
from nasbench.benchmark import Benchmark, check_integer
from nasbench.benchmarks.bulk import bulk
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.errors import InvalidArgumentError, NasbenchError, NotRecordedError, one_of, shown
from nasbench.regressor import Regressor
from nasbench.runs.budget import Budget, check_count
from nasbench.runs.ledger import Charging, check_replicate, check_seconds
from nasbench.runs.manifest import Manifest
from nasbench.runs.replay import KnownNumbers, replay_bare
from nasbench.runs.run import Run
from nasbench.siblings import SIBLINGS
from nasbench.space import SearchSpace

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that determines a run, except its seed.

    Attributes:
        algorithm: Registered name, ``"module:Class"``, or the class.
        benchmark: Id or path of a table or surrogate.
        budget: When a run ends.
        preset: Name of a preset of the algorithm.
        hyperparameters: Values that replace those of the preset or the defaults.
        workers: Number of trials that run in parallel in simulated time.
        replicate: Which recorded training answers a trial: ``"draw"``, ``"mean"`` or a training
            seed; see :func:`nasbench.replay`.
        fidelities: Epochs that the algorithm may ask for; default: all that the benchmark offers.
        objectives: Columns to optimise; default: the benchmark's own objective.
        known: Columns that the algorithm may see before training.
        constraints: What an architecture has to meet to be proposed, see :func:`nasbench.load`.
    """

    algorithm: str | type[Algorithm]
    benchmark: str
    budget: Budget
    preset: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    replicate: Literal["draw", "mean"] | int = "draw"
    fidelities: tuple[int, ...] | None = None
    objectives: tuple[str, ...] | None = None
    known: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()

    def prepare(self) -> "Prepared":
        """Check all attributes, and load the benchmark and the algorithm.

        Raises:
            UnknownNameError: There is no such algorithm, benchmark, preset, hyperparameter or
                column.
            InvalidArgumentError: A value is impossible, a column is named twice, the algorithm
                cannot use ``known`` or keep to ``constraints``, or a budget of seconds alone would
                never end because the benchmark records no seconds, or hardly any.
            NotRecordedError: The benchmark does not have a fidelity, a fixed training seed or any
                objective.
            NasbenchError: The benchmark is damaged, or an optional package is missing.
        """
        benchmark = load(
            self.benchmark,
            objectives=self.objectives,
            known=self.known,
            constraints=self.constraints,
        )
        benchmark.require_objectives()
        benchmark.verify()
        fidelities = offered(benchmark, self.fidelities)
        algorithm = load_algorithm(self.algorithm)
        given = self.algorithm if isinstance(self.algorithm, str) else algorithm.__name__
        if benchmark.constraints and takes_supernets(algorithm):
            raise InvalidArgumentError(
                f"{given} trains one network that holds the whole space and may choose any "
                f"architecture of it: it cannot keep to {benchmark.constraints[0]}"
            )
        if self.known and not takes_known(algorithm):
            raise InvalidArgumentError(
                f"{given} makes no use of known numbers such as {self.known[0]}: zero_cost, "
                "warm_start (--init N) and zero_cost_evolution do"
            )
        check_count("workers", self.workers)
        check_budget(benchmark, self.budget, self.workers, fidelities[-1])
        check_replicate(benchmark, self.replicate)
        values = hyperparameters(algorithm, self.hyperparameters, self.preset)
        return Prepared(self, benchmark, algorithm, values, fidelities)


class Made(NamedTuple):
    """An algorithm, and what was passed to it and charges seconds.

    Attributes:
        algorithm: The algorithm.
        known: Known numbers; None without any.
        supernets: What makes its supernets; None for an algorithm that trains none.
    """

    algorithm: Algorithm
    known: KnownNumbers | None
    supernets: Charging | None


@dataclass(frozen=True)
class Prepared:
    """A checked set-up with its benchmark and algorithm loaded.

    Attributes:
        setup: The set-up.
        benchmark: The benchmark.
        algorithm: Class of the algorithm.
        hyperparameters: All hyperparameters.
        fidelities: Epochs that the algorithm may ask for.
    """

    setup: Setup
    benchmark: AnyBenchmark
    algorithm: type[Algorithm]
    hyperparameters: dict[str, Any]
    fidelities: tuple[int, ...]

    @cached_property
    def example(self) -> Algorithm:
        """An algorithm that no run uses, to read what it says of itself.

        Raises:
            NasbenchError: The algorithm refuses its hyperparameters.
        """
        return self.make(0).algorithm

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest of the runs.

        Raises:
            NasbenchError: The algorithm refuses its hyperparameters.
        """
        return Manifest.of(
            self.example,
            self.benchmark,
            hyperparameters=self.hyperparameters,
            budget=self.setup.budget,
            workers=self.setup.workers,
            replicate=self.setup.replicate,
            name=self.setup.algorithm if isinstance(self.setup.algorithm, str) else None,
            preset=self.setup.preset,
        )

    def check_unit(self) -> None:
        """Log a warning if the settings are made for losses in another unit."""
        expected, objective = self.example.loss_unit, self.benchmark.objectives[0]
        found = self.benchmark.column(objective).unit
        if expected is not None and _in_unit(expected) != _in_unit(found):
            preset = f"preset {self.setup.preset!r} of " if self.setup.preset else ""
            _LOG.warning(
                "%s%s is made for losses %s, %r is %s: the search may be no better than random",
                preset,
                self.algorithm.__name__,
                _in_unit(expected),
                objective,
                _in_unit(found),
            )

    def make(self, seed: int, keep: Path | None = None) -> Made:
        """Make a new algorithm.

        Args:
            seed: Seed of the search.
            keep: Folder for the files of a supernet, or None.
        """
        known = KnownNumbers(self.benchmark) if self.setup.known else None
        supernets = None
        if takes_supernets(self.algorithm):
            supernets = SIBLINGS.load("supernets")(self.benchmark, seed=seed, folder=keep)
        with _placed(self.algorithm, seed):
            made = make(
                self.algorithm,
                self.benchmark.space,
                fidelities=self.fidelities,
                seed=seed,
                hyperparameters=self.hyperparameters,
                known=known,
                objectives=len(self.benchmark.objectives),
                resumable=len(self.benchmark.schedules) == 1,
                regressors=registered_regressor,
                supernets=supernets,
            )
        return Made(made, known, supernets)

    @cached_property
    def _threads(self) -> ThreadpoolController:
        """The threads of what has been imported by now."""
        return ThreadpoolController()

    def run(self, seed: int, keep: Path | None = None) -> Run:
        """Run one search; the run does not carry the manifest.

        Linear algebra takes one thread: sums, and so the choices of models, depend on the number.

        Args:
            seed: Seed of the search.
            keep: Folder for the files of a supernet, from which an interrupted search goes on.
        """
        algorithm, known, supernets = self.make(seed, keep)
        with self._threads.limit(limits=1), _placed(self.algorithm, seed):
            return replay_bare(
                algorithm,
                self.benchmark,
                budget=self.setup.budget,
                workers=self.setup.workers,
                seed=seed,
                replicate=self.setup.replicate,
                known=known,
                supernets=supernets,
            )


@contextmanager
def _placed(algorithm: type[Algorithm], seed: int) -> Iterator[None]:
    """Note on what an algorithm raises where that was in its file, and the seed.

    What another process raises comes without its frames, but with its notes.
    """
    try:
        yield
    except NasbenchError:
        raise
    except Exception as error:
        file = getattr(sys.modules.get(algorithm.__module__), "__file__", None)
        inside = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
        place = f"{Path(inside[-1].filename).name}, line {inside[-1].lineno}, " if inside else ""
        error.add_note(f"{place}seed {seed}")
        raise


def offered(benchmark: Benchmark, wanted: Iterable[int] | None) -> tuple[int, ...]:
    """Return the epochs that a search may ask for, ascending.

    Args:
        benchmark: The benchmark.
        wanted: Some of its fidelities; None for all.

    Raises:
        NotRecordedError: The benchmark does not have one of them.
        InvalidArgumentError: There are none, or one is no integer.
    """
    fidelities = benchmark.fidelities
    if wanted is not None:
        if isinstance(wanted, str) or not isinstance(wanted, Iterable):
            raise InvalidArgumentError(f"fidelities = {shown(wanted)} must be a list of epochs")
        wanted = tuple(check_integer("fidelity", epoch) for epoch in wanted)
        for epoch in wanted:
            if epoch not in fidelities:
                raise NotRecordedError(
                    f"{benchmark.name!r} has no fidelity {shown(epoch)}{one_of(epoch, fidelities)}"
                )
        fidelities = tuple(epoch for epoch in fidelities if epoch in wanted)
    if not fidelities:
        raise InvalidArgumentError("fidelities must not be empty")
    return fidelities


def check_budget(benchmark: Benchmark, budget: Budget, workers: int, epoch: int) -> None:
    """Check that a budget is one, and ends a search.

    Args:
        benchmark: The benchmark.
        budget: The budget.
        workers: Number of trials that run in parallel in simulated time.
        epoch: The longest training.

    Raises:
        InvalidArgumentError: It is no budget; or one of seconds alone would never end because the
            benchmark records no seconds, or hardly any.
    """
    if not isinstance(budget, Budget):
        raise InvalidArgumentError(f"budget = {shown(budget)} must be a Budget")
    if budget.trials is not None or budget.epochs is not None or budget.seconds is None:
        return
    if not benchmark.is_clocked:
        raise InvalidArgumentError(
            f"{benchmark.name!r} does not record seconds at every fidelity: a budget of seconds "
            "alone would never end; possible are trials and epochs"
        )
    check_seconds(benchmark, budget.seconds, workers, bulk(benchmark).dearest(epoch))


def _in_unit(unit: str) -> str:
    if unit in ("", "1"):
        return "without a unit"
    return "in percent" if unit == "%" else f"in {unit}"


def load_algorithm(algorithm: str | type[Algorithm]) -> type[Algorithm]:
    """Return the class of an algorithm.

    Args:
        algorithm: Registered name, ``"module:Class"``, or the class.

    Raises:
        UnknownNameError: There is no algorithm of this name.
        InvalidArgumentError: It is not a subclass of :class:`nasbench.algorithm.Algorithm`, or one
            without ``ask`` or ``tell``.
    """
    found: Any = algorithm
    if isinstance(algorithm, str):
        found = SIBLINGS.load("algorithms").load(algorithm)
    if not isinstance(found, type) or not issubclass(found, Algorithm):
        raise InvalidArgumentError(
            f"{algorithm!r} is {found!r}, not a subclass of nasbench.algorithm.Algorithm"
        )
    if missing := sorted(found.__abstractmethods__):
        raise InvalidArgumentError(
            f"the algorithm {found.__qualname__} lacks {' and '.join(missing)}: "
            "it needs ask and tell"
        )
    return found


def registered_regressor(
    name: str, space: SearchSpace, *, seed: int = 0, **changes: Any
) -> Regressor:
    """Return a new regressor; the ``regressors`` argument of an algorithm.

    Args:
        name: Registered name.
        space: The space of the architectures.
        seed: Seed of the fit.
        changes: Hyperparameters that replace the defaults.

    Raises:
        NasbenchError: As for :class:`nasbench.regressor.Regressors`.
    """
    kind: type[Regressor] = SIBLINGS.load("regressors").load_registered(name)
    return kind(space, seed=seed, **hyperparameters(kind, changes))
