"""PASHA, progressive ASHA (Bohdal et al., 2023, https://arxiv.org/abs/2207.06940)."""

import math
from bisect import insort
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from algorithms.parts.rungs import Ladder, Running, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class PASHA(Algorithm):
    """ASHA that trains longer only while the ranking of the best depends on it.

    Two rungs are open at first. Another opens whenever the architectures at the highest open rung
    rank otherwise than at the rung below; two that differ there by no more than a noise level may
    change places. The noise level is a percentile of the differences between architectures whose
    learning curves cross at least twice. With one fidelity it is random search.

    Args:
        space: What to search.
        fidelities: The rungs are those nearest to the last one divided by powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether trainings can be continued; not so where the fidelities of a benchmark
            are trainings of their own.
        eta: One architecture in ``eta`` climbs to the next rung, where it is trained about
            ``eta`` times as long.
        initial: Random architectures to start in all; 0 for no end.
        percentile: Percentile of the differences that is the noise level, 0 to 100.
        resume: Whether an architecture that climbs continues its training, if it can; False: it is
            trained from scratch.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        resumable: bool = True,
        eta: int = 3,
        initial: int = 0,
        percentile: float = 90.0,
        resume: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        if initial < 0:
            raise InvalidArgumentError(f"initial = {initial} must not be negative")
        if not 0 <= percentile <= 100:
            raise InvalidArgumentError(f"percentile = {percentile} must be in [0, 100]")
        self.resumable = resumable
        self.eta = eta
        self.initial = initial
        self.percentile = percentile
        self.resume = resume
        self._ladder = Ladder(epochs, eta, resume=resume and resumable)
        self._ladder.top = min(1, len(epochs) - 1)
        self._n_started = 0
        self._running: Running[dict[int, float]] = Running()
        self._histories: dict[int, dict[int, float]] = {}
        self._noise = 0.0
        self._clear_top()

    def ask(self) -> Proposal | None:
        climbing = self._ladder.climb()
        if climbing is not None:
            proposal, trial = climbing
            self._running.add(proposal, self._histories.pop(trial))
            return proposal
        if 0 < self.initial <= self._n_started:
            return None
        self._n_started += 1
        proposal = Proposal(self.space.sample(self.rng), self._ladder.epochs[0])
        self._running.add(proposal, {})
        return proposal

    def tell(self, observation: Observation) -> None:
        proposal, loss, trial = observation.proposal, observation.losses[0], observation.trial
        epoch = proposal.epoch or self._ladder.epochs[0]
        history = self._running.take(proposal)
        self._ladder.tell(proposal, loss, trial)
        top = self._ladder.top
        if epoch == self._ladder.epochs[top] and top < len(self._ladder.epochs) - 1:
            self._update_noise(_curve(observation, epoch, history))
            insort(self._top, (loss, trial, history[self._ladder.epochs[top - 1]]))
            if not self._is_stable():
                self._ladder.top += 1
                self._clear_top()
        self._histories[trial] = history | {epoch: loss}

    def _clear_top(self) -> None:
        """Forget the highest open rung: losses there and at the rung below, curves, differences."""
        self._top: list[tuple[float, int, float]] = []
        self._curves: list[NDArray[np.float64]] = []
        self._differences: list[float] = []

    def _is_stable(self) -> bool:
        """Whether everyone at the top is within noise of the one of the same rank below."""
        below = np.array([loss for _, _, loss in self._top])
        return bool((np.abs(below - np.sort(below)) <= self._noise).all())

    def _update_noise(self, curve: NDArray[np.float64]) -> None:
        """Compare a curve that reached the top with those that did before."""
        if self._curves:
            for difference in crossing_differences(np.array(self._curves), curve):
                insort(self._differences, float(difference))
        self._curves.append(curve)
        if self._differences:
            position = (len(self._differences) - 1) * self.percentile / 100
            lower, upper = math.floor(position), math.ceil(position)
            low, high = self._differences[lower], self._differences[upper]
            self._noise = low + (high - low) * (position - lower)


def crossing_differences(
    curves: NDArray[np.float64], curve: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Final differences to the curves that cross one at least twice: above, below, above again.

    Args:
        curves: Losses of shape ``(n, n_epochs)``; NaN where not known.
        curve: Losses of shape ``(n_epochs,)``.

    Returns:
        At most ``n`` finite numbers.
    """
    with np.errstate(invalid="ignore"):  # two diverged trainings: inf - inf
        difference = curves - curve
    sign = np.sign(difference)
    last = sign[:, -1:]
    later = np.logical_or.accumulate((sign == -last)[:, ::-1], axis=1)[:, ::-1]
    crossing = ((sign == last) & later & (last != 0)).any(axis=1)
    final: NDArray[np.float64] = np.abs(difference[crossing, -1])
    finite: NDArray[np.float64] = final[np.isfinite(final)]
    return finite


def _curve(
    observation: Observation, epoch: int, history: Mapping[int, float]
) -> NDArray[np.float64]:
    """Losses after epochs 1, 2, …, ``epoch``: recorded, else told at a rung below, else NaN."""
    told = observation.curve
    curve = np.full(epoch, np.nan)
    curve[epoch - len(told) :] = told
    for below, loss in history.items():
        if np.isnan(curve[below - 1]):
            curve[below - 1] = loss
    return curve
