"""Asynchronous Hyperband, after Li et al. (2020, https://arxiv.org/abs/1810.05934)."""

from collections.abc import Sequence

from algorithms.parts.rungs import ROUNDINGS, Ladder, Running, brackets, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.space import SearchSpace


class AsyncHyperband(Algorithm):
    """Hyperband whose brackets are ladders of ASHA, so that no worker waits.

    There is one ladder for each bracket; the first has all rungs, each of the next leaves out one
    more at the bottom. What can climb climbs first, in the order of the brackets. Otherwise a new
    random architecture starts; the brackets take turns, each for as many architectures as
    Hyperband would start it with. With one fidelity it is random search.

    Args:
        space: What to search.
        fidelities: The rungs are those nearest to the last one divided by powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether trainings can be continued; not so where the fidelities of a benchmark
            are trainings of their own.
        eta: One architecture in ``eta`` climbs to the next rung, where it is trained about
            ``eta`` times as long.
        rounding: How many architectures a turn has, as in
            :class:`algorithms.multi_fidelity.hyperband.Hyperband`: ``"hpbandster"`` or ``"paper"``.
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
        """The ladder on which the next new architecture starts."""
        if not self._left:
            self._bracket = (self._bracket + 1) % len(self._turns)
            self._left = self._turns[self._bracket]
        self._left -= 1
        return self._ladders[self._bracket]
