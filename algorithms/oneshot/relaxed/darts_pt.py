"""DARTS-PT: what is kept is what the trained mixture misses most."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least, finite
from algorithms.oneshot.weights import WeightOptimizer
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch


class DARTSPT(BilevelSearch):
    """Trains a DARTS supernet, then fixes decisions by the effect of dropping options.

    Wang, Cheng, Chen, Tang and Hsieh (2021), https://arxiv.org/abs/2108.04392
    (``ruocwang/darts-pt``). In random order, every decision keeps the option without which the
    accuracy on the validation half, as augmented, is lowest; then weights and the parameters of
    open decisions are tuned for some epochs.

    Preset ``nb201`` has the settings of the authors' code for NAS-Bench-201.

    Args:
        space: The space to search.
        tuning: Epochs of tuning after each decision.
        tuning_rate: Share of the first learning rate in them.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 100, "decay": 3e-4, "clip": 5.0}
    }

    def __init__(
        self, space: Any, *, tuning: int = 5, tuning_rate: float = 0.1, **shared: Any
    ) -> None:
        super().__init__(space, **shared)
        at_least(0, tuning=tuning, tuning_rate=tuning_rate)
        self.tuning = tuning
        self.tuning_rate = tuning_rate

    def ranking(self) -> Iterable[Arch]:
        active = torch.ones(self.net.shape, dtype=torch.bool, device=self.alphas.device)
        left = list(range(self.net.shape[0]))
        rate, done = self.tuning_rate * self.rate, self.epochs
        self.optimizer = WeightOptimizer(
            self.net,
            rate=rate,
            last_rate=rate,
            epochs=1,
            momentum=self.momentum,
            decay=self.decay,
            clip=self.clip,
        )
        while left:
            decision = left.pop(int(self.rng.random() * len(left)))
            kept = self.missed_most(active, decision)
            active[decision] = False
            active[decision, kept] = True
            if left:
                self.tune(active, range(done, done + self.tuning))
                done += self.tuning
        return [tuple(int(row.nonzero()[0]) for row in active)]

    @torch.no_grad()
    def missed_most(self, active: Tensor, decision: int) -> int:
        """Return the option of a decision whose dropping hurts most."""
        batches, accuracies = list(self.net.valid_batches(self.epochs)), []
        for option in range(self.net.shape[1]):
            others = active.clone()
            others[decision, option] = False
            answers = [self._mixed(batch, others) for batch in batches]
            for answer in answers:
                finite(answer)
            accuracies.append(math.fsum(answer.accuracy for answer in answers))
        return min(range(len(accuracies)), key=lambda option: accuracies[option])

    def tune(self, active: Tensor, epochs: Iterable[int]) -> None:
        """Train what is left, with examples in the order of some epochs."""
        for epoch in epochs:
            for train, valid in zip(
                self.net.train_batches(epoch), self.net.valid_batches(epoch), strict=True
            ):
                self.descend(finite(self._mixed(valid, active)))
                self.optimizer.step(self._mixed(train, active))

    def _mixed(self, batch: Batch, active: Tensor) -> Answer:
        """What is left makes of a batch; what a decision keeps has a gate of 1."""
        decided = active.sum(dim=1, keepdim=True) == 1
        weighed = torch.where(decided, active.to(self.alphas), self.weighed() * active)
        return self.net.answer(batch, weighed, active=active)
