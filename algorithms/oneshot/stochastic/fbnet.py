"""FBNet: soft Gumbel gates, and a loss that grows with the expected latency."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least, finite
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch

MICROSECONDS = 1e6


class FBNet(BilevelSearch):
    """A mixture with weights drawn from a Gumbel-softmax whose temperature falls exponentially.

    Wu, Dai, Zhang, Wang, Sun, Wu, Tian, Vajda, Jia and Keutzer (2019),
    https://arxiv.org/abs/1812.03443. The loss of the gates is ``factor * CE * log(1 + latency) **
    power``, the expected latency being that of the cell for all validation examples of the table,
    in microseconds. With ``power=0``, the default, only accuracy counts.

    In the paper, architectures are drawn from the learned distribution and trained, and the best is
    the result. So it is here, except that the most probable architecture is proposed first.

    Preset ``fbnet`` has the temperatures, rates and latency term of the paper.

    Args:
        space: The space to search.
        first_temperature: Temperature in the first epoch.
        cooling: Exponential decay of the temperature in an epoch.
        factor: Factor of the loss of the gates.
        power: Exponent of the logarithm of the latency.
        finalists: Architectures to propose, at most: the most probable one, and different ones from
            as many draws, the most probable first.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "fbnet": {
            "epochs": 90,
            "rate": 0.1,
            "last_rate": 0.0,
            "decay": 1e-4,
            "gate_rate": 0.01,
            "gate_decay": 5e-4,
            "factor": 0.2,
            "power": 0.6,
        },
    }

    def __init__(
        self,
        space: Any,
        *,
        first_temperature: float = 5.0,
        cooling: float = 0.045,
        factor: float = 1.0,
        power: float = 0.0,
        finalists: int = 10,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        if not first_temperature > 0:
            raise InvalidArgumentError(f"first_temperature = {first_temperature} must be above 0")
        at_least(0, cooling=cooling, factor=factor, power=power)
        at_least(1, finalists=finalists)
        self.first_temperature = first_temperature
        self.cooling = cooling
        self.factor = factor
        self.power = power
        self.finalists = finalists

    def begin(self, epoch: int) -> None:
        self.temperature = max(1e-3, self.first_temperature * math.exp(-self.cooling * epoch))
        self._drawn: Tensor

    def answer(self, batch: Batch) -> Answer:
        self._drawn = gates.soft_gumbel(self.net, self.alphas, self.temperature)
        return self.net.answer(batch, self._drawn)

    def learn_gates(self, train: Batch, valid: Batch) -> Answer:
        answer = self.answer(valid)
        latency = (self._drawn * self.net.costs).sum()
        slowness = torch.log1p(MICROSECONDS * latency) ** self.power
        self.descend(self.factor * finite(answer) * slowness)
        return answer

    def ranking(self) -> Iterable[Arch]:
        logs = self.alphas.detach().double().log_softmax(dim=1)
        drawn = torch.multinomial(
            logs.exp(), self.finalists, replacement=True, generator=self.net.generator
        )
        totals = logs.gather(1, drawn).sum(dim=0)
        paths = drawn.T[totals.argsort(descending=True, stable=True)].tolist()
        return list(dict.fromkeys([gates.best(logs), *map(tuple, paths)]))[: self.finalists]
