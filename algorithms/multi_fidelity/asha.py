"""ASHA, asynchronous successive halving (Li et al., 2020, https://arxiv.org/abs/1810.05934)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.parts.rungs import Ladder, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class ASHA(Algorithm):
    """ASHA: asynchronous successive halving, for many workers (Li et al., 2020).

    An architecture is promoted as soon as it is among the best ``1 / eta`` of the results at its
    rung so far. The highest rung with a promotable architecture goes first, and within it the best
    one; if there is none, a random architecture starts at the lowest rung. With a single fidelity
    this is random search.

    Preset ``liamcli`` has the ``eta`` that ``mpi_hyperband.py`` of liamcli/darts_asha sets; the
    default is that of its classes (``searchers/hyperband_policy.py``).

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
        resume: Whether a promoted architecture continues its training where possible; if False, it
            trains from scratch.
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
