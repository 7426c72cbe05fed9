"""Base of searches that fit a model, let it choose a batch, and fit it again."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from algorithms.models.candidates import unseen
from algorithms.models.examples import Examples
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class BatchSearch(Algorithm):
    """Base of searches that choose architectures by a model of all results so far.

    The first ``initial`` architectures are random, and so are others until as many results are in.
    Then a model is fitted to all results and chooses ``batch`` architectures; when they are all
    started, it is fitted again to what has ended by then. No architecture is proposed twice. The
    search ends when no other is left, or when none can be found in a space too large to be listed.

    Where nothing can be learned, since no two finite losses differ, and where a model cannot be
    fitted or finds no candidate, one random architecture takes the place of a batch, and
    ``fallbacks`` counts it.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first model.
        batch: Number of architectures that a model chooses.

    Attributes:
        examples: What was told so far.
        seen: What was chosen so far.
        unguided: Those of them that no model chose, although there were results to learn from;
            ``fallbacks`` counts them when they are proposed.
        array_rng: Source of random arrays, made from the seed.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int,
        batch: int,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, value in (("initial", initial), ("batch", batch)):
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        self.initial = initial
        self.batch = batch
        self.random_trials = initial
        self.examples = Examples()
        self.seen: dict[Arch, None] = {}
        self.unguided: set[Arch] = set()
        self.array_rng = np.random.default_rng(int(self.rng.random() * 2**53))
        self._queue: list[Arch] = []  # next one last

    @abstractmethod
    def choose(self, n: int) -> Sequence[Arch]:
        """Return up to ``n`` different architectures to train next, the most promising first.

        Called once at least ``initial`` results are in, and two finite losses differ. None of
        ``seen`` may be returned.

        Returns:
            The architectures; none if no model could be fitted, or if it found nothing to propose.
        """

    def ask(self) -> Proposal | None:
        if not self._queue:
            self._queue = list(self._next())[::-1]
            self.seen.update(dict.fromkeys(self._queue))
        if not self._queue:
            return None
        arch = self._queue.pop()
        self.fallbacks += arch in self.unguided
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        self.examples.add(observation)

    def _next(self) -> Sequence[Arch]:
        begun = len(self.examples) >= self.initial
        learnable = begun and self.examples.targets() is not None
        if learnable and (chosen := self.choose(self.batch)):
            return chosen
        drawn = unseen(self.space, 1, self.rng, self.seen)
        if begun:
            self.unguided.update(drawn)
        return drawn
