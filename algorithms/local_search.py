"""Local search (White, Nolen and Savani, 2021, https://arxiv.org/abs/2005.02960)."""

import math
from collections.abc import Sequence

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class LocalSearch(Algorithm):
    """Climbs from the best of a few random architectures, and restarts at local minima.

    Neighbours differ in one decision and are tried in random order; none is evaluated twice. The
    search moves to the first neighbour that improves, or, with ``full_neighborhood``, to the best
    of all. Settings after naszilla (``local_search``).

    Args:
        space: What to search.
        fidelities: The last one is used.
        seed: Seed of the search.
        initial: Random architectures before every climb.
        full_neighborhood: Whether to evaluate all neighbours before a move.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        full_neighborhood: bool = False,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if initial < 1:
            raise InvalidArgumentError(f"initial = {initial} must be at least 1")
        self.initial = initial
        self.full_neighborhood = full_neighborhood
        self._seen: set[Arch] = set()
        self._queue: list[Arch] = []
        self._pending = 0
        self._best: tuple[float, int, Arch] | None = None
        self._center: Arch | None = None
        self._center_loss = math.inf

    def ask(self) -> Proposal | None:
        if not self._queue and not self._pending:
            self._next_phase()
        if not self._queue:
            return None
        self._pending += 1
        arch = self._queue.pop()
        self._seen.add(arch)
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        self._pending -= 1
        candidate = (observation.loss, observation.trial, observation.proposal.arch)
        if self._best is None or candidate < self._best:
            self._best = candidate
            climbing = self._center is not None
            if climbing and not self.full_neighborhood and candidate[0] < self._center_loss:
                self._queue.clear()

    def _next_phase(self) -> None:
        """All answers are in: move to a better neighbour, or restart."""
        if self._best is None or (self._center is not None and self._best[0] >= self._center_loss):
            self._restart()
        else:
            self._center_loss, _, self._center = self._best
            self._queue = self._shuffled(
                [arch for arch in self.space.neighbors(self._center) if arch not in self._seen]
            )
            if not self._queue:
                self._restart()

    def _restart(self) -> None:
        self._best = self._center = None
        self._center_loss = math.inf
        fresh: dict[Arch, None] = {}
        for _ in range(100 * self.initial):
            arch = self.space.sample(self.rng)
            if arch not in self._seen:
                fresh[arch] = None
            if len(fresh) == self.initial:
                break
        self._queue = list(fresh)

    def _shuffled(self, archs: list[Arch]) -> list[Arch]:
        draw = self.rng.random
        return [arch for _, arch in sorted((draw(), arch) for arch in archs)]
