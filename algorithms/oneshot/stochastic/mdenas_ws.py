"""MdeNAS with shared weights: probability moves to options that are better though rarer."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any, ClassVar

import torch

from algorithms.oneshot.one_shot_search import at_least, finite
from algorithms.oneshot.paths.path_search import PathSearch
from algorithms.parts.choices import IndependentChoices, better_though_rarer
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch


class MdeNASWS(PathSearch):
    """Trains paths drawn from independent categorical distributions, a batch each.

    Zheng, Ji, Tang, Zhang, Liu and Tian (2019), https://arxiv.org/abs/1905.07529. A path is judged
    on a batch of the gates' half, as augmented, after its step. Each of its options has been
    trained once more, and has this accuracy. After ``samples`` steps, for every two options of a
    decision, if one was trained less often but is more accurate, ``step`` of probability moves to
    it. The most likely option of every decision is proposed. The same with trainings from a table
    is :class:`algorithms.distribution.mdenas.MdeNAS`.

    The authors published no search; in the paper a path is trained for an epoch, here for a batch.

    Args:
        space: The space to search.
        step: Probability that moves between two options.
        samples: Steps of the weights between two updates.
        first_epoch: Epoch in which the probabilities begin to change, from 0; counts begin there.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(
        self,
        space: Any,
        *,
        step: float = 0.01,
        samples: int = 1,
        first_epoch: int = 0,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        if not 0 < step <= 1:
            raise InvalidArgumentError(f"step = {step} must be in (0, 1]")
        at_least(1, samples=samples)
        at_least(0, first_epoch=first_epoch)
        self.step = step
        self.samples = samples
        self.first_epoch = first_epoch

    def start(self) -> None:
        super().start()
        self.choices = IndependentChoices(self.space)
        self.probabilities = torch.tensor(self.choices.weights, dtype=torch.float64)
        self.counts = torch.zeros(self.net.shape, dtype=torch.int64)
        self.errors = torch.zeros(self.net.shape, dtype=torch.float64)
        self.keep(probabilities=self.probabilities, counts=self.counts, errors=self.errors)

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        self.learning = epoch >= self.first_epoch
        self.choices.weights = self.probabilities.tolist()
        self.judges: Iterator[Batch] = cycle(self.net.valid_batches(epoch))
        row = super().epoch(epoch)
        return {**row, "gates": self.probabilities.numpy().copy()}

    def learn(self, batch: Batch) -> Answer:
        arch = self.choices.sample(self.rng)
        answer = self.net.path(batch, arch)
        self.optimizer.step(answer)
        if self.learning:
            with torch.no_grad():
                judged = self.net.path(next(self.judges), arch)
            finite(judged)
            self.record(arch, 1.0 - judged.accuracy)
        return answer

    def record(self, arch: Arch, error: float) -> None:
        """Take note of a trained path, and move probabilities when it is time."""
        places = torch.arange(len(arch)), torch.tensor(arch)
        self.counts[places] += 1
        self.errors[places] = error
        if int(self.counts[0].sum()) % self.samples == 0:
            rows = zip(
                self.choices.weights, self.counts.tolist(), self.errors.tolist(), strict=True
            )
            self.choices.weights = [better_though_rarer(*row, self.step) for row in rows]
            self.probabilities.copy_(torch.tensor(self.choices.weights, dtype=torch.float64))

    def ranking(self) -> Iterable[Arch]:
        self.choices.weights = self.probabilities.tolist()
        return [self.choices.most_likely()]
