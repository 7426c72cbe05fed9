"""Check that a search algorithm keeps its contract."""

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from nasbench.algorithm import (
    Algorithm,
    Observation,
    Proposal,
    hyperparameters,
    kept_hyperparameters,
    make,
    takes_known,
)
from nasbench.benchmark import Benchmark, Evaluation
from nasbench.runs.budget import Budget
from nasbench.runs.ledger import Charging
from nasbench.runs.parts import to_table
from nasbench.runs.replay import KnownNumbers, replay
from nasbench.runs.run import Run
from nasbench.runs.setup import registered_regressor
from nasbench.space import Arch
from nasbench.tables.hashes import numbers_hash
from nasbench.testing.another_process import in_another_process
from nasbench.testing.requirements import generators_left_alone, require, require_legal

_WORKERS = 8
_FEWEST_RESULTS = 2
_EXTREMES = (1e308, -1e308, 1e39, -1e39, 5e-324, -5e-324, 0.0, 1.0)


def check_algorithm(
    algorithm: type[Algorithm],
    benchmark: Benchmark,
    *,
    changes: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int = 0,
    n: int = 200,
    supernets: type[Any] | None = None,
) -> None:
    """Check that a search algorithm keeps its contract.

    - *Proposals* are legal: a ``Proposal`` of plain integers, an epoch on offer, and if it resumes
      a trial, one that was told, not resumed before, and not trained as far.
    - *Reproducible*: the same seed gives the same run, also in another process with other hashes.
    - *Late answers*: it works with eight workers, and if it is told in any order.
    - *Any loss*: it works where all are equal, many are, some or all are infinite, or are of
      extreme sizes.
    - *Two results*, different or equal, are enough to go on, however many trials are running;
      also where they are all that a model learns from: a hyperparameter that says how many trials
      are random is set to two.
    - *Random trials*: as many as it claims do not depend on results.
    - *One fidelity*: it works where only the last one is offered.
    - *Generators*: those of ``random`` and NumPy are left alone.
    - *Hyperparameters* are kept as attributes and can be written as JSON.
    - *Budgets* of trials, seconds and epochs hold.

    Args:
        algorithm: The class.
        benchmark: What to search; with ``known`` columns if the algorithm needs some.
        changes: Hyperparameters other than the defaults.
        preset: A preset of the algorithm.
        seed: Seed of the searches.
        n: Trials a search: more than any population or first sample of the algorithm has.
        supernets: Class that makes supernets for a space, as
            :class:`nasbench.supernet.Supernets`, and has ``take_due`` (see
            :class:`nasbench.runs.ledger.Charging`); for an algorithm that trains one.

    Raises:
        AssertionError: The contract is broken; the message says where.
    """
    values = hyperparameters(algorithm, changes or {}, preset)
    tested = _Tested(algorithm, benchmark, values, seed, n, supernets)
    with generators_left_alone(tested.name):
        run = tested.search()
        require(len(run) > 0, f"{tested.name} proposes nothing")
    _check_kept(tested)
    _check_reproducible(tested, run)
    _check_budgets(tested, run)
    _check_late(tested)
    _check_losses(tested)
    _check_two_results(tested, run)
    _check_random_trials(tested, run)
    run = tested.search(fidelities=benchmark.fidelities[-1:])
    require(len(run) > 0, f"{tested.name} proposes nothing if there is one fidelity")


class _Watched(Algorithm):
    """Passes on questions and answers, and checks what is proposed.

    Args:
        inner: The algorithm.
        separate: Whether the fidelities are separate trainings, of which none can be resumed.
    """

    def __init__(self, inner: Algorithm, *, separate: bool) -> None:
        for name in ("space", "fidelities", "rng"):
            require(hasattr(inner, name), f"{type(inner).__name__} did not call super().__init__")
        super().__init__(inner.space, fidelities=inner.fidelities, seed=0)
        self._inner = inner
        self._separate = separate
        self._asked = 0
        self._resumable: dict[int, int] = {}

    def ask(self) -> Proposal | None:
        proposal = self._inner.ask()
        if proposal is not None:
            self._check(proposal)
            self._asked += 1
        return proposal

    def tell(self, observation: Observation) -> None:
        self._resumable[observation.trial] = observation.proposal.epoch or self.fidelities[-1]
        self._inner.tell(observation)

    def _check(self, proposal: Proposal) -> None:
        who = f"ask of {type(self._inner).__name__}"
        require(type(proposal) is Proposal, f"{who} gives {proposal!r}, not a Proposal")
        arch, epoch, parent = proposal
        require_legal(self.space, arch, f"{who} proposes")
        require(
            epoch is None or (type(epoch) is int and epoch in self.fidelities),
            f"{who} proposes epoch {epoch!r}, on offer are {self.fidelities}",
        )
        if parent is not None:
            reached = self._resumable.pop(parent, math.inf)
            require(
                not self._separate and (epoch or self.fidelities[-1]) > reached,
                f"{who} resumes trial {parent!r} to epoch {epoch}, which cannot be resumed to it",
            )


class _Altered:
    """A benchmark with other losses.

    Args:
        benchmark: What else is asked.
        change: The loss instead of a loss.
    """

    def __init__(self, benchmark: Benchmark, change: Callable[[float], float]) -> None:
        self._benchmark = benchmark
        self._change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._benchmark, name)

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        answer = self._benchmark.evaluate(arch, epoch=epoch, seed=seed)
        losses = [self._change(x) if x < math.inf else x for x in answer.losses]
        return answer._replace(losses=tuple(losses))


@dataclass(frozen=True)
class _Tested:
    """An algorithm with all that its searches need.

    Attributes:
        algorithm: The class.
        benchmark: What to search.
        values: All hyperparameters.
        seed: Seed of the searches.
        n: Trials of a search.
        supernets: Class that makes supernets, or None.
    """

    algorithm: type[Algorithm]
    benchmark: Benchmark
    values: Mapping[str, Any]
    seed: int
    n: int
    supernets: type[Any] | None

    @property
    def name(self) -> str:
        """Name of the class."""
        return self.algorithm.__name__

    def make(
        self, fidelities: Sequence[int] | None = None
    ) -> tuple[_Watched, KnownNumbers | None, Charging | None]:
        """A new algorithm, and what it pays for."""
        benchmark = self.benchmark
        takes = takes_known(self.algorithm) and benchmark.known
        known = KnownNumbers(benchmark) if takes else None
        supernets = None if self.supernets is None else self.supernets(benchmark.space)
        separate = len(benchmark.schedules) > 1
        made = make(
            self.algorithm,
            benchmark.space,
            fidelities=fidelities or benchmark.fidelities,
            seed=self.seed,
            hyperparameters=self.values,
            known=known,
            objectives=len(benchmark.objectives),
            resumable=not separate,
            regressors=registered_regressor,
            supernets=supernets,
        )
        return _Watched(made, separate=separate), known, supernets

    def search(
        self,
        budget: Budget | None = None,
        *,
        workers: int = 1,
        fidelities: Sequence[int] | None = None,
    ) -> Run:
        """Run a search; without a budget, of :attr:`n` trials."""
        watched, known, supernets = self.make(fidelities)
        return replay(
            watched,
            self.benchmark,
            budget=budget or Budget(trials=self.n),
            workers=workers,
            seed=self.seed,
            known=known,
            supernets=supernets,
        )

    def altered(self, change: Callable[[float], float]) -> "_Tested":
        """The same where losses are changed."""
        return replace(self, benchmark=cast(Benchmark, _Altered(self.benchmark, change)))


def _trace(tested: _Tested) -> str:
    """Hash of the record of a search."""
    return trace(tested.search())


def trace(run: Run) -> str:
    """SHA-256 of what is recorded of a run; the same wherever it is made."""
    return numbers_hash(to_table([run]))


def _check_kept(tested: _Tested) -> None:
    kept = kept_hyperparameters(tested.make()[0]._inner)
    require(
        kept == tested.values,
        f"{tested.name} does not keep its hyperparameters {tested.values} as attributes of the "
        f"same names: they are {kept}",
    )
    try:
        json.dumps(tested.values)
    except TypeError as error:
        raise AssertionError(f"hyperparameters of {tested.name} are not JSON: {error}") from error


def _check_reproducible(tested: _Tested, run: Run) -> None:
    expected = trace(run)
    tested = replace(tested, n=len(run))
    require(_trace(tested) == expected, f"{tested.name} gives two runs for one seed")
    kinds = [tested.algorithm, type(tested.benchmark), type(tested.benchmark.space)]
    kinds += [] if tested.supernets is None else [tested.supernets]
    try:
        there = in_another_process(_trace, tested, kinds=kinds)
    except Exception as error:
        raise AssertionError(f"{tested.name} fails in another process: {error}") from error
    require(
        there == expected,
        f"{tested.name} gives another run for the same seed in another process",
    )


def _check_budgets(tested: _Tested, run: Run) -> None:
    half = len(run) // 2
    seconds, epochs = float(run.ends[half]), int(run.epochs.max()) * max(half, 1)
    budgets = [Budget(trials=half + 1), Budget(epochs=epochs)]
    budgets += [Budget(seconds=seconds)] if seconds > 0 else []
    for budget in budgets:
        short = tested.search(budget)
        resumed = np.maximum(short.resumes, 0)
        paid = short.epochs - np.where(short.resumes >= 0, short.epochs[resumed], 0)
        require(
            len(short) <= (budget.trials or math.inf)
            and float(short.ends.max(initial=0.0)) <= (budget.seconds or math.inf)
            and int(paid.sum()) <= (budget.epochs or math.inf),
            f"a run of {tested.name} exceeds {budget}",
        )
        common = min(len(short), len(run))
        require(
            short.trials[:common] == run.trials[:common],
            f"{tested.name} searches otherwise under {budget}",
        )


def _check_late(tested: _Tested) -> None:
    runs = [tested.search(workers=_WORKERS) for _ in range(2)]
    require(len(runs[0]) > 0, f"{tested.name} proposes nothing to {_WORKERS} workers")
    require(
        trace(runs[0]) == trace(runs[1]),
        f"{tested.name} gives two runs of {_WORKERS} workers for one seed",
    )
    watched = tested.make()[0]
    draw = random.Random(tested.seed).random
    pending: list[Observation] = []
    started = 0
    while started < tested.n or pending:
        proposal = watched.ask() if started < tested.n and len(pending) < _WORKERS else None
        if proposal is not None:
            losses = tuple([math.floor(4 * draw()) / 2 for _ in tested.benchmark.objectives])
            pending.append(Observation(started, proposal, losses, draw()))
            started += 1
        elif pending:
            watched.tell(pending.pop(int(draw() * len(pending))))
        else:
            break


def _check_losses(tested: _Tested) -> None:
    changed: dict[str, tuple[Callable[[float], float], tuple[int, ...]]] = {
        "all losses are equal": (lambda _: 1.0, (1, _WORKERS)),
        "many losses are equal": (lambda loss: float(round(loss / 20)), (1,)),
        "all losses are infinite": (lambda _: math.inf, (1, _WORKERS)),
        "some losses are infinite": (
            lambda loss: math.inf if int(10 * loss) % 2 else loss,
            (_WORKERS,),
        ),
        "losses are negative": (lambda loss: -loss, (1,)),
        "losses are of any size": (
            lambda loss: _EXTREMES[int(10 * loss) % len(_EXTREMES)],
            (_WORKERS,),
        ),
        "losses are subnormal": (lambda loss: 5e-324 * int(loss), (1,)),
    }
    for what, (change, numbers) in changed.items():
        for workers in numbers:
            try:
                tested.altered(change).search(workers=workers)
            except Exception as error:
                raise AssertionError(f"{tested.name} fails where {what}: {error!r}") from error


def _check_two_results(tested: _Tested, run: Run) -> None:
    early = _taught_early(tested)
    for losses in ((2.0, 1.0), (1.0, 1.0)):
        try:
            n = _go_on_after(early, losses)
            require(n > len(losses) or len(run) <= len(losses), "it proposes nothing more")
        except Exception as error:
            raise AssertionError(
                f"{tested.name} fails after {_FEWEST_RESULTS} results, losses {losses}, "
                f"hyperparameters {early.values}: {error!r}"
            ) from error


def _taught_early(tested: _Tested) -> _Tested:
    """The same with two random trials, if a hyperparameter counts them."""
    for name, value in tested.values.items():
        if type(value) is int and value > _FEWEST_RESULTS:
            early = replace(tested, values={**tested.values, name: _FEWEST_RESULTS})
            try:
                random_trials = early.make()[0]._inner.random_trials
            except ValueError:  # too few for it
                continue
            if random_trials == _FEWEST_RESULTS:
                return early
    return tested


def _go_on_after(tested: _Tested, losses: Sequence[float]) -> int:
    """Tell these losses one by one, start trials of all workers, tell them; how many there were."""
    watched = tested.make()[0]
    told: list[Observation] = []
    for trial in range(len(losses) + _WORKERS):
        proposal = watched.ask()
        if proposal is None:
            break
        answer = (losses[trial % len(losses)],) * len(tested.benchmark.objectives)
        told.append(Observation(trial, proposal, answer, 1.0))
        if trial < len(losses):
            watched.tell(told[-1])
    for observation in told[len(losses) :]:
        watched.tell(observation)
    watched.ask()
    return len(told)


def _check_random_trials(tested: _Tested, run: Run) -> None:
    claimed = tested.make()[0]._inner.random_trials
    n = len(run) if claimed is None else min(claimed, len(run))
    opposite = tested.altered(lambda loss: -loss)
    other = opposite.search(Budget(trials=n)) if n else run
    last = tested.benchmark.fidelities[-1]
    require(
        other.archs[:n].tolist() == run.archs[:n].tolist()
        and {*other.epochs[:n].tolist(), *run.epochs[:n].tolist()} <= {last},
        f"{tested.name} claims {n} random trials, but they depend on results, or end before the "
        "last fidelity",
    )
