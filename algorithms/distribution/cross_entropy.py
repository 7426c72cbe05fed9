"""Cross-entropy method and population-based incremental learning (PBIL).

Rubinstein (1999), "The cross-entropy method for combinatorial and continuous optimization",
https://doi.org/10.1023/A:1010091220143; Baluja (1994), "Population-based incremental learning",
CMU-CS-94-163.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.parts.choices import IndependentChoices
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class CrossEntropy(Algorithm):
    """Cross-entropy method with independent decisions, or PBIL (Rubinstein, 1999; Baluja, 1994).

    This is the plain baseline for methods that learn a distribution. After each batch the
    probability of every option moves towards its frequency among the best architectures of the
    batch, the elite. With several workers a batch is the next ``samples`` results, whichever
    distribution they were drawn from.

    Preset ``pbil`` is after Baluja (1994): an elite of one, a larger step where best and worst
    differ, and random shifts of the probabilities. Preset ``de_boer`` is after de Boer et al.
    (2005, https://doi.org/10.1007/s10479-005-5724-z): an elite of one tenth and smoothed updates.
    We tuned the defaults for a few hundred trials.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        samples: Trials per batch.
        elite: Trials of a batch to learn from; diverged ones are left out.
        learning_rate: Step towards the frequencies of the elite, in (0, 1].
        negative_learning_rate: Added to the step, up to 1 in total, for decisions in which the best
            and the worst trial of the batch differ.
        mutation_probability: Probability that a decision's distribution is shifted after a batch.
        mutation_shift: Step of such a shift towards one random option, in [0, 1].
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pbil": {
            "samples": 100,
            "elite": 1,
            "learning_rate": 0.1,
            "negative_learning_rate": 0.075,
            "mutation_probability": 0.02,
            "mutation_shift": 0.05,
        },
        "de_boer": {
            "samples": 100,
            "elite": 10,
            "learning_rate": 0.7,
            "mutation_probability": 0.0,
            "mutation_shift": 0.0,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        samples: int = 20,
        elite: int = 2,
        learning_rate: float = 0.2,
        negative_learning_rate: float = 0.0,
        mutation_probability: float = 0.1,
        mutation_shift: float = 0.1,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if samples < 1:
            raise InvalidArgumentError(f"samples = {samples} must be at least 1")
        if not 1 <= elite <= samples:
            raise InvalidArgumentError(f"elite = {elite} must be in 1..samples = {samples}")
        if not 0 < learning_rate <= 1:
            raise InvalidArgumentError(f"learning_rate = {learning_rate} must be in (0, 1]")
        for name, value in (
            ("negative_learning_rate", negative_learning_rate),
            ("mutation_probability", mutation_probability),
            ("mutation_shift", mutation_shift),
        ):
            if not 0 <= value <= 1:
                raise InvalidArgumentError(f"{name} = {value} must be in [0, 1]")
        self.samples = samples
        self.elite = elite
        self.learning_rate = learning_rate
        self.negative_learning_rate = negative_learning_rate
        self.mutation_probability = mutation_probability
        self.mutation_shift = mutation_shift
        self.random_trials = samples
        self._choices = IndependentChoices(space)
        self._batch: list[tuple[float, int, Arch]] = []

    def ask(self) -> Proposal:
        return Proposal(self._choices.sample(self.rng))

    def tell(self, observation: Observation) -> None:
        self._batch.append((observation.losses[0], observation.trial, observation.proposal.arch))
        if len(self._batch) == self.samples:
            self._learn(sorted(self._batch))
            self._mutate()
            self._batch = []

    def _learn(self, ranked: list[tuple[float, int, Arch]]) -> None:
        elite = [arch for loss, _, arch in ranked[: self.elite] if loss < float("inf")]
        if not elite:
            return
        best, worst = ranked[0][2], ranked[-1][2]
        for position, probabilities in enumerate(self._choices.weights):
            rate = self.learning_rate
            if best[position] != worst[position]:
                rate = min(rate + self.negative_learning_rate, 1.0)
            moved = [(1 - rate) * p for p in probabilities]
            for arch in elite:
                moved[arch[position]] += rate / len(elite)
            self._choices.weights[position] = moved

    def _mutate(self) -> None:
        draw, shift = self.rng.random, self.mutation_shift
        if not self.mutation_probability or not shift:
            return
        for position, probabilities in enumerate(self._choices.weights):
            if draw() < self.mutation_probability:
                moved = [(1 - shift) * p for p in probabilities]
                moved[int(draw() * len(moved))] += shift
                self._choices.weights[position] = moved
