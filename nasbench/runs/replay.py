"""Replay of a search against a benchmark on a simulated clock.

Simulated time is a sum of recorded costs and nothing else, so a run is the same on every machine.
The clock is a heap of busy workers; of trials that end at the same time, the one that started first
is reported first.

>>> import nasbench
>>> from algorithms.random_search import RandomSearch
>>> benchmark = nasbench.load("lite201-digits")
>>> algorithm = RandomSearch(benchmark.space, fidelities=benchmark.fidelities, seed=0)
>>> budget = nasbench.Budget(trials=50)
>>> run = nasbench.replay(algorithm, benchmark, budget=budget, workers=4, seed=0)
>>> len(run), run.trials[0].proposal.arch
(50, (4, 3, 2, 1, 2, 2))
>>> losses = [trial.losses[0] for trial in run.incumbents()]
>>> losses == sorted(losses, reverse=True)
True
"""

import math
import sys
from contextlib import suppress
from dataclasses import replace
from heapq import heappop, heappush
from time import perf_counter
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import Algorithm, Observation, Proposal, kept_hyperparameters
from nasbench.benchmark import Benchmark, check_integer
from nasbench.errors import (
    AlgorithmError,
    IllegalArchError,
    InvalidArgumentError,
    NotRecordedError,
    one_of,
)
from nasbench.runs.budget import Budget, check_count
from nasbench.runs.manifest import Manifest
from nasbench.runs.run import NONE, Row, Run
from nasbench.space import Arch
from nasbench.splitmix import mix, mix_many

MOST_TRIALS = 10**8
"""Trials that a budget of seconds alone may allow."""

_JUDGED = 10**6  # so many trials tell how many the budget allows
_MASK = 0xFFFFFFFFFFFFFFFF
_KEY = 0xD1342543DE82EF95


class KnownNumbers:
    """The ``known`` argument of an algorithm; it keeps account of the seconds to charge.

    Args:
        benchmark: A benchmark with the ``known`` columns chosen.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._seen: dict[Arch, tuple[float, ...]] = {}
        self._due = 0.0

    def __call__(self, arch: Arch) -> tuple[float, ...]:
        """Return the known numbers of an architecture; only the first call has a cost."""
        values = self._seen.get(arch)
        if values is None:
            values, seconds = self._benchmark.known_numbers(arch)
            self._seen[arch] = values
            self._due += seconds
        return values

    def take_due(self) -> float:
        """Return the seconds to charge for calls since the last ``take_due``."""
        due, self._due = self._due, 0.0
        return due


class Charging(Protocol):
    """Something that an algorithm uses and pays for: known numbers, supernets."""

    def take_due(self) -> float:
        """Return the seconds to charge for what was used since the last ``take_due``."""


def replay(
    algorithm: Algorithm,
    benchmark: Benchmark,
    *,
    budget: Budget,
    workers: int = 1,
    seed: int = 0,
    replicate: Literal["draw", "mean"] | int = "draw",
    known: KnownNumbers | None = None,
    supernets: Charging | None = None,
) -> Run:
    """Let an algorithm search a benchmark until the budget is spent.

    A trial costs the recorded seconds of its training and of one validation; a repeated proposal is
    trained and paid for again. A trial that resumes another keeps its training seed and pays only
    for the added epochs and a validation.

    A drawn training seed depends only on ``seed``, on the key of the trainings that answer for the
    architecture, and on how often this run has already trained that key (``repeat``). It takes the
    SplitMix64 output ``mix(mix(seed) + key * _KEY + repeat)``, modulo the number of recorded seeds;
    where any integer is a training seed, the upper 63 bits are the seed.

    Args:
        algorithm: A new algorithm, made for ``benchmark.space``.
        benchmark: The benchmark that answers.
        budget: When to stop. A trial that would end after ``budget.seconds`` or exceed
            ``budget.epochs`` is neither recorded nor reported to the algorithm, and no other is
            started. Seconds alone are refused where trials cost so little that they would hardly
            ever be spent.
        workers: Number of trials that run in parallel in simulated time.
        seed: Seed of the run, from which training seeds are drawn. It does not seed the algorithm.
        replicate: Which recorded training answers a trial. ``"draw"``: one of the recorded seeds,
            drawn as described above. ``"mean"``: the mean over the recorded seeds. An integer: that
            training seed.
        known: The object that was passed to the algorithm as ``known``, if any.
        supernets: The object that was passed to the algorithm as ``supernets``, if any. The first
            trial starts when its supernet is trained.

    Returns:
        The trials in the order of their starts, with a manifest if the algorithm keeps its
        hyperparameters as attributes.

    Raises:
        InvalidArgumentError: ``workers``, ``seed`` or ``replicate`` has an impossible value, or a
            budget of seconds alone turns out to allow more than :data:`MOST_TRIALS` trials.
        NotRecordedError: A fixed training seed is not recorded for every architecture, or a
            proposed epoch is not recorded.
        AlgorithmError: The algorithm resumed a trial that cannot be resumed, asked for an epoch
            that is not one of its fidelities, proposed something that is not a :class:`Proposal`,
            or used a supernet after its first proposal.
        IllegalArchError: The algorithm proposed an architecture outside the space.
    """
    run = replay_bare(
        algorithm,
        benchmark,
        budget=budget,
        workers=workers,
        seed=seed,
        replicate=replicate,
        known=known,
        supernets=supernets,
    )
    hyperparameters = kept_hyperparameters(algorithm)
    if hyperparameters is None:
        return run
    manifest = Manifest.of(
        algorithm,
        benchmark,
        hyperparameters=hyperparameters,
        budget=budget,
        workers=workers,
        replicate=replicate,
    )
    return replace(run, manifest=manifest)


def replay_bare(
    algorithm: Algorithm,
    benchmark: Benchmark,
    *,
    budget: Budget,
    workers: int,
    seed: int,
    replicate: Literal["draw", "mean"] | int,
    known: KnownNumbers | None,
    supernets: Charging | None,
) -> Run:
    """Do what :func:`replay` does, for a caller who knows the manifest: the run has none."""
    check_count("workers", workers)
    fixed = check_replicate(benchmark, replicate)
    draws = replicate == "draw"
    only_seconds = budget.trials is None and budget.epochs is None
    stop = budget.trials or (_JUDGED if only_seconds else sys.maxsize)
    max_seconds = budget.seconds if budget.seconds is not None else math.inf
    max_epochs = budget.epochs if budget.epochs is not None else sys.maxsize
    last_epoch, offered = algorithm.fidelities[-1], frozenset(algorithm.fidelities)
    one_training = len(benchmark.schedules) == 1
    ask, tell = algorithm.ask, algorithm.tell
    evaluate, trainings = benchmark.evaluate, benchmark.trainings
    seed = check_integer("seed", seed)
    state = mix(seed & _MASK)

    rows: list[Row] = []
    optimizer_seconds: list[float] = []
    trained: dict[int, int] = {}
    resumable: set[int] = set()
    running: list[tuple[float, int, Observation]] = []

    def curve(trial: int) -> NDArray[np.float64]:
        arch, epoch, _, training_seed, losses = rows[trial][:5]
        values = np.full(epoch, np.nan)
        for e in benchmark.fidelities if one_training else ():  # else: separate trainings
            if e < epoch:
                with suppress(NotRecordedError):
                    seed = None if training_seed == NONE else training_seed
                    values[e - 1] = evaluate(arch, epoch=e, seed=seed).losses[0]
        values[-1] = losses[0]
        return values

    now, paid, number, free, is_open = 0.0, 0, 0, workers, True
    while True:
        while is_open and free:
            if number >= stop:
                if number == budget.trials:
                    is_open = False
                    break
                check_seconds(benchmark, max_seconds, number, now)
                stop += _JUDGED
            began = perf_counter()
            proposal = ask()
            ask_seconds = perf_counter() - began
            if supernets is not None and (trained_for := supernets.take_due()):
                if number:
                    raise AlgorithmError(
                        f"ask() of {type(algorithm).__name__} used a supernet after its first "
                        "proposal"
                    )
                now = trained_for
            if proposal is None:
                if not running:
                    is_open = False
                break
            if type(proposal) is not Proposal:
                raise AlgorithmError(
                    f"ask() of {type(algorithm).__name__} returned {proposal!r}, not a Proposal"
                )
            arch, epoch, parent = proposal
            if not isinstance(arch, tuple):  # what else stands for one cannot be recorded
                raise IllegalArchError(
                    f"ask() of {type(algorithm).__name__} proposed {arch!r:.200}, which must be a "
                    "tuple of integers"
                )
            if epoch is None:
                epoch = last_epoch
            elif type(epoch) is not int or epoch not in offered:
                raise AlgorithmError(
                    f"ask() of {type(algorithm).__name__} returned epoch {epoch!r}, not one of its "
                    f"fidelities{one_of(epoch, algorithm.fidelities)}"
                )
            if parent is None:
                first = 0
                if draws:
                    key, seeds = trainings(arch, epoch)
                    repeat = trained.get(key, 0)
                    trained[key] = repeat + 1
                    value = mix(state + key * _KEY + repeat)
                    training_seed = seeds[value % len(seeds)] if seeds else value >> 1
                else:
                    training_seed = fixed
                losses, cost, _ = evaluate(
                    arch, epoch=epoch, seed=None if training_seed == NONE else training_seed
                )
            else:
                training_seed, first = _check_resumed(proposal, epoch, benchmark, resumable, rows)
                recorded = None if training_seed == NONE else training_seed
                losses, cost, _ = evaluate(arch, epoch=epoch, seed=recorded)
                before = evaluate(arch, epoch=first, seed=recorded)
                cost -= before.seconds - before.validation_seconds
            due = known.take_due() if known is not None else 0.0
            end = now + cost + due
            if end > max_seconds or paid + epoch - first > max_epochs:
                is_open = False
                break
            paid += epoch - first
            if parent is not None:
                resumable.discard(parent)
            continued = NONE if parent is None else parent
            rows.append((arch, epoch, continued, training_seed, losses, now, end, due))
            optimizer_seconds.append(ask_seconds)
            heappush(running, (end, number, Observation(number, proposal, losses, cost, curve)))
            number += 1
            free -= 1
        if not running:
            break
        now, finished, observation = heappop(running)
        free += 1
        resumable.add(finished)
        began = perf_counter()
        tell(observation)
        optimizer_seconds[finished] += perf_counter() - began
    return Run.from_rows(
        rows,
        optimizer_seconds,
        seed=seed,
        fallbacks=algorithm.fallbacks,
        n_decisions=len(benchmark.space.options),
        n_objectives=len(benchmark.objectives),
    )


def check_seconds(benchmark: Benchmark, budget: float, trials: int, seconds: float) -> None:
    """Check that a budget of seconds alone does not allow more than :data:`MOST_TRIALS` trials.

    Args:
        benchmark: The benchmark.
        budget: The budget in seconds.
        trials: Number of trials.
        seconds: Simulated seconds that so many take.

    Raises:
        InvalidArgumentError: It does.
    """
    if seconds * MOST_TRIALS < budget * trials:
        raise InvalidArgumentError(
            f"at {seconds / trials:g} simulated seconds a trial of {benchmark.name!r}, a budget of "
            f"{budget:g} seconds alone allows more than {MOST_TRIALS:,} trials: limit trials or "
            "epochs as well"
        )


def draw_values(
    seeds: NDArray[np.int64],
    run: NDArray[np.int64],
    keys: NDArray[np.uint64],
    repeats: NDArray[np.uint64],
) -> NDArray[np.uint64]:
    """Return the 64-bit values from which training seeds follow, see :func:`nasbench.replay`.

    Args:
        seeds: Seeds of some runs.
        run: Place of the run of each trial among these, shape ``(n,)``.
        keys: Key of the trainings that answer, shape ``(n,)``.
        repeats: How often the run has trained that key before, shape ``(n,)``.
    """
    states = np.array([mix(seed & _MASK) for seed in seeds.tolist()], dtype=np.uint64)
    with np.errstate(over="ignore"):
        return mix_many(states[run] + keys * np.uint64(_KEY) + repeats)


def check_replicate(benchmark: Benchmark, replicate: str | int) -> int:
    """Return the fixed training seed, or -1 if ``replicate`` is ``"draw"`` or ``"mean"``.

    Raises:
        InvalidArgumentError: ``replicate`` is neither ``"draw"`` nor ``"mean"`` nor a nonnegative
            integer.
        NotRecordedError: A fixed seed is not recorded for every architecture.
    """
    if replicate in ("draw", "mean"):
        return NONE
    if type(replicate) is not int or replicate < 0:
        raise InvalidArgumentError(
            f"replicate = {replicate!r}{one_of(replicate, ['draw', 'mean', 'a training seed'])}"
        )
    everywhere = benchmark.complete_seeds
    if benchmark.seeds and replicate not in everywhere:
        raise NotRecordedError(
            f"{benchmark.name!r} does not record seed {replicate} for every architecture"
            f"{one_of(replicate, everywhere)}"
        )
    return replicate


def _check_resumed(
    proposal: Proposal,
    epoch: int,
    benchmark: Benchmark,
    resumable: set[int],
    rows: list[Row],
) -> tuple[int, int]:
    """Return training seed and epoch of the trial that a proposal resumes.

    Raises:
        AlgorithmError: The trial cannot be resumed.
    """
    parent = proposal.resumes
    if len(benchmark.schedules) > 1:
        raise AlgorithmError(
            f"trial {parent} cannot be resumed: {benchmark.name!r} holds separate schedules, not "
            "points of one training"
        )
    if type(parent) is not int or not 0 <= parent < len(rows):
        raise AlgorithmError(f"trial {parent!r} cannot be resumed: there is no such trial")
    if parent not in resumable:
        raise AlgorithmError(
            f"trial {parent} cannot be resumed: it has not ended, or was already resumed"
        )
    _, reached, _, training_seed, *_ = rows[parent]
    if epoch <= reached:
        raise AlgorithmError(
            f"trial {parent} was trained to epoch {reached} and cannot be resumed to epoch {epoch}"
        )
    return training_seed, reached
