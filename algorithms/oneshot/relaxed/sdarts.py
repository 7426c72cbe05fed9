"""SmoothDARTS: weights learn under perturbed gates, at random or against them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.supernet import Answer, Batch

PERTURBATIONS = ("random", "adversarial")
STEPS = 7
"""Steps of the attack."""


class SDARTS(BilevelSearch):
    """Perturbs the gates, within a growing distance, where the weights learn.

    Chen and Hsieh (2020), https://arxiv.org/abs/2002.05283 (``xiangning-chen/SmoothDARTS``). The
    perturbation of a gate is uniform, or that of an attack by projected gradient ascent from a
    uniform start, which is kept if it raised the loss. Gates stay between 0 and 1, and those of a
    decision sum to 1. The architecture parameters learn without the perturbation.

    Presets ``nb201_random`` and ``nb201_adversarial`` have the settings of the authors' code for
    NAS-Bench-201.

    Args:
        space: The space to search.
        perturbation: ``"random"`` or ``"adversarial"``.
        first_distance: Largest change of a gate in the first epoch.
        last_distance: After the last; it moves linearly.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201_random": {"epochs": 100, "decay": 3e-4, "clip": 5.0},
        "nb201_adversarial": {
            "epochs": 100,
            "decay": 3e-4,
            "clip": 5.0,
            "perturbation": "adversarial",
        },
    }

    def __init__(
        self,
        space: Any,
        *,
        perturbation: str = "random",
        first_distance: float = 0.03,
        last_distance: float = 0.3,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        if perturbation not in PERTURBATIONS:
            raise InvalidArgumentError(
                f"perturbation = {perturbation!r}{one_of(perturbation, PERTURBATIONS)}"
            )
        at_least(0, first_distance=first_distance, last_distance=last_distance)
        self.perturbation = perturbation
        self.first_distance = first_distance
        self.last_distance = last_distance

    def begin(self, epoch: int) -> None:
        growth = (self.last_distance - self.first_distance) / self.epochs
        self.distance = self.first_distance + growth * epoch

    def learn_weights(self, train: Batch) -> Answer:
        weighed = self.weighed().detach()
        perturbed = self._shaken(weighed)
        if self.perturbation == "adversarial":
            perturbed = self._attacked(train, weighed, perturbed)
        answer = self.net.answer(train, perturbed)
        self.optimizer.step(answer)
        return answer

    def _shaken(self, weighed: Tensor) -> Tensor:
        u = torch.rand(
            weighed.shape, generator=self.net.generator, device=weighed.device, dtype=torch.float64
        )
        return _weights(weighed + self.distance * (2 * u - 1).to(weighed.dtype))

    def _attacked(self, train: Batch, weighed: Tensor, start: Tensor) -> Tensor:
        """Gates within the distance that raise the loss; ``weighed`` if the attack fails."""
        step = 2 * self.distance / STEPS
        perturbed = start
        with torch.no_grad():
            first = self.net.answer(train, weighed).loss.item()
        for _ in range(STEPS):
            variable = perturbed.detach().requires_grad_()
            loss = self.net.answer(train, variable).loss
            (slope,) = torch.autograd.grad(loss, [variable])
            moved = variable.detach() + step * slope.sign()
            near = torch.clamp(moved, weighed - self.distance, weighed + self.distance)
            perturbed = _weights(near)
        with torch.no_grad():
            last = self.net.answer(train, perturbed).loss.item()
        return perturbed if last >= first else weighed


def _weights(values: Tensor) -> Tensor:
    """Values brought to 0 to 1, with a sum of 1 for every decision."""
    inside = values.clamp(0, 1)
    none = inside.sum(dim=1, keepdim=True) == 0
    inside = torch.where(none, values == values.amax(dim=1, keepdim=True), inside)
    return inside / inside.sum(dim=1, keepdim=True)
