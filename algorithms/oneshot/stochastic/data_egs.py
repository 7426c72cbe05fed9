"""DATA: several options of every decision, by an ensemble of Gumbel-softmax draws."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.stochastic.gdas import GDAS
from nasbench.supernet import Answer, Batch


class DataEGS(GDAS):
    """Draws each decision several times; every option that was drawn counts the same.

    Chang, Zhang, Guo, Meng, Xiang and Pan (2019), DATA: Differentiable ArchiTecture Approximation,
    https://papers.nips.cc/paper/2019/hash/e3844e186e6eb8736e9f53c0c5889527-Abstract.html
    (``XinbangZhang/DATA-NAS``). The gradient is that of the relaxations.

    Presets ``data_4`` and ``data_7`` draw as often as the paper; temperatures are those of
    :class:`~algorithms.oneshot.stochastic.gdas.GDAS`, and the rest are our defaults (in the
    authors' code: a temperature of 5, weight decays of 3e-4 and 0, gradients clipped at 5).

    Args:
        space: The space to search.
        draws: How often every decision is drawn.
        first_temperature: Temperature of the relaxation in the first epoch.
        last_temperature: In the last; it moves linearly.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "data_4": {"draws": 4},
        "data_7": {"draws": 7},
    }

    def __init__(
        self,
        space: Any,
        *,
        draws: int = 4,
        first_temperature: float = 10.0,
        last_temperature: float = 0.1,
        **shared: Any,
    ) -> None:
        super().__init__(
            space, first_temperature=first_temperature, last_temperature=last_temperature, **shared
        )
        at_least(1, draws=draws)
        self.draws = draws

    def answer(self, batch: Batch) -> Answer:
        drawn = [
            gates.hard_gumbel(self.net, self.alphas, self.temperature) for _ in range(self.draws)
        ]
        largest = torch.stack([values for values, _ in drawn]).amax(dim=0)
        active = torch.stack([mask for _, mask in drawn]).any(dim=0)
        return self.net.answer(batch, largest / largest.sum(dim=1, keepdim=True), active=active)
