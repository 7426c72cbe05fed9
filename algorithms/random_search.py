"""Random search, the baseline of every comparison (Li and Talwalkar, 2019, https://arxiv.org/abs/1902.07638)."""

from collections.abc import Sequence
from itertools import islice

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.space import Arch, SearchSpace

_DRAWS = 1000


class RandomSearch(Algorithm):
    """Draws architectures uniformly from the legal tuples of the space.

    Args:
        space: What to search.
        fidelities: The last one is used.
        seed: Seed of the search.
        replacement: False: no class of identical networks is drawn twice; the search ends when a
            thousand draws in a row give nothing new.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        replacement: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.replacement = replacement
        self._samples = space.samples(self.rng)
        self._drawn: set[Arch] = set()

    def ask(self) -> Proposal | None:
        if self.replacement:
            return Proposal(next(self._samples))
        for arch in islice(self._samples, _DRAWS):
            key = self.space.canonical(arch)
            if key not in self._drawn:
                self._drawn.add(key)
                return Proposal(arch)
        return None

    def tell(self, observation: Observation) -> None:
        """Random search does not learn."""
