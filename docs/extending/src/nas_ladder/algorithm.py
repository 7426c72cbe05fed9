"""Climbing from random starts."""

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class RestartingClimber(Algorithm):
    """Mutates the best architecture since the last start; starts anew when nothing gets better.

    Args:
        space: The space to search.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of all randomness.
        patience: Number of trials without a better one before a new start.
    """

    def __init__(
        self, space: SearchSpace, *, fidelities: tuple[int, ...], seed: int, patience: int = 20
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if patience < 1:
            raise InvalidArgumentError(f"patience = {patience} must be at least 1")
        self.patience = patience
        self._best: tuple[float, tuple[int, ...]] | None = None
        self._since = 0

    def ask(self) -> Proposal:
        if self._best is None:
            return Proposal(self.space.sample(self.rng))
        return Proposal(self.space.mutate(self._best[1], self.rng))

    def tell(self, observation: Observation) -> None:
        told = (observation.loss, observation.proposal.arch)
        if self._best is None or told < self._best:
            self._best, self._since = told, 0
            return
        self._since += 1
        if self._since == self.patience:
            self._best, self._since = None, 0
