"""DEHB, differential evolution with Hyperband (Awad et al., 2021, https://arxiv.org/abs/2105.09821)."""

from collections.abc import Sequence
from math import floor, inf
from operator import mul
from typing import NamedTuple, TypeAlias

from algorithms.parts.rungs import Bracket, Brackets, Result, Running, brackets, rungs
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

Vector: TypeAlias = tuple[float, ...]

_ALONE = 20
_TRIES = 100


class _Individual(NamedTuple):
    """A point in the unit cube, and the legal architecture that it stands for."""

    vector: Vector
    arch: Arch


class _Member(NamedTuple):
    """One of a population; ``trial`` is -1 until it is trained."""

    loss: float
    trial: int
    individual: _Individual


class _Place(NamedTuple):
    """Where a training may replace whom."""

    bracket: Bracket
    rung: int
    place: int
    individual: _Individual


class DEHB(Algorithm):
    """Hyperband in which every rung has a population that evolves instead of random draws.

    An architecture is a point in the unit cube, where each option has an equal part of its
    coordinate's interval. A population is as large as the largest number of architectures that a
    bracket trains at its rung. While the brackets of the first cycle run, the lowest rung of a
    bracket trains its random members, and the rungs above train the best of the population below
    that they do not have yet. From then on every rung trains offspring: a mutant
    ``a + factor * (b - c)`` of three of the best of the population below, crossed with the next
    member in turn, whom it replaces if it is not worse. One or two of the best are made four by
    mutants of all populations; a random point stands in for the member itself where it was one of
    three. Settings as in the package DEHB. With one fidelity it is differential evolution with 20
    members.

    Args:
        space: What to search.
        fidelities: The rungs are those nearest to the last one divided by powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether trainings can be continued; not so where the fidelities of a benchmark
            are trainings of their own.
        eta: Ratio of neighbouring rungs, in epochs and in trainings.
        mutation_factor: How much of the difference of two members is added to a third, in (0, 2].
        crossover: Probability that a coordinate comes from the mutant; at least one does.
        resume: Whether an architecture that climbs continues its training, if it can; False: it is
            trained from scratch.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        resumable: bool = True,
        eta: int = 3,
        mutation_factor: float = 0.5,
        crossover: float = 0.5,
        resume: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        if not 0 < mutation_factor <= 2:
            raise InvalidArgumentError(f"mutation_factor = {mutation_factor} must be in (0, 2]")
        if not 0 <= crossover <= 1:
            raise InvalidArgumentError(f"crossover = {crossover} must be in [0, 1]")
        self.resumable = resumable
        self.eta = eta
        self.mutation_factor = mutation_factor
        self.crossover = crossover
        self.resume = resume
        self._continues = resume and resumable
        self._epochs = epochs
        sizes = brackets(len(epochs), eta, "hpbandster") if len(epochs) > 1 else ((_ALONE,),)
        self._first_cycle = len(sizes)
        self._brackets = Brackets(sizes, epochs)
        self._populations = [
            [_Member(inf, -1, self._random()) for _ in range(n)] for n in population_sizes(sizes)
        ]
        self._rankings: list[list[Vector] | None] = [None] * len(epochs)
        self._all: list[Vector] | None = None
        self._turns = [0] * len(epochs)
        self._climbers: list[list[_Member]] = [[] for _ in epochs]
        self._resumed: set[int] = set()
        self._running: Running[_Place] = Running()

    def ask(self) -> Proposal:
        bracket = self._brackets.next()
        rung = len(self._epochs) - len(bracket.epochs) + bracket.rung
        turn, population = self._turns[rung], self._populations[rung]
        self._turns[rung] += 1
        place, parent = turn % len(population), None
        individual = population[place].individual
        if bracket.rung and bracket.number < self._first_cycle:
            individual, parent = self._climb(bracket, rung)
        elif bracket.rung or turn >= len(population):
            individual = self._offspring(bracket, rung, individual.vector)
        proposal = Proposal(individual.arch, self._epochs[rung], parent)
        bracket.start()
        self._running.add(proposal, _Place(bracket, rung, place, individual))
        return proposal

    def tell(self, observation: Observation) -> None:
        loss, trial = observation.losses[0], observation.trial
        bracket, rung, place, individual = self._running.take(observation.proposal)
        self._brackets.record(bracket, Result(loss, trial, individual.arch))
        if loss <= self._populations[rung][place].loss:
            self._populations[rung][place] = _Member(loss, trial, individual)
            self._rankings[rung] = self._all = None

    def _climb(self, bracket: Bracket, rung: int) -> tuple[_Individual, int | None]:
        """The best of the population below that are not in the one above, and whom to resume."""
        waiting = self._climbers[rung]
        if not waiting:
            here = {member.individual for member in self._populations[rung]}
            below = sorted(m for m in self._populations[rung - 1] if m.loss < inf)
            new = [member for member in below if member.individual not in here]
            waiting += reversed((new or below)[: bracket.left])
        member = waiting.pop()
        if not self._continues or member.trial in self._resumed:
            return member.individual, None
        self._resumed.add(member.trial)
        return member.individual, member.trial

    def _offspring(self, bracket: Bracket, rung: int, target: Vector) -> _Individual:
        """A legal cross of ``target`` and a mutant of three others."""
        parents = self._ranked(rung - 1 if bracket.rung else rung)[: bracket.sizes[bracket.rung]]
        if len(parents) < 3:
            others = self._others(self._everyone(), target)
            parents += [self._mutant(*self._three(others)) for _ in range(4 - len(parents))]
        parents = self._others(parents, target)
        options = self.space.options
        for _ in range(_TRIES):
            vector = self._cross(target, *self._three(parents))
            arch = tuple(map(floor, map(mul, vector, options)))
            if self.space.is_legal(arch):
                return _Individual(vector, arch)
        return self._random()

    def _others(self, pool: list[Vector], target: Vector) -> list[Vector]:
        """The pool without the target, filled with random points up to three."""
        others = [vector for vector in pool if vector is not target]
        while len(others) < 3:
            others.append(tuple([self.rng.random() for _ in target]))
        return others

    def _cross(self, target: Vector, a: Vector, b: Vector, c: Vector) -> Vector:
        """``target`` with coordinates of the mutant; those that leave the cube are drawn anew."""
        draw, factor, rate = self.rng.random, self.mutation_factor, self.crossover
        taken = [i for i in range(len(target)) if draw() < rate]
        vector = list(target)
        for i in taken or [floor(draw() * len(target))]:
            x = a[i] + factor * (b[i] - c[i])
            vector[i] = x if 0 <= x < 1 else draw()
        return tuple(vector)

    def _ranked(self, rung: int) -> list[Vector]:
        """A population, the best first."""
        ranking = self._rankings[rung]
        if ranking is None:
            ranking = [m.individual.vector for m in sorted(self._populations[rung])]
            self._rankings[rung] = ranking
        return ranking

    def _everyone(self) -> list[Vector]:
        """All populations, one after the other."""
        if self._all is None:
            self._all = [m.individual.vector for members in self._populations for m in members]
        return self._all

    def _three(self, pool: list[Vector]) -> tuple[Vector, Vector, Vector]:
        """Three different ones of at least three."""
        draw, n = self.rng.random, len(pool)
        i, j, k = floor(draw() * n), floor(draw() * (n - 1)), floor(draw() * (n - 2))
        if j >= i:
            j += 1
            k += k >= i
            k += k >= j
        else:
            k += k >= j
            k += k >= i
        return pool[i], pool[j], pool[k]

    def _mutant(self, a: Vector, b: Vector, c: Vector) -> Vector:
        factor = self.mutation_factor
        return tuple([x + factor * (y - z) for x, y, z in zip(a, b, c, strict=True)])

    def _random(self) -> _Individual:
        """A legal architecture and a point of its part of the cube."""
        arch, draw = self.space.sample(self.rng), self.rng.random
        point = [(o + draw()) / n for o, n in zip(arch, self.space.options, strict=True)]
        return _Individual(tuple(point), arch)


def population_sizes(sizes: Sequence[Sequence[int]]) -> list[int]:
    """The largest number of trainings at each rung, over brackets that leave out lower rungs."""
    n_rungs = max(map(len, sizes))
    return [
        max(n[rung - n_rungs] for n in sizes if len(n) >= n_rungs - rung) for rung in range(n_rungs)
    ]
