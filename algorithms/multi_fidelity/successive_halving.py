"""Successive halving (Jamieson and Talwalkar, 2016, https://arxiv.org/abs/1502.07943)."""

from collections.abc import Sequence

from algorithms.parts.rungs import Halving, halving, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class SuccessiveHalving(Algorithm):
    """Trains many architectures briefly, the best of them longer, and the last to the end.

    Then it starts again with other architectures. A rung starts when all of the one below is told;
    free workers do not wait, but start the next round. With one fidelity it is random search.

    Args:
        space: What to search.
        fidelities: The rungs are those nearest to the last one divided by powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether trainings can be continued; not so where the fidelities of a benchmark
            are trainings of their own.
        eta: One architecture in ``eta`` climbs to the next rung, where it is trained about
            ``eta`` times as long.
        initial: Random architectures at the lowest rung; 0 for so many that one reaches the last.
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
        sizes = halving(initial or eta ** (len(epochs) - 1), eta, len(epochs))
        self._halving = Halving(
            [sizes], epochs, lambda: space.sample(self.rng), resume=resume and resumable
        )

    def ask(self) -> Proposal:
        return self._halving.ask()

    def tell(self, observation: Observation) -> None:
        self._halving.tell(observation.proposal, observation.losses[0], observation.trial)
