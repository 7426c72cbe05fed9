"""Weights on one half of the examples, gates on the other: what most methods with gates share."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import at_least, check_finite, finite
from algorithms.oneshot.weight_search import WeightSearch
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch


class BilevelSearch(WeightSearch):
    """Every step moves architecture parameters, then weights.

    The option with the largest parameter of every decision is proposed. A subclass says in
    :meth:`answer` what the supernet computes, or how it learns.

    Args:
        space: The space to search.
        gate_rate: Learning rate of the architecture parameters, by Adam.
        gate_decay: Their weight decay.
        first_epoch: Epoch in which they begin to learn, from 0; of every run, where a method has
            several.
    """

    spread: float = 1e-3
    """Standard deviation of the first architecture parameters."""
    mean: float = 0.0
    """Their mean."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Of Adam for the architecture parameters."""

    def __init__(
        self,
        space: Any,
        *,
        gate_rate: float = 3e-4,
        gate_decay: float = 1e-3,
        first_epoch: int = 0,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(0, gate_rate=gate_rate, gate_decay=gate_decay, first_epoch=first_epoch)
        self.gate_rate = gate_rate
        self.gate_decay = gate_decay
        self.first_epoch = first_epoch

    def start(self) -> None:
        self.alphas = gates.parameters(self.net, spread=self.spread, mean=self.mean)
        self.others = self.other_parameters()
        self.adam = gates.adam(
            self.learned(), rate=self.gate_rate, betas=self.betas, decay=self.gate_decay
        )
        super().start()
        self.keep(alphas=self.alphas, adam=self.adam)
        self.keep(**{f"other {i}": other for i, other in enumerate(self.others)})

    def other_parameters(self) -> list[Tensor]:
        """Make architecture parameters beside those of the options."""
        return []

    def learned(self) -> list[Tensor]:
        """Architecture parameters that Adam moves."""
        return [self.alphas, *self.others]

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        self.begin(epoch)
        losses = []
        for train, valid in zip(
            self.net.train_batches(epoch), self.net.valid_batches(epoch), strict=True
        ):
            judged = None
            if epoch % self.epochs >= self.first_epoch:
                judged = self.learn_gates(train, valid)
                check_finite(self.learned())
            trained = self.learn_weights(train)
            losses.append([trained.loss.item(), *_numbers(judged)])
        train_loss, valid_loss, accuracy = torch.tensor(losses).nanmean(dim=0).tolist()
        return {
            "train_loss": train_loss,
            "valid_loss": valid_loss,
            "valid_accuracy": accuracy,
            "gates": self.weighed().detach().double().cpu().numpy(),
        }

    def begin(self, epoch: int) -> None:
        """Prepare an epoch: temperatures and other things that change with time."""

    def weighed(self) -> Tensor:
        """Weights of the options, of the shape of the supernet."""
        return self.alphas.softmax(dim=1)

    def answer(self, batch: Batch) -> Answer:
        """What the supernet makes of a batch."""
        return self.net.answer(batch, self.weighed())

    def learn_weights(self, train: Batch) -> Answer:
        """Move the weights."""
        answer = self.answer(train)
        self.optimizer.step(answer)
        return answer

    def learn_gates(self, train: Batch, valid: Batch) -> Answer | None:
        """Move the architecture parameters; None if they do not move in this step."""
        answer = self.answer(valid)
        self.descend(finite(answer))
        return answer

    def descend(self, loss: Tensor) -> None:
        """Move the architecture parameters along the gradient of a loss."""
        learned = self.learned()
        found = torch.autograd.grad(loss, learned, allow_unused=True)
        for parameter, gradient in zip(learned, found, strict=True):
            parameter.grad = gradient
        self.adam.step()

    def ranking(self) -> Iterable[Arch]:
        return [gates.best(self.weighed())]


def _numbers(answer: Answer | None) -> tuple[float, float]:
    if answer is None:
        return float("nan"), float("nan")
    return answer.loss.item(), answer.accuracy
