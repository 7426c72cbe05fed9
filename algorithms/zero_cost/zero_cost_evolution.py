"""Evolution that moves by zero-cost scores (Abdelfattah et al., 2021, https://arxiv.org/abs/2101.08134)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.models.candidates import pool as draw_pool
from algorithms.models.scores import Scores
from algorithms.parts.aging_population import AgingPopulation
from algorithms.parts.mutation import mutant
from nasbench.algorithm import Algorithm, Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class ZeroCostEvolution(Algorithm):
    """Ageing evolution with the start and the moves of zero-cost scores (Abdelfattah et al., 2021).

    ``pool`` random architectures are scored, and the best ``population`` of them are trained first,
    best first. Then each step draws some members of the population, takes the one with the lowest
    loss, scores its neighbours, and trains the best of those; with probability ``random_move`` a
    random one, unscored. The child replaces the oldest member. The clock charges the recorded
    seconds of every score, once an architecture.

    By default a neighbour that was proposed before is passed over; when all were, a random one is
    trained again. Preset ``abdelfattah`` has the settings of the zero-cost move in
    SamsungLabs/zero-cost-nas (``nas_examples.ipynb``), which starts from random architectures,
    here the best scored first. Nothing is passed over, so that a member that wins again leads to
    the same child again.

    Scores are the numbers of ``known``: of each, more is better unless ``lower_is_better`` says
    otherwise. A score that is not defined (NaN) ranks behind all others.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        population: Population size.
        sample: Tournament size, drawn without replacement.
        pool: Number of random architectures that are scored; all of a smaller space.
        random_move: Probability that a child is a random neighbour.
        repeats: Whether to train the best neighbour again if it was proposed before.
        rank: ``"first"``: by the first score. ``"vote"``: by the mean rank over all scores.
        lower_is_better: Places of the scores, from 0, of which less is better, as of parameters.
        known: Scores of an architecture; needed.

    Raises:
        InvalidArgumentError: There are no scores, or a hyperparameter has an impossible value.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "abdelfattah": {
            "population": 64,
            "sample": 10,
            "pool": 64,
            "random_move": 0.25,
            "repeats": True,
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        population: int = 64,
        sample: int = 10,
        pool: int = 3000,
        random_move: float = 0.25,
        repeats: bool = False,
        rank: str = "first",
        lower_is_better: Sequence[int] | None = None,
        known: Known | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if not 1 <= population <= pool:
            raise InvalidArgumentError(f"population = {population} must be in 1..pool = {pool}")
        if not 1 <= sample <= population:
            raise InvalidArgumentError(f"sample = {sample} must be in 1..population = {population}")
        if not 0 <= random_move <= 1:
            raise InvalidArgumentError(f"random_move = {random_move} must be in [0, 1]")
        self.population = population
        self.sample = sample
        self.pool = pool
        self.random_move = random_move
        self.repeats = repeats
        self.rank = rank
        self.lower_is_better = lower_is_better
        self._scores = Scores(known, lower_is_better, rank)
        self._population = AgingPopulation(population, sample, replacement=False)
        self._queue: list[Arch] | None = None  # next one last
        self._seen: set[Arch] = set()

    def ask(self) -> Proposal:
        arch = self._next()
        self._seen.add(arch)
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        self._population.add(observation)

    def _next(self) -> Arch:
        if self._queue is None:
            found = draw_pool(self.space, self.pool, self.rng, ())
            self._queue = self._scores.ordered(found, self.rng)[: self.population][::-1]
        if self._queue:
            return self._queue.pop()
        if not self._population.members:
            return self.space.sample(self.rng)
        return self._child(self._population.winner(self.rng))

    def _child(self, parent: Arch) -> Arch:
        """A random neighbour, or the best one."""
        is_random = self.rng.random() < self.random_move
        near = [a for a in self.space.neighbors(parent) if self.repeats or a not in self._seen]
        if not near:
            return mutant(self.space, parent, self.rng)
        if is_random:
            return near[int(self.rng.random() * len(near))]
        return self._scores.ordered(near, self.rng)[0]
