"""DEHB, differential evolution with Hyperband (Awad et al., 2021, https://arxiv.org/abs/2105.09821)."""

from collections.abc import Mapping, Sequence
from math import floor, inf, nextafter
from operator import mul
from typing import Any, ClassVar, NamedTuple, TypeAlias

from algorithms.parts.rungs import Bracket, Brackets, Result, brackets, rungs
from algorithms.parts.running import Running
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

Vector: TypeAlias = tuple[float, ...]

_SINGLE_RUNG_SIZE = 20
_TRIES = 100
_STARTS = ("uniform", "edge")


class _Individual(NamedTuple):
    """A point in the unit cube and the legal architecture that it decodes to."""

    vector: Vector
    arch: Arch


class _Member(NamedTuple):
    """A member of a population; ``trial`` is -1 until it is trained."""

    loss: float
    trial: int
    individual: _Individual


class _Slot(NamedTuple):
    """The member that a running training may replace."""

    bracket: Bracket
    rung: int
    place: int
    individual: _Individual


class DEHB(Algorithm):
    """DEHB: Hyperband with a differential-evolution population at every rung (Awad et al., 2021).

    An architecture is a point in the unit cube, where the options of a decision divide its
    coordinate into equal parts. The population of a rung is as large as the largest number of
    architectures that a bracket trains there. During the first cycle of brackets, the lowest rung
    of a bracket trains the random members that had no turn yet, then offspring, and each rung above
    trains the best members of the population below that it does not have yet, as far as trainings
    there did not diverge. From then on every rung trains offspring, whatever diverged: the mutant
    ``a + factor * (b - c)`` of three of the best members of the population below, crossed with the
    next member in turn, which it replaces unless it is worse. A parent pool of one or two is filled
    up to four with mutants from all populations; if removing the target leaves fewer than three,
    random points fill it up to three.

    Defaults as in automl/DEHB for a function of the cube, preset ``configspace`` as there for a
    ConfigSpace. With a single fidelity this is differential evolution with 20 members.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending. Rungs are those nearest to the last one divided by
            powers of ``eta``.
        seed: Seed of the search.
        resumable: Whether a training can continue another; False where each fidelity of a benchmark
            is a separate training.
        eta: Ratio of neighbouring rungs, in epochs and in number of trainings.
        mutation_factor: Factor on the difference of two members that is added to a third, in (0,
            2].
        crossover: Probability that a coordinate comes from the mutant; at least one does.
        resume: Whether a promoted architecture continues its training where possible; if False, it
            trains from scratch.
        start: Random points within the part of their option: ``"uniform"`` or its lower ``"edge"``.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"configspace": {"start": "edge"}}

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
        start: str = "uniform",
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        epochs = rungs(self.fidelities, eta)
        if not 0 < mutation_factor <= 2:
            raise InvalidArgumentError(f"mutation_factor = {mutation_factor} must be in (0, 2]")
        if not 0 <= crossover <= 1:
            raise InvalidArgumentError(f"crossover = {crossover} must be in [0, 1]")
        if start not in _STARTS:
            raise InvalidArgumentError(f"start = {start!r}{one_of(start, _STARTS)}")
        self.resumable = resumable
        self.eta = eta
        self.mutation_factor = mutation_factor
        self.crossover = crossover
        self.resume = resume
        self.start = start
        self._continues = resume and resumable
        self._epochs = epochs
        sizes = (
            brackets(len(epochs), eta, "hpbandster") if len(epochs) > 1 else ((_SINGLE_RUNG_SIZE,),)
        )
        self.random_trials = _SINGLE_RUNG_SIZE if len(epochs) == 1 else 0
        self._first_cycle = len(sizes)
        self._brackets = Brackets(sizes, epochs, refill_from=self._first_cycle)
        self._populations = [
            [_Member(inf, -1, self._random()) for _ in range(n)] for n in population_sizes(sizes)
        ]
        self._rankings: list[list[Vector] | None] = [None] * len(epochs)
        self._all: list[Vector] | None = None
        self._turns = [0] * len(epochs)
        self._climbers: list[list[_Member]] = [[] for _ in epochs]
        self._resumed: set[int] = set()
        self._running: Running[_Slot] = Running()

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
        self._running.add(proposal, _Slot(bracket, rung, place, individual))
        return proposal

    def tell(self, observation: Observation) -> None:
        loss, trial = observation.losses[0], observation.trial
        bracket, rung, place, individual = self._running.take(observation.proposal)
        self._brackets.record(bracket, Result(loss, trial, individual.arch))
        if loss <= self._populations[rung][place].loss:
            self._populations[rung][place] = _Member(loss, trial, individual)
            self._rankings[rung] = self._all = None

    def _climb(self, bracket: Bracket, rung: int) -> tuple[_Individual, int | None]:
        """The next member to promote from the population below, and the trial to resume, if any."""
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
        """A legal crossover of ``target`` with the mutant of three members."""
        parents = self._ranked(rung - 1 if bracket.rung else rung)[: bracket.sizes[bracket.rung]]
        if len(parents) < 3:
            others = self._others(self._all_vectors(), target)
            parents += [
                self._mutant(*self._three_distinct(others)) for _ in range(4 - len(parents))
            ]
        parents = self._others(parents, target)
        options = self.space.options
        for _ in range(_TRIES):
            vector = self._cross(target, *self._three_distinct(parents))
            arch = tuple(map(floor, map(mul, vector, options)))
            if self.space.is_legal(arch):
                return _Individual(vector, arch)
        return self._random()

    def _others(self, pool: list[Vector], target: Vector) -> list[Vector]:
        """The pool without the target, filled with random points up to three."""
        others = [vector for vector in pool if vector is not target]
        while len(others) < 3:
            if self.start == "edge":
                others.append(self._random().vector)
            else:
                others.append(tuple([self.rng.random() for _ in target]))
        return others

    def _cross(self, target: Vector, a: Vector, b: Vector, c: Vector) -> Vector:
        """``target`` with some coordinates of the mutant; those outside [0, 1) are redrawn."""
        draw, factor, rate = self.rng.random, self.mutation_factor, self.crossover
        taken = [i for i in range(len(target)) if draw() < rate]
        vector = list(target)
        for i in taken or [floor(draw() * len(target))]:
            x = a[i] + factor * (b[i] - c[i])
            vector[i] = x if 0 <= x < 1 else draw()
        return tuple(vector)

    def _ranked(self, rung: int) -> list[Vector]:
        """Vectors of a population, best first."""
        ranking = self._rankings[rung]
        if ranking is None:
            ranking = [m.individual.vector for m in sorted(self._populations[rung])]
            self._rankings[rung] = ranking
        return ranking

    def _all_vectors(self) -> list[Vector]:
        """Vectors of all populations, one population after the other."""
        if self._all is None:
            self._all = [m.individual.vector for members in self._populations for m in members]
        return self._all

    def _three_distinct(self, pool: list[Vector]) -> tuple[Vector, Vector, Vector]:
        """Three distinct vectors of a pool of at least three."""
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
        """A random legal architecture and a random point that decodes to it."""
        arch, draw, options = self.space.sample(self.rng), self.rng.random, self.space.options
        if self.start == "edge":
            return _Individual(tuple(map(_lower_edge, arch, options)), arch)
        point = [(o + draw()) / n for o, n in zip(arch, options, strict=True)]
        return _Individual(tuple(point), arch)


def _lower_edge(option: int, n: int) -> float:
    """The least coordinate that decodes to an option of ``n``."""
    edge = option / n
    return edge if floor(edge * n) == option else nextafter(edge, 1.0)


def population_sizes(sizes: Sequence[Sequence[int]]) -> list[int]:
    """Largest number of trainings at each rung over all brackets.

    Args:
        sizes: Trainings at each rung of each bracket; a bracket with fewer rungs lacks the lower
            ones.
    """
    n_rungs = max(map(len, sizes))
    return [
        max(n[rung - n_rungs] for n in sizes if len(n) >= n_rungs - rung) for rung in range(n_rungs)
    ]
