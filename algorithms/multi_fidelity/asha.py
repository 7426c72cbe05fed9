"""Asynchronous successive halving, ASHA (Li et al., 2020, https://arxiv.org/abs/1810.05934)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.parts.rungs import Ladder, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class ASHA(Algorithm):
    """Successive halving that never waits, for many workers.

    An architecture climbs as soon as it is among the best ``1 / eta`` of those told at its rung so
    far. The highest rung with such an architecture goes first, and on it the best one; without any
    a random architecture starts at the lowest rung. With one fidelity it is random search. The
    preset ``liamcli`` takes the rate of promotion from the repository liamcli/darts_asha.

    Args:
        space: What to search.
        fidelities: The rungs are those nearest to the last one divided by powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether trainings can be continued; not so where the fidelities of a benchmark
            are trainings of their own.
        eta: One architecture in ``eta`` climbs to the next rung, where it is trained about
            ``eta`` times as long.
        initial: Random architectures to start in all; 0 for no end.
        resume: Whether an architecture that climbs continues its training, if it can; False: it is
            trained from scratch.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"liamcli": {"eta": 4}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        resumable: bool = True,
        eta: int = 3,
        initial: int = 0,
        resume: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        if initial < 0:
            raise InvalidArgumentError(f"initial = {initial} must not be negative")
        self.resumable = resumable
        self.eta = eta
        self.initial = initial
        self.resume = resume
        self._ladder = Ladder(epochs, eta, resume=resume and resumable)
        self._n_started = 0

    def ask(self) -> Proposal | None:
        climbing = self._ladder.climb()
        if climbing is not None:
            return climbing[0]
        if 0 < self.initial <= self._n_started:
            return None
        self._n_started += 1
        return Proposal(self.space.sample(self.rng), self._ladder.epochs[0])

    def tell(self, observation: Observation) -> None:
        self._ladder.tell(observation.proposal, observation.losses[0], observation.trial)
