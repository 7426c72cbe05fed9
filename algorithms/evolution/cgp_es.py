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
    """An evolution strategy with one parent, whose spelling drifts as long as no child is better.

    In every generation the parent has some children. Each decision of a child changes with some
    probability, drawn again until another network comes out (another ``space.canonical``). A child
    that is better than the parent takes its place. If none is, the parent takes a neutral
    mutation: each decision changes with the same probability, but only if the network remains the
    same. So other networks come within reach of the next children. In a space where every
    architecture is a network of its own, nothing drifts.

    Numbers and rule as in sg-nm/cgp-cnn, the code of the authors.

    Args:
        space: What to search.
        fidelities: The last one is used.
        seed: Seed of the search.
        children: Children in a generation (lambda).
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
        # probability that the first decision that changes is one of the first 1, 2, ...
        self._first = [1 - p for p in accumulate([1 - rate] * len(self._choices), operator.mul)]
        self._queue = [space.sample(self.rng)]
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
        loss, _, best = min(self._told)
        self._told = []
        if self._parent is None or loss < self._loss:
            self._loss, self._parent = loss, best
            self._network = self.space.canonical(best)
        else:
            self._parent = self._drifted(self._parent)
        self._queue = [self._child(self._parent) for _ in range(self.children)]

    def _child(self, parent: Arch) -> Arch:
        """Another network; after many attempts a neighbour, be it the same network or not."""
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
        """The same network with other options where they do not matter."""
        draw, rate, space = self.rng.random, self.rate, self.space
        for i, others in self._choices:
            if draw() < rate:
                option = int(draw() * others)
                changed = (*parent[:i], option + (option >= parent[i]), *parent[i + 1 :])
                if space.is_legal(changed) and space.canonical(changed) == self._network:
                    parent = changed
        return parent
