"""Evolution by tournaments, in which age does not kill.

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
    """Mutates the best of a random sample of a population; who dies, if anybody, is an option.

    Members of a sample are different. Of equal members the younger one reproduces and the older one
    dies.

    Presets: ``large_scale``, after Large-scale Evolution (Real et al., 2017): of a pair, the worse
    dies and the better reproduces, among 1,000. ``hierarchical``, after Liu et al. (2018): samples
    of 5 % of a population that starts with 200 and only grows. Both papers start from trivial
    networks; here random architectures come first, which is also what many random mutations of a
    trivial one, as in the second paper, amount to. Children are trained from scratch, although
    those of the first paper inherit what weights they can.

    Args:
        space: What to search.
        fidelities: The last one is used.
        seed: Seed of the search.
        population: Random architectures that come first; as many members remain, unless nobody
            dies.
        sample: Members of a tournament, at least.
        share: Members of a tournament, at least, as a share of the population.
        removal: Who dies. ``"worst"``: the worst of all, when a child joins them; ``"loser"``: the
            worst of the tournament, before the child is trained; ``"none"``: nobody.
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
        self._asked = 0
        self._members: list[tuple[float, int, Arch]] = []  # the best first, the younger of equals

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
        """Different places among ``n``, all choices equally likely."""
        draw = self.rng.random
        size = max(self.sample, ceil(self.share * n)) if self.share else self.sample
        if size >= n:
            return set(range(n))
        places = {int(draw() * n) for _ in range(size)}
        while len(places) < size:
            places.add(int(draw() * n))
        return places
