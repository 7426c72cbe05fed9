"""Greedy addition of blocks under a cost (Xiong et al., 2019, https://arxiv.org/abs/1904.03786)."""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from math import inf, isfinite
from typing import Any, ClassVar, NamedTuple

from algorithms.models.costs import Costs, Untried, varied
from nasbench.algorithm import Algorithm, Known, Observation, Proposal
from nasbench.space import Arch, SearchSpace


class SubmodularGreedy(Algorithm):
    """Lazy cost-effective greedy search: adds the block that gains most for what it costs.

    The search begins with the cheapest architecture, the empty one; where several are equally
    cheap, as those without convolutions by their parameters, chance decides. A block is an option
    of a decision that costs at least as much as the present one. A pass adds one block after the
    other, each time the one whose fall of the loss per added cost is highest, while the limit
    allows it. A gain without cost comes first. The pass ends when no block that fits has a gain.

    Gains are assumed to shrink as an architecture fills (submodularity), so that a gain measured
    before is a bound. Only the block with the highest bound is trained with the present
    architecture: if it stays ahead of the other bounds, it is added; else its bound is lowered. So
    only the first step of a pass trains all blocks. No architecture is trained twice.

    The second pass starts anew and adds by gain alone, as without it there is no guarantee where
    costs differ. Later passes, which are ours, start from random architectures that were not
    trained, and add by gain per cost again; the search ends when none is left within the limit.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        upgrade: Whether a decision may change again, to an option that costs more. If False, as in
            preset ``rcas``, a position that is filled stays as it is.
        column: Place of the cost among the known numbers, from 0.
        limit: What an architecture may cost at most, in the unit of the column; None for no limit.
        known: Numbers of an architecture; needed. Blocks of undefined cost are not added.

    Raises:
        InvalidArgumentError: There is no cost, or a hyperparameter has an impossible value.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"rcas": {"upgrade": False}}
    random_trials = 0

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        upgrade: bool = True,
        column: int = 0,
        limit: float | None = None,
        known: Known | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.upgrade = upgrade
        self.column = column
        self.limit = limit
        self._costs = Costs(known, column, limit)
        self._untried = Untried(space, self.rng, lambda arch: not self._costs.allows(arch))
        self._losses: dict[Arch, float] = {}
        self._queue: list[Arch] = []  # next one last
        self._pending = 0
        self._passes = 0
        self._empty: Arch = ()
        self._current: Arch | None = None
        self._filled: set[int] = set()
        self._blocks: list[_Block] = []  # a heap
        self._tried: list[tuple[int, int]] = []  # blocks in training with the present architecture
        self._step = 0

    def ask(self) -> Proposal | None:
        while not self._queue and not self._pending:
            if not self._advance():
                return None
        if not self._queue:
            return None
        self._pending += 1
        return Proposal(self._queue.pop())

    def tell(self, observation: Observation) -> None:
        self._pending -= 1
        self._losses[observation.proposal.arch] = observation.loss

    def _advance(self) -> bool:
        """Take in what is trained, and queue what to train next; False if nothing is left."""
        current = self._current
        if current is None:
            return self._start()
        for decision, option in self._tried:
            heappush(self._blocks, self._measured(current, decision, option))
        self._tried = []
        while self._blocks:
            block = heappop(self._blocks)
            if block.rank >= 0:
                break
            if block.step == self._step:
                self._add(current, block)
                return True
            if self._fits(current, block.decision, block.option):
                self._train(current, [(block.decision, block.option)])
                return True
        self._current = None
        return True

    def _start(self) -> bool:
        """Begin a pass: train its empty architecture and all blocks with it."""
        if self._passes == 0:
            sample = self.space.sample(self.rng)
            self._empty = self._costs.extreme(self.space, sample, sign=-1)
        self._passes += 1
        fits = self._costs.allows(self._empty)
        start = self._empty if self._passes <= 2 and fits else self._untried.draw()
        if start is None:
            return False
        self._current, self._filled, self._step = start, set(), 0
        self._blocks = []
        self._train(start, self._candidates(start))
        if start not in self._losses:
            self._untried.tried.add(start)
            self._queue.append(start)
        return True

    def _candidates(self, arch: Arch) -> list[tuple[int, int]]:
        found = []
        for decision in range(len(arch)):
            for option, _ in varied(self.space, arch, decision):
                if self._fits(arch, decision, option):
                    found.append((decision, option))
        return found

    def _fits(self, arch: Arch, decision: int, option: int) -> bool:
        """Whether a block can be added."""
        other = changed(arch, decision, option)
        if other == arch or decision in self._filled or not self.space.is_legal(other):
            return False
        cost = self._costs(other)
        return isfinite(cost) and cost >= self._costs(arch) and self._costs.allows(other)

    def _train(self, arch: Arch, blocks: list[tuple[int, int]]) -> None:
        self._tried = blocks
        archs = [changed(arch, *block) for block in reversed(blocks)]
        self._queue = [other for other in archs if other not in self._losses]
        self._untried.tried.update(self._queue)

    def _measured(self, arch: Arch, decision: int, option: int) -> "_Block":
        other = changed(arch, decision, option)
        loss, before = self._losses[other], self._losses[arch]
        gain = 0.0 if loss == before else before - loss
        cost = self._costs(other) - self._costs(arch)
        if self._passes != 2 and cost > 0:
            gain /= cost
        elif self._passes != 2 and gain > 0:
            gain = inf
        return _Block(-gain, loss, decision, option, self._step)

    def _add(self, current: Arch, block: "_Block") -> None:
        self._current = changed(current, block.decision, block.option)
        self._step += 1
        if not self.upgrade:
            self._filled.add(block.decision)


class _Block(NamedTuple):
    """An option of a decision; sorts by what it gained, most first.

    Attributes:
        rank: Minus its gain, or minus its gain per cost.
        loss: Of the architecture with it.
        decision: Position of the decision.
        option: The option.
        step: Number of blocks that had been added when it was trained.
    """

    rank: float
    loss: float
    decision: int
    option: int
    step: int


def changed(arch: Arch, decision: int, option: int) -> Arch:
    """Return the architecture with one option changed."""
    return (*arch[:decision], option, *arch[decision + 1 :])
