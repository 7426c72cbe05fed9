"""GeNet, the genetic algorithm of Genetic CNN (Xie and Yuille, 2017, https://arxiv.org/abs/1703.01513)."""

import math
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from algorithms.parts.mutation import mutant
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_TRIES = 64


class GeNet(Algorithm):
    """A generational genetic algorithm on bits.

    An architecture is the bits of its decisions: option ``k`` is the number ``k`` in binary, in as
    many bits as the last option needs. A generation draws its parents with replacement from the one
    before (Russian roulette: with chances in proportion to how much lower than the highest finite
    loss theirs is; diverged ones have none), and takes them in pairs. With some probability a pair
    is crossed: every decision, which stands for the paper's stage, is exchanged with some
    probability. If not, each of the two is mutated with some probability: every bit is flipped with
    some probability. An exchange that leads out of the space is drawn again; a mutant outside is
    replaced by a random neighbour. All of a generation are trained, also those that were trained
    before; the loss of an architecture is the mean over its trainings.

    Probabilities and population are those of the search on CIFAR-10, as in gmontamat/gentun; the
    rest is after the paper.

    Args:
        space: What to search.
        fidelities: The last one is used.
        seed: Seed of the search.
        population: Architectures in a generation.
        crossover: Probability that a pair is crossed (p_C).
        exchange: Probability that a crossed pair exchanges a decision (q_C).
        mutation: Probability that an architecture that was not crossed is mutated (p_M).
        flip: Probability that a bit of a mutated architecture is flipped (q_M).
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
        self._bits = [(n - 1).bit_length() for n in space.options]
        self._losses: dict[Arch, list[float]] = {}
        self._generation = [space.sample(self.rng) for _ in range(population)]
        self._asked = self._told = 0

    def ask(self) -> Proposal | None:
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
        """As many as the population, with chances by loss."""
        draw = self.rng.random
        losses = [sum(self._losses[a]) / len(self._losses[a]) for a in self._generation]
        finite = [loss for loss in losses if loss < math.inf]
        highest = max(finite, default=math.inf)
        weights = [highest - loss if loss < math.inf else 0.0 for loss in losses]
        if not any(weights):  # all that are finite are equal, or none is
            weights = [float(loss == highest) for loss in losses]
        bounds = list(accumulate(weights))
        last = len(bounds) - 1
        chosen = [min(last, bisect(bounds, draw() * bounds[-1])) for _ in bounds]
        return [self._generation[place] for place in chosen]

    def _crossed(self, a: Arch, b: Arch) -> list[Arch]:
        """Both with some decisions exchanged; as they are if nothing legal is found."""
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
        """With some probability, every bit flipped with some probability."""
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
