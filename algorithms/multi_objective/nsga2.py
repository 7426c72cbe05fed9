"""NSGA-II (Deb et al., 2002, https://doi.org/10.1109/4235.996017), as NSGA-Net uses it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from algorithms.parts.mutation import mutant
from algorithms.parts.pareto import Losses, comparable, crowding, dominates, fronts
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_TRIES = 64
_CUTS = 16


class NSGA2(Algorithm):
    """NSGA-II: non-dominated sorting genetic algorithm (Deb et al., 2002), as in NSGA-Net.

    The initial population is random. Parents win binary tournaments: a member that dominates the
    other wins, otherwise the one with the larger crowding distance. Two parents yield two children
    by two-point crossover and mutation. Once ``offspring`` children are told, the best of
    population and children survive: front by front, and within the last front that fits only
    partly, those with the largest crowding distances. A diverged training is worse than every
    finite one.

    Children are bred on demand from the current population, so workers never wait. A child told
    after its generation was complete counts in the next one; with one worker this does not happen.
    An architecture that was proposed before is mutated until it is new; after 64 failed mutations
    it is trained again.

    Crossovers and mutants that leave the space are drawn again; after 16 crossovers the children
    are copies of the parents, after 64 mutants the child stays unmutated. With one objective this
    is an elitist genetic algorithm.

    Population size, number of offspring, tournament and two-point crossover are those of NSGA-Net
    (Lu et al., 2019, https://arxiv.org/abs/1810.03522); the probabilities are after it. Preset
    ``nsga_net`` also has its mutation (ianwhale/nsga-net, ``search/nsganet.py``), which prefers
    options with nearby numbers; by default all options are equally likely. Its exploitation phase,
    which samples from a Bayesian network over the phases of its own space, is left out.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        population: Population size.
        offspring: Children per generation.
        crossover: Probability that two parents are crossed.
        mutation: Expected number of decisions that a mutation changes, or with ``eta`` tries to
            change; all are equally likely.
        eta: Distribution index of the polynomial mutation of option numbers (Deb and Goyal, 1996),
            which is the nearer to the old option the higher it is and may return it; None: any
            other option.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nsga_net": {"eta": 3.0}}

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        population: int = 40,
        offspring: int = 40,
        crossover: float = 0.9,
        mutation: float = 1.0,
        eta: float | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if population < 2:
            raise InvalidArgumentError(f"population = {population} must be at least 2")
        if offspring < 1:
            raise InvalidArgumentError(f"offspring = {offspring} must be at least 1")
        if not 0 <= crossover <= 1:
            raise InvalidArgumentError(f"crossover = {crossover} must be in [0, 1]")
        if not 0 <= mutation < math.inf:
            raise InvalidArgumentError(f"mutation = {mutation} must be finite, not negative")
        if eta is not None and (type(eta) not in (int, float) or not 0 <= eta < math.inf):
            raise InvalidArgumentError(f"eta = {eta!r} must be finite, not negative, or None")
        self.population = population
        self.offspring = offspring
        self.crossover = crossover
        self.mutation = mutation
        self.eta = eta
        self._rate = mutation / len(space.options)
        self._members: list[_Member] = []
        self._told: list[_Member] = []
        self._children: list[Arch] = []
        self._proposed: set[Arch] = set()

    def ask(self) -> Proposal:
        if self._members and not self._children:
            self._children = self._bred()
        arch = self._children.pop() if self._children else self.space.sample(self.rng)
        for _ in range(_TRIES):
            if arch not in self._proposed:
                break
            arch = mutant(self.space, arch, self.rng)
        self._proposed.add(arch)
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        losses = comparable(observation.losses)
        self._told.append(_Member(observation.proposal.arch, losses, 0.0))
        if len(self._told) == (self.offspring if self._members else self.population):
            self._members = self._survivors()
            self._told, self._children = [], []

    def _survivors(self) -> list["_Member"]:
        """The best of population and children; ties are broken at random."""
        draw = self.rng.random
        pool = self._members + self._told
        survivors: list[_Member] = []
        for places in fronts([member.losses for member in pool]):
            front = [pool[place] for place in places]
            distances = crowding([member.losses for member in front])
            front = [
                _Member(arch, losses, distance)
                for (arch, losses, _), distance in zip(front, distances, strict=True)
            ]
            room = self.population - len(survivors)
            if len(front) >= room:
                front.sort(key=lambda member: (-member.crowding, draw()))
                return survivors + front[:room]
            survivors += front
        return survivors

    def _bred(self) -> list[Arch]:
        """Two children of two parents."""
        a, b = self._parent(), self._parent()
        if self.rng.random() < self.crossover:
            a, b = self._crossed(a, b)
        return [self._mutated(a), self._mutated(b)]

    def _parent(self) -> Arch:
        """The winner of a tournament of two distinct members; ties go to the first drawn."""
        draw, members = self.rng.random, self._members
        i, j = int(draw() * len(members)), int(draw() * (len(members) - 1))
        a, b = members[i], members[j + (j >= i)]
        if dominates(b.losses, a.losses):
            return b.arch
        if b.crowding > a.crowding and not dominates(a.losses, b.losses):
            return b.arch
        return a.arch

    def _crossed(self, a: Arch, b: Arch) -> tuple[Arch, Arch]:
        """Both parents with the segment between two cuts exchanged; unchanged if never legal."""
        draw, is_legal, n = self.rng.random, self.space.is_legal, len(a)
        for _ in range(_CUTS):
            i, j = 1 + int(draw() * (n - 1)), 1 + int(draw() * (n - 2))
            i, j = (j, i) if j < i else (i, j + 1)
            first, second = a[:i] + b[i:j] + a[j:], b[:i] + a[i:j] + b[j:]
            if is_legal(first) and is_legal(second):
                return first, second
        return a, b

    def _mutated(self, arch: Arch) -> Arch:
        """A legal mutant in which each decision changes with the same probability."""
        draw, rate, options = self.rng.random, self._rate, self.space.options
        for _ in range(_TRIES):
            changed = arch
            for i, n in enumerate(options):
                if draw() < rate and n > 1:
                    changed = (*changed[:i], self._option(arch[i], n), *changed[i + 1 :])
            if self.space.is_legal(changed):
                return changed
        return arch

    def _option(self, old: int, n: int) -> int:
        """One of ``n`` options to replace ``old``."""
        if self.eta is not None:
            return _polynomial(old, n, self.eta, self.rng.random())
        option = int(self.rng.random() * (n - 1))
        return option + (option >= old)


class _Member(NamedTuple):
    """A finished trial and its crowding distance within its front."""

    arch: Arch
    losses: Losses
    crowding: float


def _polynomial(option: int, n: int, eta: float, uniform: float) -> int:
    """Polynomial mutation of a number in [-0.5, ``n`` - 0.5], rounded."""
    power = eta + 1
    below = (option + 0.5) / n
    if uniform <= 0.5:
        step = (2 * uniform + (1 - 2 * uniform) * (1 - below) ** power) ** (1 / power) - 1
    else:
        step = 1 - (2 - 2 * uniform + (2 * uniform - 1) * below**power) ** (1 / power)
    return min(max(math.floor(float(option + step * n) + 0.5), 0), n - 1)
