"""The (1 + lambda) strategy of CGP-CNN (Suganuma, Shirakawa and Nagao, 2017, https://arxiv.org/abs/1704.00764)."""

import math
import operator
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from algorithms.parts.mutation import mutant
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_TRIES = 64


class CGPES(Algorithm):
    """(1 + lambda) evolution strategy with neutral drift, as in CGP-CNN (Suganuma et al., 2017).

    Each generation trains ``children`` mutants of the parent. Every decision of a mutant changes
    with probability ``rate``; a mutant that encodes the same network as the parent (same
    ``space.canonical``) is drawn again. The best child replaces the parent if it is better.
    Otherwise the parent drifts: each decision changes with probability ``rate``, but only if the
    network stays the same, so that the next children can reach other networks. In a space where
    every architecture is a different network, nothing drifts.

    Defaults and update rule as in sg-nm/cgp-cnn, the authors' code.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        children: Children per generation (lambda).
        rate: Probability that a decision changes.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        children: int = 2,
        rate: float = 0.05,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if children < 1:
            raise InvalidArgumentError(f"children = {children} must be at least 1")
        if not 0 < rate <= 1:
            raise InvalidArgumentError(f"rate = {rate} must be in (0, 1]")
        self.children = children
        self.rate = rate
        self._choices = tuple((i, n - 1) for i, n in enumerate(space.options) if n > 1)
        # probability that at least one of the first 1, 2, ... decisions changes
        self._first = [1 - p for p in accumulate([1 - rate] * len(self._choices), operator.mul)]
        self._queue: list[Arch] = []
        self._pending = 0
        self._told: list[tuple[float, int, Arch]] = []
        self._parent: Arch | None = None
        self._network: Arch = ()
        self._loss = math.inf

    def ask(self) -> Proposal | None:
        if not self._queue and not self._pending:
            self._next_generation()
        if not self._queue:
            return None
        self._pending += 1
        return Proposal(self._queue.pop())

    def tell(self, observation: Observation) -> None:
        self._pending -= 1
        self._told.append((observation.losses[0], observation.trial, observation.proposal.arch))

    def _next_generation(self) -> None:
        if not self._told:
            self._queue = [self.space.sample(self.rng)]
            return
        loss, _, best = min(self._told)
        self._told = []
        if self._parent is None or loss < self._loss:
            self._loss, self._parent = loss, best
            self._network = self.space.canonical(best)
        else:
            self._parent = self._drifted(self._parent)
        self._queue = [self._child(self._parent) for _ in range(self.children)]

    def _child(self, parent: Arch) -> Arch:
        """A mutant that is another network; after 64 failed attempts, any mutant of the parent."""
        draw, rate, space, choices = self.rng.random, self.rate, self.space, self._choices
        for _ in range(_TRIES if choices else 0):
            changed = list(parent)
            first = bisect(self._first, draw() * self._first[-1], hi=len(choices) - 1)
            for place in range(first, len(choices)):
                if place == first or draw() < rate:
                    i, others = choices[place]
                    option = int(draw() * others)
                    changed[i] = option + (option >= parent[i])
            child = tuple(changed)
            if space.is_legal(child) and space.canonical(child) != self._network:
                return child
        return mutant(space, parent, self.rng)

    def _drifted(self, parent: Arch) -> Arch:
        """The same network, with changed options where they make no difference."""
        draw, rate, space = self.rng.random, self.rate, self.space
        for i, others in self._choices:
            if draw() < rate:
                option = int(draw() * others)
                changed = (*parent[:i], option + (option >= parent[i]), *parent[i + 1 :])
                if space.is_legal(changed) and space.canonical(changed) == self._network:
                    parent = changed
        return parent
