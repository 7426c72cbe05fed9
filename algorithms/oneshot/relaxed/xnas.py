"""XNAS: options as experts, with exponentiated gradients and a wipe-out of the weak."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from algorithms.oneshot.one_shot_search import finite
from algorithms.oneshot.relaxed.masked_search import MaskedSearch
from nasbench.errors import InvalidArgumentError
from nasbench.supernet import Answer, Batch


class XNAS(MaskedSearch):
    """Multiplies the weight of each option by the exponential of its reward.

    Nayman, Noy, Ridnik, Friedman, Jin and Zelnik-Manor (2019), https://arxiv.org/abs/1906.08031.
    The reward of an option is the negative gradient of the validation loss in its gate, clipped to
    ``bound``. An option leaves when it could not become the best any more even if it got the best
    reward, and the best one the worst, in all steps to come. The learning rate is that of the
    regret bound, ``sqrt(2 log(n) / steps) / bound``.

    Args:
        space: The space to search.
        bound: Largest reward.
        wipeout: Whether options leave.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(
        self, space: Any, *, bound: float = 1.0, wipeout: bool = True, **shared: Any
    ) -> None:
        super().__init__(space, **shared)
        if not bound > 0:
            raise InvalidArgumentError(f"bound = {bound} must be above 0")
        self.bound = bound
        self.wipeout = wipeout

    def start(self) -> None:
        super().start()
        with torch.no_grad():
            self.alphas.zero_()
        self.left = torch.tensor(
            self.net.steps * (self.epochs - min(self.first_epoch, self.epochs))
        )
        steps = max(1, int(self.left))
        n_options = max(2, self.net.shape[1])
        self.step_size = math.sqrt(2 * math.log(n_options) / steps) / self.bound
        self.keep(left=self.left)

    def learn_gates(self, train: Batch, valid: Batch) -> Answer:
        weighed = self.weighed().detach().requires_grad_()
        answer = self.net.answer(valid, weighed, active=self.active)
        (slope,) = torch.autograd.grad(finite(answer), [weighed])
        rewards = (-slope).clamp(-self.bound, self.bound)
        with torch.no_grad():
            self.alphas += self.step_size * rewards
            self.left -= 1
            if self.wipeout:
                reach = 2 * self.step_size * self.bound * int(self.left)
                best = self.alphas.masked_fill(~self.active, -math.inf).amax(dim=1, keepdim=True)
                self.active &= self.alphas + reach >= best
        return answer
