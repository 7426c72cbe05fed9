"""MdeNAS, multinomial distribution learning (Zheng et al., 2019, https://arxiv.org/abs/1905.07529).

The authors published no search code; the update follows the paper and public re-implementations.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

from algorithms.parts.choices import IndependentChoices, better_though_rarer
from algorithms.parts.running import Running
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_VALUES = ("mean", "last")


class MdeNAS(Algorithm):
    """MdeNAS: multinomial distribution learning on brief trainings (Zheng et al., 2019).

    Each decision has its own categorical distribution. Sampled architectures train for a few epochs
    only, on the paper's hypothesis that early and late rankings agree. For every two options of a
    decision, if one was drawn less often but is better, ``learning_rate`` of probability moves to
    it from the other. At intervals the most likely architecture is trained in full.

    In the paper options share weights that keep training, so the value of an option is its latest
    result (preset ``zheng``). Results in a table do not age, so by default the value is the mean. A
    diverged training counts as the worst finite loss so far. Trainings of the most likely
    architecture teach nothing, also where the only fidelity is the last.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending. Sampled architectures train to the lowest one that
            is at least ``share`` of the last; the most likely architecture trains to the last.
        seed: Seed of the search.
        learning_rate: Probability that moves between two options in one update.
        samples: Trials between updates.
        values: Value of an option: ``"mean"`` of its losses, or its ``"last"`` loss.
        share: Training of a sampled architecture as a share of the last fidelity, in (0, 1].
        confirm: Sampled trials between full trainings of the most likely architecture; one that was
            already trained in full is skipped.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "zheng": {"learning_rate": 0.01, "samples": 1, "values": "last"}
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        learning_rate: float = 0.01,
        samples: int = 1,
        values: str = "mean",
        share: float = 0.05,
        confirm: int = 10,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, number in (("learning_rate", learning_rate), ("share", share)):
            if not 0 < number <= 1:
                raise InvalidArgumentError(f"{name} = {number} must be in (0, 1]")
        for name, count in (("samples", samples), ("confirm", confirm)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if values not in _VALUES:
            raise InvalidArgumentError(f"values = {values!r}{one_of(values, _VALUES)}")
        self.learning_rate = learning_rate
        self.samples = samples
        self.values = values
        self.share = share
        self.confirm = confirm
        full = self.fidelities[-1]
        self._short = next(epoch for epoch in self.fidelities if epoch >= share * full)
        self._choices = IndependentChoices(space)
        self._counts = [[0] * n for n in space.options]
        self._values = [[0.0] * n for n in space.options]
        self._sampled = self._told = 0
        self._due = confirm
        self._worst = -inf
        self._running: Running[bool] = Running()
        self._trained_fully: set[Arch] = set()

    def ask(self) -> Proposal:
        if self._sampled == self._due:
            self._due += self.confirm
            likely = self._most_likely()
            if likely not in self._trained_fully:
                return self._proposed(likely, self.fidelities[-1], is_sample=False)
        self._sampled += 1
        return self._proposed(self._choices.sample(self.rng), self._short, is_sample=True)

    def _proposed(self, arch: Arch, epoch: int, *, is_sample: bool) -> Proposal:
        if epoch == self.fidelities[-1]:
            self._trained_fully.add(arch)
        proposal = Proposal(arch, epoch)
        self._running.add(proposal, is_sample)
        return proposal

    def tell(self, observation: Observation) -> None:
        loss = observation.losses[0]
        is_sample = self._running.take(observation.proposal)
        if loss < inf:
            self._worst = max(self._worst, loss)
        elif self._worst == -inf:
            return
        if is_sample:
            self._record(observation.proposal.arch, min(loss, self._worst))
            self._told += 1
            if self._told % self.samples == 0:
                self._shift()

    def _record(self, arch: Arch, loss: float) -> None:
        for counts, values, option in zip(self._counts, self._values, arch, strict=True):
            counts[option] += 1
            step = 1.0 if self.values == "last" else 1.0 / counts[option]
            values[option] += step * (loss - values[option])

    def _shift(self) -> None:
        """Update the probabilities of every pair of options that were both drawn."""
        weights = self._choices.weights
        for position, (counts, values) in enumerate(zip(self._counts, self._values, strict=True)):
            weights[position] = better_though_rarer(
                weights[position], counts, values, self.learning_rate
            )

    def _most_likely(self) -> Arch:
        return self._choices.most_likely()
