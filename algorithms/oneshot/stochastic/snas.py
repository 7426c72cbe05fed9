"""SNAS: soft Gumbel gates, learned together with the weights on the same batches."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import finite
from algorithms.oneshot.stochastic.gdas import GDAS
from nasbench.supernet import Answer, Batch


class SNAS(GDAS):
    """Draws weights of all options from a Gumbel-softmax; one loss moves them and the weights.

    Xie, Zheng, Liu and Lin (2019), https://arxiv.org/abs/1812.09926
    (``SNAS-Series/SNAS-Series``), without its penalty for resources. A single level: the second
    half of the examples is not used.

    Preset ``snas`` has the settings of the authors' code.

    Args:
        space: The space to search.
        first_temperature: Temperature in the first epoch.
        last_temperature: In the last; it moves linearly.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "snas": {"epochs": 150, "decay": 3e-4, "clip": 5.0},
    }
    mean = 1.0
    spread = 0.01

    def __init__(
        self,
        space: Any,
        *,
        first_temperature: float = 1.0,
        last_temperature: float = 0.03,
        **shared: Any,
    ) -> None:
        super().__init__(
            space, first_temperature=first_temperature, last_temperature=last_temperature, **shared
        )

    def answer(self, batch: Batch) -> Answer:
        return self.net.answer(batch, gates.soft_gumbel(self.net, self.alphas, self.temperature))

    def learn_gates(self, train: Batch, valid: Batch) -> None:
        answer = self.answer(train)
        self.optimizer.sgd.zero_grad(set_to_none=True)
        self.adam.zero_grad(set_to_none=True)
        torch.autograd.backward(finite(answer))
        self.adam.step()
        self._answer = answer

    def learn_weights(self, train: Batch) -> Answer:
        if not hasattr(self, "_answer"):  # the gates do not learn yet
            return super().learn_weights(train)
        self.optimizer.update()
        answer = self._answer
        del self._answer
        return answer
