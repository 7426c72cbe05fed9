"""Hyperband (Li et al., 2018, https://arxiv.org/abs/1603.06560)."""

from collections.abc import Sequence

from algorithms.parts.rungs import Halving, brackets, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.space import SearchSpace


class Hyperband(Algorithm):
    """Successive halving with ever fewer and longer first trainings, over and over.

    A bracket with all rungs, which trusts short trainings most, comes first; each of the next
    leaves out one rung more at the bottom; the last is random search. A rung starts when all of the
    one below is told; free workers do not wait, but start the next bracket. With one fidelity it is
    random search.

    Args:
        space: What to search.
        fidelities: The rungs are those nearest to the last one divided by powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether trainings can be continued; not so where the fidelities of a benchmark
            are trainings of their own.
        eta: One architecture in ``eta`` climbs to the next rung, where it is trained about
            ``eta`` times as long.
        rounding: How many architectures a bracket of ``s + 1`` of all ``k`` rungs starts with:
            ``"hpbandster"``: ``floor(k / (s + 1)) * eta**s``, as in the package HpBandSter;
            ``"paper"``: ``ceil(k * eta**s / (s + 1))``.
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
        rounding: str = "hpbandster",
        resume: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        self.resumable = resumable
        self.eta = eta
        self.rounding = rounding
        self.resume = resume
        self._halving = Halving(
            brackets(len(epochs), eta, rounding),
            epochs,
            lambda: space.sample(self.rng),
            resume=resume and resumable,
        )

    def ask(self) -> Proposal:
        return self._halving.ask()

    def tell(self, observation: Observation) -> None:
        self._halving.tell(observation.proposal, observation.losses[0], observation.trial)
