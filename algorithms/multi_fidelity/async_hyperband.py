"""Asynchronous Hyperband, after Li et al. (2020, https://arxiv.org/abs/1810.05934)."""

from collections.abc import Sequence

from algorithms.parts.rungs import ROUNDINGS, Ladder, Running, brackets, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.space import SearchSpace


class AsyncHyperband(Algorithm):
    """Asynchronous Hyperband: one ASHA ladder per bracket (Li et al., 2020).

    The first ladder has all rungs; each further one lacks one more rung at the bottom. Promotions
    go first, in the order of the brackets. Otherwise a new random architecture starts; the brackets
    take turns, each for as many architectures as Hyperband would start it with. With a single
    fidelity this is random search.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending. Rungs are those nearest to the last one divided by
            powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        eta: One architecture in ``eta`` is promoted to the next rung, where it trains about ``eta``
            times as long.
        rounding: Number of architectures per turn, ``"hpbandster"`` or ``"paper"``, as in
            :class:`algorithms.multi_fidelity.hyperband.Hyperband`.
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
        rounding: str = ROUNDINGS[0],
        resume: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        sizes = brackets(len(epochs), eta, rounding)
        self.resumable = resumable
        self.eta = eta
        self.rounding = rounding
        self.resume = resume
        self.random_trials = None if len(epochs) == 1 else 0
        self._turns = [n[0] for n in sizes]
        self._ladders = [Ladder(epochs[-len(n) :], eta, resume=resume and resumable) for n in sizes]
        self._bracket = 0
        self._left = self._turns[0]
        self._running: Running[Ladder] = Running()

    def ask(self) -> Proposal:
        for ladder in self._ladders:
            climbing = ladder.climb()
            if climbing is not None:
                proposal = climbing[0]
                break
        else:
            ladder = self._turn()
            proposal = Proposal(self.space.sample(self.rng), ladder.epochs[0])
        self._running.add(proposal, ladder)
        return proposal

    def tell(self, observation: Observation) -> None:
        ladder = self._running.take(observation.proposal)
        ladder.tell(observation.proposal, observation.losses[0], observation.trial)

    def _turn(self) -> Ladder:
        """The ladder on which the next random architecture starts."""
        if not self._left:
            self._bracket = (self._bracket + 1) % len(self._turns)
            self._left = self._turns[self._bracket]
        self._left -= 1
        return self._ladders[self._bracket]
