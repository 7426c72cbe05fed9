"""GeNet, the genetic algorithm of Genetic CNN (Xie and Yuille, 2017, https://arxiv.org/abs/1703.01513)."""

import math
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from algorithms.parts.mutation import mutant
from algorithms.parts.ordered_sum import ordered_sum
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_TRIES = 64


class GeNet(Algorithm):
    """GeNet: a generational genetic algorithm on bit strings (Xie and Yuille, 2017).

    Each decision is encoded in binary, with as many bits as its last option needs. A generation
    draws its parents from the previous one with replacement by roulette-wheel selection: the weight
    of an architecture is the highest finite loss minus its own, and 0 if it diverged. Parents are
    taken in pairs. With probability ``crossover`` a pair exchanges each decision (the paper's
    stage) with probability ``exchange``; otherwise each of the two is mutated with probability
    ``mutation``, which flips each bit with probability ``flip``. An exchange that leaves the space
    is drawn again; a mutant that leaves it is replaced by a random neighbour. Every member of a
    generation is trained, even if it was trained before; the loss of an architecture is the mean
    over its trainings.

    Population size and probabilities are those of the paper's CIFAR-10 search, as in
    gmontamat/gentun (``gentun/algorithms.py``); the rest is after the paper.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        population: Architectures per generation.
        crossover: Probability that a pair is crossed (p_C in the paper).
        exchange: Probability that a crossed pair exchanges a decision (q_C).
        mutation: Probability that an architecture is mutated if it was not crossed (p_M).
        flip: Probability that a bit of a mutated architecture flips (q_M).
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        population: int = 20,
        crossover: float = 0.2,
        exchange: float = 0.2,
        mutation: float = 0.8,
        flip: float = 0.05,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if population < 2:
            raise InvalidArgumentError(f"population = {population} must be at least 2")
        chances = {"crossover": crossover, "exchange": exchange, "mutation": mutation, "flip": flip}
        for name, chance in chances.items():
            if not 0 <= chance <= 1:
                raise InvalidArgumentError(f"{name} = {chance} must be in [0, 1]")
        self.population = population
        self.crossover = crossover
        self.exchange = exchange
        self.mutation = mutation
        self.flip = flip
        self.random_trials = population
        self._bits = [(n - 1).bit_length() for n in space.options]
        self._losses: dict[Arch, list[float]] = {}
        self._generation: list[Arch] = []
        self._asked = self._told = 0

    def ask(self) -> Proposal | None:
        if not self._generation:
            self._generation = [self.space.sample(self.rng) for _ in range(self.population)]
        if self._told == self.population:
            self._generation = self._next_generation()
            self._asked = self._told = 0
        if self._asked == self.population:
            return None
        self._asked += 1
        return Proposal(self._generation[self._asked - 1])

    def tell(self, observation: Observation) -> None:
        self._told += 1
        self._losses.setdefault(observation.proposal.arch, []).append(observation.losses[0])

    def _next_generation(self) -> list[Arch]:
        draw = self.rng.random
        parents = self._selected()
        children: list[Arch] = []
        for a, b in zip(parents[::2], parents[1::2], strict=False):
            if draw() < self.crossover:
                children += self._crossed(a, b)
            else:
                children += [self._mutated(a), self._mutated(b)]
        if len(parents) % 2:
            children.append(self._mutated(parents[-1]))
        return children

    def _selected(self) -> list[Arch]:
        """As many parents as the population has members, by roulette-wheel selection."""
        draw = self.rng.random
        losses = [ordered_sum(self._losses[a]) / len(self._losses[a]) for a in self._generation]
        finite = [loss for loss in losses if loss < math.inf]
        highest = max(finite, default=math.inf)
        weights = [highest - loss if loss < math.inf else 0.0 for loss in losses]
        if not any(weights):  # all finite losses are equal, or every training diverged
            weights = [float(loss == highest) for loss in losses]
        bounds = list(accumulate(weights))
        last = len(bounds) - 1
        chosen = [min(last, bisect(bounds, draw() * bounds[-1])) for _ in bounds]
        return [self._generation[place] for place in chosen]

    def _crossed(self, a: Arch, b: Arch) -> list[Arch]:
        """Both parents with some decisions exchanged; unchanged if no exchange is legal."""
        draw, is_legal = self.rng.random, self.space.is_legal
        for _ in range(_TRIES):
            pairs = [
                (y, x) if draw() < self.exchange else (x, y) for x, y in zip(a, b, strict=True)
            ]
            first, second = zip(*pairs, strict=True)
            if is_legal(first) and is_legal(second):
                return [first, second]
        return [a, b]

    def _mutated(self, arch: Arch) -> Arch:
        """With probability ``mutation``, the architecture with random bits flipped."""
        draw, options = self.rng.random, self.space.options
        if draw() >= self.mutation:
            return arch
        flipped = []
        for option, bits in zip(arch, self._bits, strict=True):
            for bit in range(bits):
                if draw() < self.flip:
                    option ^= 1 << bit
            flipped.append(option)
        child = tuple(flipped)
        inside = all(option < n for option, n in zip(child, options, strict=True))
        if inside and self.space.is_legal(child):
            return child
        return mutant(self.space, arch, self.rng)
