"""Local search (White, Nolen and Savani, 2021, https://arxiv.org/abs/2005.02960)."""

import math
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, ClassVar

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_AT_MINIMUM = ("restart", "continue")


class LocalSearch(Algorithm):
    """Local search: hill climbing over one-decision neighbours (White et al., 2021).

    A climb starts from the best of ``initial`` random architectures and tries its neighbours in
    random order; nothing is trained twice, in any spelling where results belong to a network
    (:meth:`~nasbench.space.SearchSpace.key`). The search moves to the first neighbour that
    improves, or, with ``full_neighborhood``, to the best of all neighbours. The search ends when
    ``100 * initial`` draws in a row yield no new architecture to restart from.

    Defaults as in naszilla/naszilla (``local_search`` in ``nas_algorithms.py``). Preset
    ``naszilla`` continues at local minima as that project's experiments do
    (``stop_at_minimum=False``). There every step expands the best architecture that was not
    expanded yet; here only the step from a minimum does.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before each climb.
        full_neighborhood: Whether to train all neighbours before moving.
        at_minimum: What to do when no neighbour improves: ``"restart"`` from new random
            architectures, or ``"continue"`` from the best trained architecture that was not
            expanded yet, restarting if there is none.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"naszilla": {"at_minimum": "continue"}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        full_neighborhood: bool = False,
        at_minimum: str = "restart",
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if initial < 1:
            raise InvalidArgumentError(f"initial = {initial} must be at least 1")
        if at_minimum not in _AT_MINIMUM:
            raise InvalidArgumentError(
                f"at_minimum = {at_minimum!r}{one_of(at_minimum, _AT_MINIMUM)}"
            )
        self.initial = initial
        self.full_neighborhood = full_neighborhood
        self.at_minimum = at_minimum
        self.random_trials = initial
        self._seen: set[Arch] = set()  # keys
        self._queue: list[Arch] = []
        self._pending = 0
        self._best: tuple[float, int, Arch] | None = None
        self._open: list[tuple[float, int, Arch]] = []  # heap of architectures to continue from
        self._expanded: set[Arch] = set()  # keys
        self._center: Arch | None = None
        self._center_loss = math.inf

    def ask(self) -> Proposal | None:
        if not self._queue and not self._pending:
            self._next_phase()
        if not self._queue:
            return None
        self._pending += 1
        arch = self._queue.pop()
        self._seen.add(self.space.key(arch))
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        self._pending -= 1
        candidate = (observation.loss, observation.trial, observation.proposal.arch)
        if self.at_minimum == "continue":
            heappush(self._open, candidate)
        if self._best is None or candidate < self._best:
            self._best = candidate
            climbing = self._center is not None
            if climbing and not self.full_neighborhood and candidate[0] < self._center_loss:
                self._queue.clear()

    def _next_phase(self) -> None:
        """Once all results are in, move to a better neighbour, continue elsewhere, or restart."""
        best = self._best
        if best is not None and (self._center is None or best[0] < self._center_loss):
            self._expand(best)
        while self._open and not self._queue:
            untried = heappop(self._open)
            if self.space.key(untried[2]) not in self._expanded:
                self._expand(untried)
        if not self._queue:
            self._restart()

    def _expand(self, best: tuple[float, int, Arch]) -> None:
        """Move to an architecture and queue its untried neighbours."""
        self._best = best
        self._center_loss, _, self._center = best
        self._expanded.add(self.space.key(self._center))
        fresh: dict[Arch, Arch] = {}
        for arch in self.space.neighbors(self._center):
            if (key := self.space.key(arch)) not in self._seen:
                fresh.setdefault(key, arch)
        self._queue = self._shuffled(list(fresh.values()))

    def _restart(self) -> None:
        self._best = self._center = None
        self._center_loss = math.inf
        fresh: dict[Arch, Arch] = {}
        for _ in range(100 * self.initial):
            arch = self.space.sample(self.rng)
            if (key := self.space.key(arch)) not in self._seen:
                fresh.setdefault(key, arch)
            if len(fresh) == self.initial:
                break
        self._queue = list(fresh.values())

    def _shuffled(self, archs: list[Arch]) -> list[Arch]:
        draw = self.rng.random
        return [arch for _, arch in sorted((draw(), arch) for arch in archs)]
