"""Tournament-selection evolution without aging.

Real et al. (2017), https://arxiv.org/abs/1703.01041, and Liu et al. (2018),
https://arxiv.org/abs/1711.00436.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, ClassVar

from algorithms.parts.mutation import mutant
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_REMOVALS = ("worst", "loser", "none")


class TournamentEvolution(Algorithm):
    """Evolution by tournament selection without aging (Real et al., 2017; Liu et al., 2018).

    Each step samples distinct members of the population and trains a mutant of the best of them.
    ``removal`` decides which member the population loses, if any. Among equal members the youngest
    reproduces and the oldest is removed.

    Preset ``large_scale`` is after Large-Scale Evolution (Real et al., 2017): population of 1,000,
    pairwise tournaments, the worse of a pair is removed and the better reproduces. Preset
    ``hierarchical`` is after Liu et al. (2018): tournaments of 5 % of a population that starts at
    200 and never shrinks. Both papers start from trivial networks; the second mutates them many
    times first, which amounts to the random initial population used here. Children train from
    scratch, although in Real et al. (2017) they inherit weights where possible.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        population: Number of random architectures trained first, and population size unless
            ``removal`` is ``"none"``.
        sample: Minimum tournament size.
        share: Minimum tournament size as a share of the current population.
        removal: ``"worst"``: remove the worst member once the child has joined; ``"loser"``: remove
            the worst of the tournament before the child is trained; ``"none"``: remove nothing.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "large_scale": {"population": 1000, "sample": 2, "removal": "loser"},
        "hierarchical": {"population": 200, "sample": 1, "share": 0.05, "removal": "none"},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        population: int = 100,
        sample: int = 10,
        share: float = 0.0,
        removal: str = "worst",
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if population < 1:
            raise InvalidArgumentError(f"population = {population} must be at least 1")
        if not 1 <= sample <= population:
            raise InvalidArgumentError(f"sample = {sample} must be in 1..population = {population}")
        if not 0 <= share <= 1:
            raise InvalidArgumentError(f"share = {share} must be in [0, 1]")
        if removal not in _REMOVALS:
            raise InvalidArgumentError(f"removal = {removal!r}{one_of(removal, _REMOVALS)}")
        if removal == "loser" and max(sample, ceil(share * population)) < 2:
            raise InvalidArgumentError(
                f"removal = 'loser' with sample = {sample} leaves no winner: it needs at least 2"
            )
        self.population = population
        self.sample = sample
        self.share = share
        self.removal = removal
        self.random_trials = population
        self._asked = 0
        self._members: list[tuple[float, int, Arch]] = []  # best first, then youngest

    def ask(self) -> Proposal:
        self._asked += 1
        if self._asked <= self.population or not self._members:
            return Proposal(self.space.sample(self.rng))
        members = self._members
        places = self._tournament(len(members))
        parent = members[min(places)][2]
        if self.removal == "loser" and len(places) > 1:
            del members[max(places)]
        return Proposal(mutant(self.space, parent, self.rng))

    def tell(self, observation: Observation) -> None:
        member = (observation.losses[0], -observation.trial, observation.proposal.arch)
        insort(self._members, member)
        if self.removal == "worst" and len(self._members) > self.population:
            self._members.pop()

    def _tournament(self, n: int) -> set[int]:
        """Distinct positions among ``n`` members, uniformly drawn."""
        draw = self.rng.random
        size = max(self.sample, ceil(self.share * n)) if self.share else self.sample
        if size >= n:
            return set(range(n))
        places = {int(draw() * n) for _ in range(size)}
        while len(places) < size:
            places.add(int(draw() * n))
        return places
