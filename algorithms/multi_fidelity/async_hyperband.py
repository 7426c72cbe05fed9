"""Asynchronous Hyperband (Li et al., 2020, https://arxiv.org/abs/1810.05934)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.parts.rungs import Ladder, rungs
from algorithms.parts.running import Running
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.space import SearchSpace


class AsyncHyperband(Algorithm):
    """Asynchronous Hyperband: one ASHA ladder per bracket (Li et al., 2020).

    The first ladder has all rungs; each further one lacks one more rung at the bottom. The next
    training belongs to the ladder with the least ``floor(full * rungs / most)``, where ``full`` is
    the number of its trainings that were started at the last rung, ``rungs`` the number of its
    rungs and ``most`` that of the first ladder; ties go to the ladder with more rungs. There it is
    a promotion if one is possible, and otherwise a new random architecture. With a single fidelity
    this is random search.

    Order and default of ``eta`` are as in liamcli/darts_asha (``searchers/hyperband_policy.py``);
    preset ``liamcli`` has the ``eta`` of its ``mpi_hyperband.py``.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending. Rungs are those nearest to the last one divided by
            powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        eta: One architecture in ``eta`` is promoted to the next rung, where it trains about ``eta``
            times as long.
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
        resume: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        self.resumable = resumable
        self.eta = eta
        self.resume = resume
        self._ladders = [
            Ladder(epochs[lowest:], eta, resume=resume and resumable)
            for lowest in range(len(epochs))
        ]
        self._full = [0] * len(epochs)
        self._running: Running[Ladder] = Running()

    def ask(self) -> Proposal:
        most = len(self._ladders)
        shares = [n * (most - lowest) // most for lowest, n in enumerate(self._full)]
        place = shares.index(min(shares))
        ladder = self._ladders[place]
        climbing = ladder.climb()
        if climbing is None:
            proposal = Proposal(self.space.sample(self.rng), ladder.epochs[0])
        else:
            proposal = climbing[0]
        self._full[place] += proposal.epoch == ladder.epochs[-1]
        self._running.add(proposal, ladder)
        return proposal

    def tell(self, observation: Observation) -> None:
        ladder = self._running.take(observation.proposal)
        ladder.tell(observation.proposal, observation.losses[0], observation.trial)
