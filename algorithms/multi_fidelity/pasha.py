"""PASHA, progressive ASHA (Bohdal et al., 2023, https://arxiv.org/abs/2207.06940)."""

import math
from bisect import insort
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from algorithms.parts.rungs import Ladder, rungs
from algorithms.parts.running import Running
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class PASHA(Algorithm):
    """PASHA: ASHA that adds rungs only while rankings are unstable (Bohdal et al., 2023).

    Two rungs are open at first. The next one opens whenever the architectures at the highest open
    rung rank differently there than at the rung below; two of them may swap places if their losses
    differ by no more than the noise level. The noise level is a percentile of the final differences
    between architectures whose learning curves cross at least twice. With a single fidelity this is
    random search.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending. Rungs are those nearest to the last one divided by
            powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        eta: One architecture in ``eta`` is promoted to the next rung, where it trains about ``eta``
            times as long.
        initial: Total number of random architectures to start; 0 means no limit.
        percentile: Percentile of the differences that defines the noise level, 0 to 100.
        resume: Whether a promoted architecture continues its training where possible; if False, it
            trains from scratch.
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
        """Reset what is kept about the highest open rung: losses, curves and differences."""
        self._top: list[tuple[float, int, float]] = []
        self._curves: list[NDArray[np.float64]] = []
        self._differences: list[float] = []

    def _is_stable(self) -> bool:
        """Whether the losses one rung below, in the order of the top rung, ascend up to noise."""
        below = np.array([loss for _, _, loss in self._top])
        return bool((np.abs(below - np.sort(below)) <= self._noise).all())

    def _update_noise(self, curve: NDArray[np.float64]) -> None:
        """Compare a curve that reached the top rung with earlier ones and update the noise."""
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
    """Final differences between a curve and those that cross it at least twice.

    Args:
        curves: Losses of shape ``(n, n_epochs)``; NaN where unknown.
        curve: Losses of shape ``(n_epochs,)``.

    Returns:
        At most ``n`` finite absolute differences in loss at the last epoch.
    """
    with np.errstate(invalid="ignore"):  # inf - inf where both trainings diverged
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
    """Losses after epochs 1, …, ``epoch``: as recorded, else as told at a lower rung, else NaN."""
    told = observation.curve
    curve = np.full(epoch, np.nan)
    curve[epoch - len(told) :] = told
    for below, loss in history.items():
        if np.isnan(curve[below - 1]):
            curve[below - 1] = loss
    return curve
