"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi, 1983, https://doi.org/10.1126/science.220.4598.671)."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any, ClassVar

from algorithms.parts.mutation import mutant
from algorithms.parts.running import Running
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class SimulatedAnnealing(Algorithm):
    """Simulated annealing over neighbouring architectures (Kirkpatrick et al., 1983).

    A mutant replaces the current architecture if its loss is not higher, and otherwise with
    probability ``exp(-d / t)``, where ``d`` is the increase in loss and ``t`` the temperature.
    Temperatures are in units of the spread of the initial random losses, so that one schedule suits
    every benchmark: the median absolute deviation from the median of the finite losses, or the mean
    absolute deviation where the median is zero. As in the paper, the temperature falls by a
    constant factor once enough steps were accepted or too many were tried, and the system is frozen
    once several temperatures in a row end with too many tried. The search then restarts at the
    initial temperature from new random architectures.

    Preset ``kirkpatrick`` takes its cooling schedule from the paper's circuit partitioning, which
    could afford millions of steps; the initial temperature is our own.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first; the walk starts from the best.
        temperature: Initial temperature, in units of the spread.
        cooling: Factor applied to the temperature at each change.
        accepted: Accepted steps, per decision, after which the temperature falls.
        attempts: Attempted steps, per decision, after which the temperature falls anyway.
        frozen: Consecutive temperatures without enough accepted steps after which the search
            restarts.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "kirkpatrick": {"cooling": 0.9, "accepted": 10, "attempts": 100, "frozen": 3},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        temperature: float = 1.0,
        cooling: float = 0.8,
        accepted: int = 1,
        attempts: int = 10,
        frozen: int = 3,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        counts = {"initial": initial, "accepted": accepted, "attempts": attempts, "frozen": frozen}
        for name, value in counts.items():
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        if not 0 < temperature < math.inf:
            raise InvalidArgumentError(f"temperature = {temperature} must be positive and finite")
        if not 0 < cooling < 1:
            raise InvalidArgumentError(f"cooling = {cooling} must be between 0 and 1")
        self.initial = initial
        self.temperature = temperature
        self.cooling = cooling
        self.accepted = accepted
        self.attempts = attempts
        self.frozen = frozen
        choices = max(1, sum(n > 1 for n in space.options))
        self._enough = accepted * choices
        self._too_many = attempts * choices
        self._running: Running[int] = Running()
        self._walk = 0
        self._start: list[tuple[float, int, Arch]] = []
        self._current: Arch | None = None
        self._loss = math.inf
        self._heat = 0.0
        self._taken = self._tried = self._cold = 0

    def ask(self) -> Proposal:
        if self._current is None:
            proposal = Proposal(self.space.sample(self.rng))
        else:
            proposal = Proposal(mutant(self.space, self._current, self.rng))
        self._running.add(proposal, self._walk)
        return proposal

    def tell(self, observation: Observation) -> None:
        if self._running.take(observation.proposal) != self._walk:
            return  # belongs to a walk that froze while this was training
        loss, arch = observation.losses[0], observation.proposal.arch
        if self._current is None:
            self._start.append((loss, observation.trial, arch))
            if len(self._start) == self.initial:
                self._loss, _, self._current = min(self._start)
                self._heat = self.temperature * _spread([loss for loss, *_ in self._start])
            return
        self._tried += 1
        if self._accepts(loss):
            self._taken += 1
            self._loss, self._current = loss, arch
        if self._taken == self._enough or self._tried == self._too_many:
            self._cool()

    def _accepts(self, loss: float) -> bool:
        if loss <= self._loss:
            return True
        return self._heat > 0 and self.rng.random() < math.exp((self._loss - loss) / self._heat)

    def _cool(self) -> None:
        self._cold = 0 if self._taken == self._enough else self._cold + 1
        self._heat *= self.cooling
        self._taken = self._tried = 0
        if self._cold == self.frozen:
            self._restart()

    def _restart(self) -> None:
        self._walk += 1
        self._start, self._current = [], None
        self._taken = self._tried = self._cold = 0


def _spread(losses: Sequence[float]) -> float:
    """Median absolute deviation of the finite losses; the mean one if the median is zero."""
    finite = [loss for loss in losses if loss < math.inf]
    if not finite:
        return 0.0
    centre = median(finite)
    distances = [abs(loss - centre) for loss in finite]
    return median(distances) or mean(distances)
