"""Rungs and brackets, the building blocks of multi-fidelity methods.

A rung is an epoch at which trainings are compared. A bracket is a sequence of rungs: every
architecture starts at the lowest, and about one in ``eta`` is promoted from each rung to the next.
"""

import math
from bisect import insort
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from algorithms.parts.running import Running
from nasbench.algorithm import Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch

ROUNDINGS = ("hpbandster", "paper")


class Result(NamedTuple):
    """A finished trial; sorts by loss, then by trial number.

    Attributes:
        loss: First loss of the trial.
        trial: Number of the trial.
        arch: The trained architecture.
    """

    loss: float
    trial: int
    arch: Arch


def rungs(fidelities: Sequence[int], eta: int) -> tuple[int, ...]:
    """Epochs of the rungs, ascending.

    Starting from the last fidelity, each budget is the one above divided by ``eta``, down to the
    first fidelity. A rung is the epoch on offer nearest to its budget; ties go to the smaller one.
    Budgets with the same nearest epoch share a rung.

    Args:
        fidelities: Epochs on offer, ascending.
        eta: Ratio of neighbouring budgets, at least 2.

    Raises:
        InvalidArgumentError: ``eta`` is below 2.
    """
    if eta < 2:
        raise InvalidArgumentError(f"eta = {eta} must be at least 2")
    low, high = fidelities[0], fidelities[-1]
    scale, found = 1, {high}
    while low * scale <= high:
        found.add(min(fidelities, key=lambda epoch: abs(epoch * scale - high)))
        scale *= eta
    return tuple(sorted(found))


def halving(n: int, eta: int, n_rungs: int) -> tuple[int, ...]:
    """Number of architectures at each rung, from ``n`` down by factors of ``eta``, at least 1."""
    return tuple(max(n // eta**i, 1) for i in range(n_rungs))


def brackets(n_rungs: int, eta: int, rounding: str) -> tuple[tuple[int, ...], ...]:
    """Number of architectures at each rung of each Hyperband bracket.

    Bracket ``k`` of ``n_rungs`` leaves out the ``k`` lowest rungs. A bracket of ``s + 1`` rungs
    starts with ``floor(n_rungs / (s + 1)) * eta**s`` architectures (``"hpbandster"``) or
    ``ceil(n_rungs * eta**s / (s + 1))`` (``"paper"``).

    Raises:
        InvalidArgumentError: No such rounding.
    """
    if rounding not in ROUNDINGS:
        raise InvalidArgumentError(f"rounding = {rounding!r}{one_of(rounding, ROUNDINGS)}")
    sizes = []
    for s in range(n_rungs - 1, -1, -1):
        if rounding == "paper":
            n = -(-n_rungs * eta**s // (s + 1))
        else:
            n = n_rungs // (s + 1) * eta**s
        sizes.append(halving(n, eta, s + 1))
    return tuple(sizes)


class Bracket:
    """One run of synchronous successive halving: a rung starts once the rung below is complete.

    The best of a rung are promoted, as many as the next rung trains. Diverged trainings are not
    promoted: a rung trains fewer if fewer are left, and the bracket ends if none is.

    Args:
        number: Index of the bracket among all brackets.
        sizes: Number of trainings at each rung.
        epochs: Epochs of the rungs, ascending.
        refill: Whether every rung trains its full number: new architectures take the places that
            diverged trainings leave.

    Attributes:
        number: As given.
        sizes: As given.
        epochs: As given.
        rung: Index of the current rung.
        left: Number of trainings of the current rung that have not started.
        climbers: Results promoted to the current rung, best last.
        done: Whether all results are in.
    """

    __slots__ = (
        "_refill",
        "_running",
        "_told",
        "climbers",
        "done",
        "epochs",
        "left",
        "number",
        "rung",
        "sizes",
    )

    def __init__(
        self, number: int, sizes: Sequence[int], epochs: Sequence[int], *, refill: bool = False
    ) -> None:
        self._refill = refill
        self.number = number
        self.epochs = epochs
        self.rung = 0
        self.left = sizes[0]
        self.climbers: list[Result] = []
        self.done = False
        self.sizes = sizes
        self._running = 0
        self._told: list[Result] = []

    def start(self) -> None:
        """Count one more training as started."""
        self.left -= 1
        self._running += 1

    def record(self, result: Result) -> None:
        """Record one result; the last one of a rung makes the next rung ready."""
        self._running -= 1
        self._told.append(result)
        if self.left or self._running:
            return
        self.rung += 1
        self.climbers = []
        size = self.sizes[self.rung] if self.rung < len(self.sizes) else 0
        if size:
            finite = sorted(result for result in self._told if result.loss < math.inf)
            self.climbers = finite[:size][::-1]
        self.left = size if self._refill else len(self.climbers)
        self.done = not self.left
        self._told = []


class Brackets:
    """Synchronous brackets, one after the other.

    While a bracket waits for results, free workers start the next.

    Args:
        sizes: Number of trainings at each rung of each bracket; the sequence repeats.
        epochs: Epochs of all rungs, ascending; a bracket with fewer rungs has the upper ones.
        refill_from: Number of the first bracket with ``refill``, see :class:`Bracket`; None for no
            such bracket.
    """

    def __init__(
        self,
        sizes: Sequence[Sequence[int]],
        epochs: Sequence[int],
        *,
        refill_from: int | None = None,
    ) -> None:
        self._sizes = sizes
        self._epochs = epochs
        self._refill_from = refill_from
        self._open: list[Bracket] = []
        self._n_started = 0

    def next(self) -> Bracket:
        """The first bracket that has a training to start."""
        for bracket in self._open:
            if bracket.left:
                return bracket
        sizes = self._sizes[self._n_started % len(self._sizes)]
        epochs = self._epochs[-len(sizes) :]
        refill = self._refill_from is not None and self._n_started >= self._refill_from
        bracket = Bracket(self._n_started, sizes, epochs, refill=refill)
        self._n_started += 1
        self._open.append(bracket)
        return bracket

    def record(self, bracket: Bracket, result: Result) -> None:
        """Record a result of a bracket; a finished bracket is dropped."""
        bracket.record(result)
        if bracket.done:
            self._open.remove(bracket)


class Halving:
    """Ask and tell for synchronous brackets whose lowest rungs train architectures from ``draw``.

    Args:
        sizes: Number of trainings at each rung of each bracket; the sequence repeats.
        epochs: Epochs of all rungs, ascending; a bracket with fewer rungs has the upper ones.
        draw: Returns a new architecture.
        resume: Whether promoted trainings are continued; if False, they start from scratch.
        refill: As in :class:`Bracket`.
    """

    def __init__(
        self,
        sizes: Sequence[Sequence[int]],
        epochs: Sequence[int],
        draw: Callable[[], Arch],
        *,
        resume: bool,
        refill: bool,
    ) -> None:
        self._brackets = Brackets(sizes, epochs, refill_from=0 if refill else None)
        self._draw = draw
        self._resume = resume
        self._running: Running[Bracket] = Running()

    def ask(self) -> Proposal:
        """The next training."""
        bracket = self._brackets.next()
        epoch = bracket.epochs[bracket.rung]
        if bracket.climbers:
            climber = bracket.climbers.pop()
            proposal = Proposal(climber.arch, epoch, climber.trial if self._resume else None)
        else:
            proposal = Proposal(self._draw(), epoch)
        bracket.start()
        self._running.add(proposal, bracket)
        return proposal

    def tell(self, proposal: Proposal, loss: float, trial: int) -> None:
        """Record the result of a proposal."""
        bracket = self._running.take(proposal)
        self._brackets.record(bracket, Result(loss, trial, proposal.arch))


class Rung:
    """An asynchronous rung: promotes from the best results so far.

    Args:
        eta: One result in ``eta`` is promoted.
    """

    __slots__ = ("_eta", "_order", "_waiting")

    def __init__(self, eta: int) -> None:
        self._eta = eta
        self._order: list[tuple[float, int]] = []
        self._waiting: list[Result] = []

    def record(self, result: Result) -> None:
        """Record a training that reached the rung; a diverged one counts but is never promoted."""
        insort(self._order, result[:2])
        if result.loss < math.inf:
            heappush(self._waiting, result)

    def climber(self) -> Result | None:
        """Remove and return the best result not yet promoted if it is in the top ``1 / eta``."""
        n = len(self._order) // self._eta
        if n and self._waiting and self._waiting[0][:2] <= self._order[n - 1]:
            return heappop(self._waiting)
        return None


class Ladder:
    """An asynchronous bracket: promotions never wait for a rung to be complete.

    Args:
        epochs: Epochs of the rungs, ascending.
        eta: One result in ``eta`` is promoted.
        resume: Whether promoted trainings are continued; if False, they start from scratch.

    Attributes:
        epochs: As given.
        top: Index of the highest rung that trainings are promoted to.
    """

    def __init__(self, epochs: Sequence[int], eta: int, *, resume: bool) -> None:
        self.epochs = epochs
        self.top = len(epochs) - 1
        self._resume = resume
        self._rungs: dict[int | None, Rung] = {epoch: Rung(eta) for epoch in epochs}

    def climb(self) -> tuple[Proposal, int] | None:
        """The promotion from the highest rung that has one, and the trial that is promoted."""
        for below in range(self.top - 1, -1, -1):
            climber = self._rungs[self.epochs[below]].climber()
            if climber is not None:
                epoch = self.epochs[below + 1]
                parent = climber.trial if self._resume else None
                return Proposal(climber.arch, epoch, parent), climber.trial
        return None

    def tell(self, proposal: Proposal, loss: float, trial: int) -> None:
        """Record a training at the rung of its epoch."""
        self._rungs[proposal.epoch].record(Result(loss, trial, proposal.arch))
