"""Random search, the baseline of every comparison (Li and Talwalkar, 2019, https://arxiv.org/abs/1902.07638)."""

from collections.abc import Sequence
from itertools import islice

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.space import Arch, SearchSpace

_DRAWS = 1000


class RandomSearch(Algorithm):
    """Random search: samples legal architectures uniformly at random (Li and Talwalkar, 2019).

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        replacement: If False, no two sampled architectures are the same trainable network
            (``space.canonical``), and the search ends when 1,000 draws in a row yield nothing new.
    """

    multi_objective = True

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
        """Do nothing: random search does not learn."""
