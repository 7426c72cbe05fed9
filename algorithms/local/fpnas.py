"""Block-coordinate search after FPNAS (Cui et al., 2019).

Fast and Practical Neural Architecture Search, ICCV 2019,
https://openaccess.thecvf.com/content_ICCV_2019/html/Cui_Fast_and_Practical_Neural_Architecture_Search_ICCV_2019_paper.html
"""

from collections.abc import Sequence
from math import inf

from algorithms.models.candidates import unseen
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_DRAWS = 64


class FPNAS(Algorithm):
    """FPNAS: optimises one block of decisions while the others stay fixed, then the next.

    Blocks are ``blocks`` consecutive parts of the decisions, as equal as possible. In the space of
    DARTS two of them are the normal and the reduction cell.

    From a random architecture, each turn trains ``turn`` candidates that differ from the best so
    far in one block only. A candidate has all options of the block drawn anew, with chance
    ``redraw``, or one of them. What is better becomes the centre at once. When every block had a
    turn since the centre last improved, or none has a candidate left, the search starts again from
    a random architecture. No architecture is trained twice; the search ends when no new one is
    found.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        blocks: Number of blocks; of fewer decisions, each is a block.
        turn: Candidates of a block in one turn.
        redraw: Chance that a candidate has its whole block drawn anew.
    """

    random_trials = 1

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        blocks: int = 2,
        turn: int = 20,
        redraw: float = 0.5,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, value in (("blocks", blocks), ("turn", turn)):
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        if not 0 <= redraw <= 1:
            raise InvalidArgumentError(f"redraw = {redraw} must be in [0, 1]")
        self.blocks = blocks
        self.turn = turn
        self.redraw = redraw
        self._parts = parts(len(space.options), blocks)
        self._descents: dict[Arch, int] = {}  # number of the descent that each belongs to
        self._descent = 0
        self._center: Arch | None = None
        self._loss = inf
        self._part = 0
        self._left = turn  # candidates of this turn
        self._stale = 0  # whole turns since the centre improved

    def ask(self) -> Proposal | None:
        arch = None
        while self._center is not None and arch is None:
            if self._left == 0:
                self._end_turn()
                continue
            self._left -= 1
            arch = self._candidate(self._center, self._parts[self._part])
            if arch is None:
                self._left = 0
        if arch is None:
            found = unseen(self.space, 1, self.rng, self._descents)
            if not found:
                return None
            arch = found[0]
        self._descents[arch] = self._descent
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        arch = observation.proposal.arch
        if self._descents[arch] != self._descent:
            return
        if self._center is None or observation.loss < self._loss:
            self._center, self._loss = arch, observation.loss
            self._stale = 0 if self._left == self.turn else -1  # the end of this turn is no turn

    def _end_turn(self) -> None:
        """Go on to the next block, or start again."""
        self._part = (self._part + 1) % len(self._parts)
        self._left = self.turn
        self._stale += 1
        if self._stale >= len(self._parts):
            self._center, self._loss, self._stale, self._part = None, inf, 0, 0
            self._descent += 1

    def _candidate(self, center: Arch, part: range) -> Arch | None:
        """A new architecture that differs in one block; None if none is found."""
        draw = self.rng.random
        for _ in range(_DRAWS):
            arch = list(center)
            whole = draw() < self.redraw
            for i in part if whole else [part[int(draw() * len(part))]]:
                arch[i] = int(draw() * self.space.options[i])
            found = tuple(arch)
            if found not in self._descents and self.space.is_legal(found):
                return found
        near = [a for a in self.space.neighbors(center) if a not in self._descents]
        near = [a for a in near if any(a[i] != center[i] for i in part)]
        return near[int(draw() * len(near))] if near else None


def parts(n: int, n_parts: int) -> list[range]:
    """Cut ``n`` positions into consecutive parts, as equal as possible, none of them empty."""
    n_parts = min(n, n_parts)
    bounds = [n * i // n_parts for i in range(n_parts + 1)]
    return [range(*bounds[i : i + 2]) for i in range(n_parts)]
