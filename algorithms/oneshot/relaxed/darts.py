"""DARTS: gradients of the validation loss in a mixture of all options, first or second order.

Liu, Simonyan and Yang (2019), https://arxiv.org/abs/1806.09055
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import OneShotSearch, at_least, finite
from algorithms.oneshot.weights import WeightOptimizer
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch

FINITE_DIFFERENCE = 1e-2
"""Length of the step in the weights by which a Hessian times a vector is approximated."""


class DARTS(OneShotSearch):
    """All options of a decision, weighted by a softmax of architecture parameters.

    Every step moves the parameters along the gradient of the loss on the validation half, then the
    weights along that of the loss on the other half. Of every decision, the option with the largest
    parameter is proposed. In second order, the gradient goes through one step of the weights, its
    Hessian product approximated by finite differences.

    Presets: ``nb201`` has the settings of NAS-Bench-201 (Dong and Yang, 2020,
    https://openreview.net/forum?id=HJxyZkBKDr), in first order; ``nb201_second`` in second order;
    ``darts`` those of the paper.

    Args:
        space: The space to search.
        order: 1 or 2.
        rate: First learning rate of the weights.
        last_rate: Last one.
        momentum: Nesterov momentum of the weights.
        decay: Weight decay of the weights.
        clip: Largest norm of the gradient of the weights; 0 for no limit.
        gate_rate: Learning rate of the architecture parameters.
        gate_decay: Their weight decay.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 100},
        "nb201_second": {"epochs": 100, "order": 2},
        "darts": {"epochs": 50, "decay": 3e-4, "clip": 5.0},
    }

    def __init__(
        self,
        space: Any,
        *,
        order: int = 1,
        rate: float = 0.025,
        last_rate: float = 0.001,
        momentum: float = 0.9,
        decay: float = 5e-4,
        clip: float = 0.0,
        gate_rate: float = 3e-4,
        gate_decay: float = 1e-3,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        if order not in (1, 2):
            raise InvalidArgumentError(f"order = {order}{one_of(order, (1, 2))}")
        at_least(0, rate=rate, last_rate=last_rate, momentum=momentum, decay=decay, clip=clip)
        at_least(0, gate_rate=gate_rate, gate_decay=gate_decay)
        self.order = order
        self.rate = rate
        self.last_rate = last_rate
        self.momentum = momentum
        self.decay = decay
        self.clip = clip
        self.gate_rate = gate_rate
        self.gate_decay = gate_decay

    def start(self) -> None:
        self.alphas = gates.parameters(self.net)
        self.adam = gates.adam(self.alphas, rate=self.gate_rate, decay=self.gate_decay)
        self.optimizer = WeightOptimizer(
            self.net,
            rate=self.rate,
            last_rate=self.last_rate,
            epochs=self.epochs,
            momentum=self.momentum,
            decay=self.decay,
            clip=self.clip,
        )
        self.keep(alphas=self.alphas, adam=self.adam, optimizer=self.optimizer)

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        losses = []
        for train, valid in zip(
            self.net.train_batches(epoch), self.net.valid_batches(epoch), strict=True
        ):
            judged = self.learn_gates(train, valid)
            trained = self.learn_weights(train)
            losses.append((trained.loss.item(), judged.loss.item(), judged.accuracy))
        train_loss, valid_loss, accuracy = torch.tensor(losses).mean(dim=0).tolist()
        return {
            "train_loss": train_loss,
            "valid_loss": valid_loss,
            "valid_accuracy": accuracy,
            "gates": self.weighed().detach().double().cpu().numpy(),
        }

    def weighed(self) -> Tensor:
        """Gates of the mixture."""
        return self.alphas.softmax(dim=1)

    def answer(self, batch: Batch) -> Answer:
        """What the mixture makes of a batch."""
        return self.net.answer(batch, self.weighed())

    def learn_weights(self, train: Batch) -> Answer:
        """Move the weights."""
        answer = self.answer(train)
        self.optimizer.step(answer)
        return answer

    def learn_gates(self, train: Batch, valid: Batch) -> Answer:
        """Move the architecture parameters."""
        if self.order == 1:
            answer = self.answer(valid)
            (self.alphas.grad,) = torch.autograd.grad(finite(answer), [self.alphas])
        else:
            answer, self.alphas.grad = self.second_order(train, valid)
        self.adam.step()
        return answer

    def second_order(self, train: Batch, valid: Batch) -> tuple[Answer, Tensor]:
        """Return the answer after one step of the weights, and its gradient (equations 6 to 8).

        The weights are the same afterwards.
        """
        weights = list(self.net.weights())
        rate, momentum = self.optimizer.rate, self.optimizer.momentum
        before = [weight.detach().clone() for weight in weights]
        gradients = _gradients(finite(self.answer(train)), weights)
        velocities = [self.optimizer.velocity(weight) for weight in weights]
        with torch.no_grad():
            for weight, g, velocity in zip(weights, gradients, velocities, strict=True):
                weight -= rate * (momentum * velocity + g + self.optimizer.decay * weight)
        answer = self.answer(valid)
        direct, *vector = torch.autograd.grad(
            finite(answer), [self.alphas, *weights], allow_unused=True
        )
        vector = [
            torch.zeros_like(w) if v is None else v for v, w in zip(vector, weights, strict=True)
        ]
        length = math.sqrt(math.fsum(v.square().sum().item() for v in vector))
        epsilon = FINITE_DIFFERENCE / max(length, 1e-12)
        sides = []
        for sign in (1.0, -1.0):
            _place(weights, before, vector, sign * epsilon)
            (side,) = torch.autograd.grad(finite(self.answer(train)), [self.alphas])
            sides.append(side)
        _place(weights, before, vector, 0.0)
        return answer, direct - rate * (sides[0] - sides[1]) / (2 * epsilon)

    def ranking(self) -> Iterable[Arch]:
        return [gates.best(self.alphas)]


def _gradients(loss: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)]


def _place(
    weights: Sequence[Tensor], at: Sequence[Tensor], vector: Sequence[Tensor], factor: float
) -> None:
    with torch.no_grad():
        for weight, value, direction in zip(weights, at, vector, strict=True):
            weight.copy_(value + factor * direction)
