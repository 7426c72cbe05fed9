"""Training of small neural networks, shared by all neural regressors."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, inf, pi
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.errors import InvalidArgumentError, one_of

MAX_LAYERS, MAX_WIDTH = 1_000, 10_000
"""Largest number of layers, and of units in one."""
_SCHEDULES = ("cosine", "constant")


class Scale(NamedTuple):
    """Mean and standard deviation of examples; 1 replaces a standard deviation of 0.

    Attributes:
        mean: Shape ``(k,)``, or a number.
        std: Same shape.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> Self:
        """Mean and standard deviation of ``n`` examples of shape ``(n, k)`` or ``(n,)``."""
        exact = values.astype(np.float64)
        std = np.where(np.ptp(exact, axis=0) > 0, exact.std(axis=0), 1.0)
        return cls(np.asarray(exact.mean(axis=0)), std)

    def standardise(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Values minus the mean, divided by the standard deviation."""
        standardised: NDArray[np.float64] = (values - self.mean) / self.std
        return standardised


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains with AdamW on batches of examples.

    Adam: Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980; decoupled weight decay: Loshchilov
    and Hutter, 2019, https://arxiv.org/abs/1711.05101.

    Attributes:
        epochs: Passes over the examples.
        batch: Examples per step; slightly more if the number of examples is not a multiple.
        learning_rate: Initial learning rate.
        schedule: ``"cosine"`` decay of the learning rate to 0, or ``"constant"``.
        weight_decay: Decoupled weight decay: each step shrinks every parameter by this times the
            learning rate.

    Raises:
        InvalidArgumentError: A value is impossible.
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: str
    weight_decay: float

    def __post_init__(self) -> None:
        check_choice("schedule", self.schedule, _SCHEDULES)
        check_least(1, epochs=self.epochs, batch=self.batch)
        check_least(0, weight_decay=self.weight_decay)
        if not self.learning_rate > 0:
            raise InvalidArgumentError(f"learning_rate = {self.learning_rate} must be positive")

    def run(
        self,
        parameters: Iterable[Tensor],
        loss: Callable[[Tensor], Tensor],
        n: int,
        generator: torch.Generator,
    ) -> None:
        """Minimise a loss by changing parameters in place.

        Args:
            parameters: Parameters to change.
            loss: Maps indices of examples to their mean loss.
            n: Number of examples.
            generator: Shuffles the examples.
        """
        batches = max(n // self.batch, 1)
        adam = torch.optim.AdamW(
            parameters, self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        for epoch in range(self.epochs):
            for i, rows in enumerate(torch.randperm(n, generator=generator).tensor_split(batches)):
                if self.schedule == "cosine":
                    done = (epoch + i / batches) / self.epochs
                    adam.param_groups[0]["lr"] = self.learning_rate * (1 + cos(pi * done)) / 2
                adam.zero_grad()
                torch.autograd.backward(loss(rows))
                adam.step()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread, so that sums do not depend on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def single_precision(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values rounded to single precision.

    The last bits of a matrix product depend on the number of rows and on the processor. Rounding
    hides them almost always, so that an architecture gets the same prediction alone and among
    others.
    """
    return values.astype(np.float32).astype(np.float64)


def check_choice(name: str, given: str, possible: Iterable[str]) -> None:
    """Refuse a text that is not one of the possible values.

    Raises:
        InvalidArgumentError: ``given`` is not in ``possible``.
    """
    if given not in possible:
        raise InvalidArgumentError(f"{name} = {given!r}{one_of(given, possible)}")


def check_least(least: int, most: float = inf, **given: float) -> None:
    """Refuse numbers that are too small or too large.

    Raises:
        InvalidArgumentError: A number is below ``least`` or above ``most``.
    """
    for name, number in given.items():
        if not number >= least:
            raise InvalidArgumentError(f"{name} = {number} must be at least {least}")
        if number > most:
            raise InvalidArgumentError(f"{name} = {number} must be at most {most:,}")
