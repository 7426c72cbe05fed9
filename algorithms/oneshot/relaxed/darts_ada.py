"""DARTS that regularises more when the curvature of the validation loss rises."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.relaxed.darts import DARTS
from algorithms.oneshot.relaxed.darts_es import DARTSES, EVERY, turning_point
from nasbench.space import Arch

_ROUNDING = 1e-9


class DARTSADA(DARTSES):
    """Goes back to before a sharp rise of the curvature, with a stronger weight decay.

    Zela et al. (2020), https://arxiv.org/abs/1909.09656 (``automl/RobustDARTS``). The curvature is
    watched as in :class:`~algorithms.oneshot.relaxed.darts_es.DARTSES`. Weights and architecture
    parameters return to the measurement before the rise, and the weight decay is multiplied by
    ``stronger``, up to ``most``. Epochs and learning rates go on.

    Preset ``robust_darts`` has the settings of the authors' code.

    Args:
        space: The space to search.
        factor: How much sharper the loss may become.
        earliest: First epoch to return to.
        stronger: Factor of the weight decay.
        most: Largest weight decay.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "robust_darts": {"epochs": 50, "order": 2, "decay": 3e-4, "clip": 5.0},
    }

    def __init__(
        self,
        space: Any,
        *,
        factor: float = 1.3,
        earliest: int = 10,
        stronger: float = 10.0,
        most: float = 0.03,
        **shared: Any,
    ) -> None:
        super().__init__(space, factor=factor, earliest=earliest, **shared)
        at_least(1, stronger=stronger)
        at_least(0, most=most)
        self.stronger = stronger
        self.most = most

    def start(self) -> None:
        super().start()
        self.looks = Looks([self.alphas, *self.net.weights()])
        self.keep(looks=self.looks)

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        row = dict(DARTS.epoch(self, epoch))
        row |= {"eigenvalue": float("nan"), "decay": self.optimizer.decay}
        if epoch % EVERY == 0:
            row["eigenvalue"] = self.eigenvalue(epoch)
            self.looks.add(row["eigenvalue"])
            look = turning_point(self.looks.values, self.factor, self.earliest / EVERY)
            if look is not None and self.optimizer.decay < self.most * (1 - _ROUNDING):
                self.looks.go_back(look)
                self.optimizer.decay = min(self.most, self.stronger * self.optimizer.decay)
        return row

    def ranking(self) -> Iterable[Arch]:
        return [gates.best(self.weighed())]


class Looks:
    """Measurements of the curvature, each with a copy of some tensors.

    Args:
        tensors: The tensors.

    Attributes:
        values: The measurements.
    """

    def __init__(self, tensors: list[Tensor]) -> None:
        self._tensors = tensors
        self.values: list[float] = []
        self._copies: list[list[Tensor]] = []

    def add(self, value: float) -> None:
        """Keep a measurement with the tensors as they are."""
        self.values.append(value)
        self._copies.append([tensor.detach().clone() for tensor in self._tensors])

    def go_back(self, look: int) -> None:
        """Give the tensors the values that they had, and forget what came later."""
        with torch.no_grad():
            for tensor, copy in zip(self._tensors, self._copies[look], strict=True):
                tensor.copy_(copy)
        del self.values[look + 1 :], self._copies[look + 1 :]

    def state_dict(self) -> dict[str, Any]:
        return {"values": list(self.values), "copies": [list(copy) for copy in self._copies]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.values, self._copies = list(state["values"]), [*state["copies"]]
