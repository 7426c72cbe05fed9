"""Base of searches that stop a training when its curve promises no new best."""

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.parts.inner import Wrapper
from algorithms.parts.running import Running
from nasbench.algorithm import Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressors
from nasbench.space import SearchSpace

Points = dict[int, float]
"""Losses of one training by epoch, ascending."""


@dataclass(slots=True)
class Training:
    """A training that goes from fidelity to fidelity.

    Attributes:
        proposal: What the inner algorithm proposed.
        reached: Number of fidelities that it has reached.
        trial: Number of the latest trial; None before the first is told.
        seconds: Cost so far.
        points: Its curve so far.
    """

    proposal: Proposal
    reached: int = 0
    trial: int | None = None
    seconds: float = 0.0
    points: Points = field(default_factory=dict)


class StoppedSearch(Wrapper):
    """Base of algorithms that train what an inner algorithm proposes from fidelity to fidelity.

    After each fidelity but the last, :meth:`ending` says whether the training goes on. A training
    that is better than the best complete one so far always does, and one that diverged never does.
    The inner algorithm is told the final loss of a complete training, and what :meth:`ending`
    expects of a stopped one.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending.
        seed: Seed of the search and of the inner algorithm.
        known: Passed on to an inner algorithm that takes it.
        resumable: Whether a training can continue another.
        regressors: Passed on to the inner algorithm.
        probability: A training stops if a new best is less probable, in [0, 1].
        search: Registered name of the inner algorithm, or ``"module:Class"``.
        search_preset: Preset of the inner algorithm.
        search_settings: Hyperparameters of the inner algorithm, on top of its preset or defaults.

    Attributes:
        best: Lowest loss of a complete training so far.

    Raises:
        UnknownNameError: No such algorithm, preset or hyperparameter.
        InvalidArgumentError: ``probability`` is not in [0, 1], or the inner algorithm is refused by
            :class:`~algorithms.parts.inner.Wrapper`.
    """

    multi_objective = False

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        known: Known | None,
        resumable: bool,
        regressors: Regressors | None,
        probability: float,
        search: str,
        search_preset: str | None,
        search_settings: Mapping[str, Any] | None,
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            known=known,
            resumable=resumable,
            regressors=regressors,
            search=search,
            search_preset=search_preset,
            search_settings=search_settings,
            needs_known=False,
        )
        if not 0 <= probability <= 1:
            raise InvalidArgumentError(f"probability = {probability} must be in [0, 1]")
        self.resumable = resumable
        self.probability = probability
        self.best = inf
        self._inner = self._make(seed=seed, fidelities=self.fidelities[-1:])
        self.families = self._inner.families
        self.inner_regressors = self._inner.inner_regressors
        self.loss_unit = self._inner.loss_unit
        if len(self.fidelities) == 1:
            self.random_trials = None if search == "random_search" else self._inner.random_trials
        self._waiting: deque[Training] = deque()
        self._running: Running[Training] = Running()

    @abstractmethod
    def ending(self, training: Training) -> float | None:
        """Decide on an unfinished training that is not better than the best.

        Args:
            training: The training, with a finite loss.

        Returns:
            The expected final loss if the training is to stop; None if it goes on.
        """

    def completed(self, training: Training) -> None:
        """Learn from a complete training with a finite loss."""

    def ask(self) -> Proposal | None:
        if self._waiting:
            training = self._waiting.popleft()
        else:
            wanted = self._ask(self._inner)
            if wanted is None:
                return None
            training = Training(wanted)
        parent = training.trial if self.resumable else None
        proposal = Proposal(training.proposal.arch, self.fidelities[training.reached], parent)
        self._running.add(proposal, training)
        return proposal

    def tell(self, observation: Observation) -> None:
        training = self._running.take(observation.proposal)
        loss = observation.loss
        training.reached += 1
        training.trial = observation.trial
        training.seconds += observation.seconds
        if loss == inf:
            self._tell_inner(training, inf)
            return
        is_complete = training.reached == len(self.fidelities)
        if not is_complete or len(self.fidelities) > 1:
            training.points |= self._points(observation)
        if is_complete:
            self.best = min(self.best, loss)
            self.completed(training)
            self._tell_inner(training, loss, observation)
            return
        expected = None if loss < self.best else self.ending(training)
        if expected is None:
            self._waiting.append(training)
        else:
            self._tell_inner(training, expected)

    def _points(self, observation: Observation) -> Points:
        """The losses that an observation adds to a curve.

        Trainings that cannot be resumed have curves of their own, of which only the ends compare.
        """
        epoch = observation.proposal.epoch or self.fidelities[-1]
        curve = observation.curve if self.resumable else np.array([observation.loss])
        first = epoch - len(curve) + 1
        recorded = {first + i: x for i, x in enumerate(curve.tolist()) if not np.isnan(x)}
        return recorded | {epoch: observation.loss}

    def _tell_inner(
        self, training: Training, loss: float, complete: Observation | None = None
    ) -> None:
        """Tell the inner algorithm what became of its proposal, with the curve if complete."""

        def curve(_: int) -> NDArray[np.float64]:
            return np.array([loss]) if complete is None else complete.curve

        trial = training.trial or 0
        seconds = training.seconds
        self._inner.tell(Observation(trial, training.proposal, (loss,), seconds, curve))
