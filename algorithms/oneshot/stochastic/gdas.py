"""GDAS: one option of every decision, drawn by hard Gumbel-softmax."""

from collections.abc import Mapping
from typing import Any, ClassVar

from algorithms.oneshot import gates
from algorithms.oneshot.bilevel_search import BilevelSearch
from nasbench.errors import InvalidArgumentError
from nasbench.supernet import Answer, Batch


class GDAS(BilevelSearch):
    """Draws a path for every batch; gates of 1 and 0 have the gradient of the relaxation.

    Dong and Yang (2019), https://arxiv.org/abs/1910.04465. As in the authors' code, gates of
    options that are not drawn are added to the features as numbers, so that they have a gradient
    although nothing is computed for them (``D-X-Y/AutoDL-Projects``).

    Preset ``nb201`` has the settings of NAS-Bench-201 (Dong and Yang, 2020,
    https://openreview.net/forum?id=HJxyZkBKDr), ``nats`` those of NATS-Bench (Dong et al., 2022,
    https://arxiv.org/abs/2009.00437).

    Args:
        space: The space to search.
        first_temperature: Temperature of the relaxation in the first epoch.
        last_temperature: In the last; it moves linearly.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 250, "clip": 5.0},
        "nats": {"epochs": 100},
    }

    def __init__(
        self,
        space: Any,
        *,
        first_temperature: float = 10.0,
        last_temperature: float = 0.1,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        for name in ("first_temperature", "last_temperature"):
            if not (value := locals()[name]) > 0:
                raise InvalidArgumentError(f"{name} = {value} must be above 0")
        self.first_temperature = first_temperature
        self.last_temperature = last_temperature

    def begin(self, epoch: int) -> None:
        ends = self.first_temperature, self.last_temperature
        self.temperature = gates.between(*ends, epoch, self.epochs)

    def answer(self, batch: Batch) -> Answer:
        drawn, active = gates.hard_gumbel(self.net, self.alphas, self.temperature)
        return self.net.answer(batch, drawn, active=active, ghosts=True)
