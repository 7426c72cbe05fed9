"""Coordinate descent (Wright, 2015, https://arxiv.org/abs/1502.04759)."""

from collections.abc import Sequence

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_DRAWS = 1000
_ORDERS = ("random", "cyclic")


class CoordinateSearch(Algorithm):
    """Coordinate descent: optimises one decision at a time, with random restarts (Wright, 2015).

    From the best of a few random architectures, the search trains all legal options of one decision
    while the others stay fixed, keeps the best option, and goes on to the next decision. When no
    single decision improves the loss, it restarts. No architecture is trained twice: known losses
    are reused. The search ends when 1,000 draws in a row yield no new starting point.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before each descent.
        order: ``"random"``: each sweep visits the decisions in a new random order; ``"cyclic"``: in
            the order of the space.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 1,
        order: str = "random",
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if initial < 1:
            raise InvalidArgumentError(f"initial = {initial} must be at least 1")
        if order not in _ORDERS:
            raise InvalidArgumentError(f"order = {order!r}{one_of(order, _ORDERS)}")
        self.initial = initial
        self.order = order
        self.random_trials = initial
        self._decisions = [i for i, n in enumerate(space.options) if n > 1]
        self._losses: dict[Arch, float] = {}
        self._pending = 0
        self._queue: list[Arch] = []
        self._center: Arch | None = None
        self._candidates: list[Arch] = []
        self._sweep: list[int] = []
        self._settled: set[int] = set()

    def ask(self) -> Proposal | None:
        if not self._queue and not self._pending:
            self._next_phase()
        if not self._queue:
            return None
        self._pending += 1
        return Proposal(self._queue.pop())

    def tell(self, observation: Observation) -> None:
        self._pending -= 1
        self._losses[observation.proposal.arch] = observation.losses[0]

    def _next_phase(self) -> None:
        """Once all results are in, keep the best option and try the next decision, or restart."""
        self._move()
        while self._center is not None and not self._queue:
            if len(self._settled) == len(self._decisions):
                self._center = None
            else:
                self._try(self._center, self._next_decision())
                if not self._queue:
                    self._move()
        if self._center is None:
            self._restart()

    def _try(self, center: Arch, decision: int) -> None:
        """Make all legal options of a decision candidates, and queue those not trained yet."""
        before, after = center[:decision], center[decision + 1 :]
        others = [(*before, option, *after) for option in range(self.space.options[decision])]
        self._settled.add(decision)
        self._candidates = [arch for arch in others if self.space.is_legal(arch)]
        self._queue = [arch for arch in self._candidates if arch not in self._losses]

    def _move(self) -> None:
        """Move to the best candidate if it improves; then all other decisions are open again."""
        if not self._candidates:
            return
        best = min(self._candidates, key=self._losses.__getitem__)
        if self._center is None:
            self._center = best
        elif self._losses[best] < self._losses[self._center]:
            changed = next(i for i in self._decisions if best[i] != self._center[i])
            self._center, self._settled = best, {changed}
        self._candidates = []

    def _next_decision(self) -> int:
        """The next decision of the sweep that is not settled."""
        while True:
            if not self._sweep:
                draw = self.rng.random
                self._sweep = self._decisions[::-1]
                if self.order == "random":
                    self._sweep = [i for _, i in sorted((draw(), i) for i in self._sweep)]
            decision = self._sweep.pop()
            if decision not in self._settled:
                return decision

    def _restart(self) -> None:
        self._settled, self._sweep = set(), []
        fresh: dict[Arch, None] = {}
        for _ in range(_DRAWS):
            arch = self.space.sample(self.rng)
            if arch not in self._losses:
                fresh[arch] = None
            if len(fresh) == self.initial:
                break
        self._candidates, self._queue = list(fresh), list(fresh)
