"""The trials of a run as they start: which training answers, what it costs, what is left to spend.

Whoever proposes the trials, an algorithm in :func:`nasbench.replay` or a loop of the user's in
:func:`nasbench.record`, the same proposals give the same run.
"""

import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from heapq import heappush
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import Observation, Proposal
from nasbench.benchmark import Benchmark, check_integer
from nasbench.errors import AlgorithmError, InvalidArgumentError, NotRecordedError, one_of, shown
from nasbench.runs.budget import Budget
from nasbench.runs.run import NONE, Row, Run
from nasbench.splitmix import mix, mix_many

MOST_TRIALS = 10**8
"""Trials that a budget of seconds alone may allow."""

_JUDGED = 10**6  # so many trials tell how many the budget allows
_MASK = 0xFFFFFFFFFFFFFFFF
_KEY = 0xD1342543DE82EF95


class Charging(Protocol):
    """Something that an algorithm uses and pays for: known numbers, supernets."""

    def take_due(self) -> float:
        """Return the seconds to charge for what was used since the last ``take_due``."""


class Ledger:
    """The trials of one run, in the order of their starts.

    Args:
        benchmark: The benchmark that answers.
        budget: What can be spent.
        seed: Seed of the run, from which training seeds are drawn.
        replicate: Which recorded training answers a trial; see :func:`nasbench.replay`.
        known: What is charged to a trial besides its training, if anything.

    Attributes:
        n_trials: Number of trials that have started.
        pause: Number of trials after which to ask whether the run :meth:`may_go_on`.
        running: Heap of the trials that have not ended: end, number, and what the end tells. Who
            reports an end takes it off.

    Raises:
        InvalidArgumentError: ``seed`` or ``replicate`` has an impossible value.
        NotRecordedError: A fixed training seed is not recorded for every architecture.
    """

    __slots__ = (
        "_benchmark",
        "_budget",
        "_draws",
        "_evaluate",
        "_fixed",
        "_known",
        "_max_epochs",
        "_max_seconds",
        "_paid",
        "_resumed",
        "_rows",
        "_seed",
        "_state",
        "_trained",
        "_trainings",
        "n_trials",
        "pause",
        "running",
    )

    def __init__(
        self,
        benchmark: Benchmark,
        *,
        budget: Budget,
        seed: int,
        replicate: Literal["draw", "mean"] | int,
        known: Charging | None = None,
    ) -> None:
        self._benchmark = benchmark
        self._evaluate, self._trainings = benchmark.evaluate, benchmark.trainings
        self._fixed = check_replicate(benchmark, replicate)
        self._draws = replicate == "draw"
        self._seed = check_integer("seed", seed)
        self._state = mix(self._seed & _MASK)
        self._known = known
        self._budget = budget
        only_seconds = budget.trials is None and budget.epochs is None
        self.pause = budget.trials or (_JUDGED if only_seconds else sys.maxsize)
        self._max_seconds = budget.seconds if budget.seconds is not None else math.inf
        self._max_epochs = budget.epochs if budget.epochs is not None else sys.maxsize
        self._rows: list[Row] = []
        self._trained: dict[int, int] = {}
        self._resumed: set[int] = set()
        self._paid = 0
        self.n_trials = 0
        self.running: list[tuple[float, int, Observation]] = []

    def may_go_on(self, now: float) -> bool:
        """Return whether more trials than :attr:`pause` may start; if so, move that on.

        Args:
            now: Simulated seconds since the start of the run.

        Raises:
            InvalidArgumentError: A budget of seconds alone turns out to allow more than
                :data:`MOST_TRIALS` trials.
        """
        if self.pause == self._budget.trials:
            return False
        check_seconds(self._benchmark, self._max_seconds, self.n_trials, now)
        self.pause += _JUDGED
        return True

    def start(self, proposal: Proposal, epoch: int, now: float) -> bool:
        """Start a trial, unless it would exceed the seconds or epochs of the budget.

        After an error the ledger is as it was before.

        Args:
            proposal: What to train.
            epoch: The epoch to train it to, a fidelity of the benchmark.
            now: Simulated seconds since the start of the run.

        Returns:
            Whether the trial has started.

        Raises:
            AlgorithmError: It resumes a trial that cannot be resumed.
            IllegalArchError: The architecture is not in the space.
            NotRecordedError: The training is not recorded.
        """
        arch, _, parent = proposal
        evaluate = self._evaluate
        if parent is None:
            first, continued = 0, NONE
            if self._draws:
                key, seeds = self._trainings(arch, epoch)
                repeat = self._trained.get(key, 0)
                value = mix(self._state + key * _KEY + repeat)
                training_seed = seeds[value % len(seeds)] if seeds else value >> 1
                losses, cost, _ = evaluate(arch, epoch=epoch, seed=training_seed)
            else:
                training_seed = self._fixed
                losses, cost, _ = evaluate(
                    arch, epoch=epoch, seed=None if training_seed == NONE else training_seed
                )
        else:
            continued = parent
            training_seed, first = self._check_resumed(proposal, epoch)
            recorded = None if training_seed == NONE else training_seed
            losses, cost, _ = evaluate(arch, epoch=epoch, seed=recorded)
            before = evaluate(arch, epoch=first, seed=recorded)
            cost -= before.seconds - before.validation_seconds
        number = self.n_trials
        observation = Observation(number, proposal, losses, cost, self.curve)
        due = self._known.take_due() if self._known is not None else 0.0
        end = now + cost + due
        paid = self._paid + epoch - first
        if end > self._max_seconds or paid > self._max_epochs:
            return False
        self._paid = paid
        if parent is not None:
            self._resumed.add(parent)
        elif self._draws:
            self._trained[key] = repeat + 1
        self._rows.append((arch, epoch, continued, training_seed, losses, now, end, due))
        self.n_trials = number + 1
        heappush(self.running, (end, number, observation))
        return True

    def curve(self, trial: int) -> NDArray[np.float64]:
        """Return the first loss of a trial after epochs 1, 2, …; NaN where not recorded.

        Where the benchmark holds several schedules, whose ends are separate trainings, only the
        last value is there.
        """
        arch, epoch, _, training_seed, losses = self._rows[trial][:5]
        values = np.full(epoch, np.nan)
        benchmark = self._benchmark
        for e in benchmark.fidelities if len(benchmark.schedules) == 1 else ():
            if e < epoch:
                with suppress(NotRecordedError):
                    seed = None if training_seed == NONE else training_seed
                    values[e - 1] = self._evaluate(arch, epoch=e, seed=seed).losses[0]
        values[-1] = losses[0]
        return values

    def run(self, optimizer_seconds: Sequence[float], *, fallbacks: int = 0) -> Run:
        """Return the trials so far; the run has no manifest.

        Args:
            optimizer_seconds: Real seconds of the proposer, one a trial.
            fallbacks: As in :class:`nasbench.runs.run.Run`.
        """
        return Run.from_rows(
            self._rows,
            optimizer_seconds,
            seed=self._seed,
            fallbacks=fallbacks,
            n_decisions=len(self._benchmark.space.options),
            n_objectives=len(self._benchmark.objectives),
        )

    def _check_resumed(self, proposal: Proposal, epoch: int) -> tuple[int, int]:
        """Return training seed and epoch of the trial that a proposal resumes.

        Raises:
            AlgorithmError: The trial cannot be resumed.
        """
        parent = proposal.resumes
        if len(self._benchmark.schedules) > 1:
            raise AlgorithmError(
                f"trial {parent} cannot be resumed: {self._benchmark.name!r} holds separate "
                "schedules, not points of one training"
            )
        if type(parent) is not int or not 0 <= parent < len(self._rows):
            raise AlgorithmError(f"trial {parent!r} cannot be resumed: there is no such trial")
        if parent in self._resumed or any(parent == number for _, number, _ in self.running):
            raise AlgorithmError(
                f"trial {parent} cannot be resumed: it has not ended, or was already resumed"
            )
        _, reached, _, training_seed, *_ = self._rows[parent]
        if epoch <= reached:
            raise AlgorithmError(
                f"trial {parent} was trained to epoch {reached} and cannot be resumed to epoch "
                f"{epoch}"
            )
        return training_seed, reached


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
    if isinstance(replicate, str) and replicate in ("draw", "mean"):
        return NONE
    if type(replicate) is not int or replicate < 0:
        raise InvalidArgumentError(
            f"replicate = {shown(replicate)}"
            f"{one_of(replicate, ['draw', 'mean', 'a training seed'])}"
        )
    everywhere = benchmark.complete_seeds
    if benchmark.seeds and replicate not in everywhere:
        raise NotRecordedError(
            f"{benchmark.name!r} does not record seed {shown(replicate)} for every architecture"
            f"{one_of(replicate, everywhere)}"
        )
    return replicate
