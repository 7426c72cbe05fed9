"""SmoothDARTS: weights learn under perturbed gates, at random or against them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
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
    uniform start, which is kept if it raised the loss. Gates stay between 0 and 1. The architecture
    parameters learn without it.

    Presets ``nb201_random`` and ``nb201_adversarial`` have the settings of the authors' code for
    NAS-Bench-201.

    Args:
        space: The space to search.
        perturbation: ``"random"`` or ``"adversarial"``.
        first_distance: Largest change of a gate in the first epoch.
        last_distance: In the last; it moves linearly.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201_random": {"epochs": 100},
        "nb201_adversarial": {"epochs": 100, "perturbation": "adversarial"},
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
        ends = self.first_distance, self.last_distance
        self.distance = gates.between(*ends, epoch, self.epochs)

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
        return (weighed + self.distance * (2 * u - 1).to(weighed.dtype)).clamp(0, 1)

    def _attacked(self, train: Batch, weighed: Tensor, start: Tensor) -> Tensor:
        """Gates within the distance that raise the loss; ``start`` if the attack fails."""
        step = 2 * self.distance / STEPS
        perturbed, first = start, None
        for _ in range(STEPS):
            variable = perturbed.detach().requires_grad_()
            loss = self.net.answer(train, variable).loss
            first = loss.item() if first is None else first
            (slope,) = torch.autograd.grad(loss, [variable])
            moved = variable.detach() + step * slope.sign()
            near = torch.clamp(moved, weighed - self.distance, weighed + self.distance)
            perturbed = near.clamp(0, 1)
        with torch.no_grad():
            last = self.net.answer(train, perturbed).loss.item()
        return perturbed if first is None or last > first else start
