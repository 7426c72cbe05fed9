"""The optimiser of shared weights: SGD with Nesterov momentum and a cosine, as in most papers."""

import math

import torch
from torch import Tensor

from algorithms.oneshot.one_shot_search import finite
from nasbench.supernet import Answer, Supernet


class WeightOptimizer:
    """SGD for the weights of a supernet; the learning rate falls as a half cosine.

    Args:
        net: The supernet.
        rate: First learning rate.
        last_rate: Learning rate after the last step.
        epochs: Epochs of the training.
        momentum: Nesterov momentum.
        decay: Weight decay.
        clip: Largest norm of the gradient; 0 for no limit.
    """

    def __init__(
        self,
        net: Supernet,
        *,
        rate: float,
        last_rate: float,
        epochs: int,
        momentum: float = 0.9,
        decay: float = 5e-4,
        clip: float = 0.0,
    ) -> None:
        self._weights = list(net.weights())
        self._rate, self._last, self._total = rate, last_rate, epochs * net.steps
        self._clip = clip
        self.momentum = momentum
        self.sgd = torch.optim.SGD(
            self._weights,
            lr=rate,
            momentum=momentum,
            weight_decay=decay,
            nesterov=momentum > 0,
            foreach=True,
        )
        self._steps = 0

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        share = min(1.0, self._steps / self._total)
        return self._last + (self._rate - self._last) * 0.5 * (1 + math.cos(math.pi * share))

    @property
    def decay(self) -> float:
        """Weight decay, which may be changed."""
        return float(self.sgd.param_groups[0]["weight_decay"])

    @decay.setter
    def decay(self, value: float) -> None:
        self.sgd.param_groups[0]["weight_decay"] = value

    def step(self, *answers: Answer) -> None:
        """Descend along the sum of the gradients of some answers.

        Raises:
            DivergedError: A loss is not finite.
        """
        self.sgd.zero_grad(set_to_none=True)
        for answer in answers:
            torch.autograd.backward(finite(answer), inputs=self._weights)
        self.update()

    def update(self) -> None:
        """Take a step along the gradients that the weights have."""
        if self._clip:
            torch.nn.utils.clip_grad_norm_(self._weights, self._clip)
        self.sgd.param_groups[0]["lr"] = self.rate
        self.sgd.step()
        self._steps += 1

    def velocity(self, weight: Tensor) -> Tensor:
        """Return the momentum buffer of a weight; zeros before the first step."""
        found = self.sgd.state[weight].get("momentum_buffer")
        return torch.zeros_like(weight) if found is None else found

    def state_dict(self) -> dict[str, object]:
        return {"sgd": self.sgd.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.sgd.load_state_dict(state["sgd"])  # type: ignore[arg-type]
        self._steps = int(state["steps"])  # type: ignore[call-overload]
