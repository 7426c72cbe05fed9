"""Training of small PyTorch networks with Adam, in double precision, from a generator passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi, sqrt

import torch
from torch import Generator, Tensor, nn

from nasbench.errors import InvalidArgumentError


class Adam:
    """Adam (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980) on one vector of all weights.

    ``torch.optim`` does the same, but first loads PyTorch's compiler, which takes seconds, and
    takes longer for many small tensors.

    Args:
        network: Its parameters become views of the vector.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        weight_decay: Penalty on weights.
        decoupled: Whether weights shrink by the penalty times the learning rate (Loshchilov and
            Hutter, 2019, https://arxiv.org/abs/1711.05101), instead of adding to the gradient.
        bias_factor: Factor of the learning rate of biases; they have no penalty unless it is 1.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        beta1: float,
        beta2: float,
        weight_decay: float,
        decoupled: bool,
        bias_factor: float,
    ) -> None:
        self._parameters = list(network.parameters())
        self._beta1, self._beta2 = beta1, beta2
        self._weight_decay: float | Tensor = weight_decay
        self._decoupled = decoupled
        self._values = nn.utils.parameters_to_vector(self._parameters).detach()
        nn.utils.vector_to_parameters(self._values, self._parameters)  # parameters become views
        self._first, self._second = torch.zeros_like(self._values), torch.zeros_like(self._values)
        self._factors: Tensor | None = None
        if bias_factor != 1:
            names = [name for name, _ in network.named_parameters()]
            biases = torch.cat(
                [
                    torch.full((tensor.numel(),), float(name.endswith("bias")), dtype=torch.float64)
                    for name, tensor in zip(names, self._parameters, strict=True)
                ]
            )
            self._factors = 1 + (bias_factor - 1) * biases
            self._weight_decay = weight_decay * (1 - biases)
        self._steps = 0

    def step(self, loss: Tensor, learning_rate: float) -> None:
        """Take one step that lowers ``loss``."""
        parts = torch.autograd.grad(loss, self._parameters)
        gradient = torch.cat([part.reshape(-1) for part in parts])
        if self._decoupled:
            self._values *= 1 - learning_rate * self._weight_decay
        else:
            gradient += self._weight_decay * self._values
        self._steps += 1
        self._first.lerp_(gradient, 1 - self._beta1)
        self._second.mul_(self._beta2).addcmul_(gradient, gradient, value=1 - self._beta2)
        root = self._second.sqrt().div_(sqrt(1 - self._beta2**self._steps)).add_(1e-8)
        rate = learning_rate / (1 - self._beta1**self._steps)
        first = self._first if self._factors is None else self._first * self._factors
        self._values.addcdiv_(first, root, value=-rate)


@dataclass(frozen=True, slots=True)
class Training:
    """Training with Adam on batches, the learning rate falling to 0 as a half cosine by epochs.

    Attributes:
        epochs: Passes over the examples.
        batch_size: Largest number of examples per step; batches have nearly equal sizes of at
            least 2.
        learning_rate: Initial learning rate.
        weight_decay: See :class:`Adam`, as are the others.
        decoupled: See there.
        beta1: See there.
        beta2: See there.
        bias_factor: See there.

    Raises:
        InvalidArgumentError: A value is impossible.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    decoupled: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    bias_factor: float = 1.0

    def __post_init__(self) -> None:
        check_counts(epochs=self.epochs, batch_size=self.batch_size)
        if not 0 < self.learning_rate < inf:
            raise InvalidArgumentError(
                f"learning_rate = {self.learning_rate} must be positive and finite"
            )
        if not 0 <= self.weight_decay < inf:
            raise InvalidArgumentError(
                f"weight_decay = {self.weight_decay} must be finite and not negative"
            )

    def run(
        self,
        network: nn.Module,
        n: int,
        loss: Callable[[Tensor], Tensor],
        generator: Generator,
        stop: Callable[[int], bool] | None = None,
    ) -> None:
        """Train the weights of a network.

        Args:
            network: Trained in place.
            n: Number of examples.
            loss: Maps numbers of examples to the loss of the network on them.
            generator: Shuffles the examples.
            stop: Asked after each epoch, by its number, whether to stop.
        """
        adam = Adam(
            network,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=self.weight_decay,
            decoupled=self.decoupled,
            bias_factor=self.bias_factor,
        )
        n_batches = max(min(-(-n // self.batch_size), n // 2), 1)
        for epoch in range(self.epochs):
            rate = self.learning_rate * (1 + cos(pi * epoch / self.epochs)) / 2
            for rows in torch.randperm(n, generator=generator).tensor_split(n_batches):
                adam.step(loss(rows), rate)
            if stop is not None and stop(epoch):
                break


def check_counts(**counts: int) -> None:
    """Raise InvalidArgumentError unless all numbers, given by name, are at least 1."""
    for name, count in counts.items():
        if count < 1:
            raise InvalidArgumentError(f"{name} = {count} must be at least 1")


def check_dropout(dropout: float) -> None:
    """Raise InvalidArgumentError unless a probability of dropout is in [0, 1)."""
    if not 0 <= dropout < 1:
        raise InvalidArgumentError(f"dropout = {dropout} must be in [0, 1)")
