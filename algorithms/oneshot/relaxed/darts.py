"""DARTS: a mixture of all options, whose gates follow the gradient of the validation loss."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import finite
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.supernet import Answer, Batch

FINITE_DIFFERENCE = 1e-2
"""Length of the step in the weights by which a Hessian times a vector is approximated."""


class DARTS(BilevelSearch):
    """All options of a decision, weighted by a softmax of architecture parameters.

    Liu, Simonyan and Yang (2019), https://arxiv.org/abs/1806.09055. In second order, the gradient
    of the architecture parameters goes through one step of the weights, its Hessian product
    approximated by finite differences.

    Presets ``nb201`` and ``nb201_second`` have the settings of NAS-Bench-201 (Dong and Yang, 2020,
    https://openreview.net/forum?id=HJxyZkBKDr) for the two orders, ``nats`` and ``nats_second``
    those of NATS-Bench (Dong et al., 2022, https://arxiv.org/abs/2009.00437), ``darts`` those of
    the paper.

    Args:
        space: The space to search.
        order: 1 or 2.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 50, "clip": 5.0},
        "nb201_second": {"epochs": 50, "clip": 5.0, "order": 2},
        "nats": {"epochs": 100},
        "nats_second": {"epochs": 100, "order": 2},
        "darts": {"epochs": 50, "order": 2, "decay": 3e-4, "clip": 5.0},
    }

    def __init__(self, space: Any, *, order: int = 1, **shared: Any) -> None:
        super().__init__(space, **shared)
        if order not in (1, 2):
            raise InvalidArgumentError(f"order = {order}{one_of(order, (1, 2))}")
        self.order = order

    def learn_gates(self, train: Batch, valid: Batch) -> Answer | None:
        if self.order == 1:
            return super().learn_gates(train, valid)
        answer, self.alphas.grad = self.second_order(train, valid)
        self.adam.step()
        return answer

    def second_order(self, train: Batch, valid: Batch) -> tuple[Answer, Tensor]:
        """Return the answer after one step of the weights, and its gradient (equations 6 to 8).

        The weights are the same afterwards.
        """
        weights = list(self.net.weights())
        optimizer = self.optimizer
        rate = optimizer.rate
        before = [weight.detach().clone() for weight in weights]
        slopes = _gradients(finite(self.answer(train)), weights)
        step = [
            optimizer.momentum * optimizer.velocity(w) + slope + optimizer.decay * w.detach()
            for w, slope in zip(weights, slopes, strict=True)
        ]
        _place(weights, before, step, -rate)
        answer = self.answer(valid)
        direct, *vector = _gradients(finite(answer), [self.alphas, *weights])
        length = math.sqrt(math.fsum(v.square().sum().item() for v in vector))
        epsilon = FINITE_DIFFERENCE / max(length, 1e-12)
        sides = []
        for sign in (1.0, -1.0):
            _place(weights, before, vector, sign * epsilon)
            sides += _gradients(finite(self.answer(train)), [self.alphas])
        _place(weights, before, vector, 0.0)
        return answer, direct - rate * (sides[0] - sides[1]) / (2 * epsilon)


def _gradients(loss: Tensor, of: Sequence[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(loss, of, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, of, strict=True)]


def _place(
    weights: Sequence[Tensor], at: Sequence[Tensor], vector: Sequence[Tensor], factor: float
) -> None:
    with torch.no_grad():
        for weight, value, direction in zip(weights, at, vector, strict=True):
            weight.copy_(value + factor * direction)
