"""DrNAS: gates drawn from Dirichlet distributions."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least, finite
from nasbench.supernet import Answer, Batch

SMALLEST = 1e-3
"""Of a concentration."""


class DrNAS(BilevelSearch):
    """Draws the gates of a mixture of all options for every batch, and learns the concentrations.

    Chen, Wang, Cheng, Tang and Hsieh (2021), https://arxiv.org/abs/2006.10355. Concentrations are
    ``elu(parameter) + 1``, kept near 1 by their squared distance.

    Preset ``nb201`` has the settings of xiangning-chen/DrNAS for NAS-Bench-201, without progressive
    learning.

    Args:
        space: The space to search.
        anchor: Factor of the distance from 1.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 100, "decay": 3e-4},
    }

    def __init__(self, space: Any, *, anchor: float = 1e-3, **shared: Any) -> None:
        super().__init__(space, **shared)
        at_least(0, anchor=anchor)
        self.anchor = anchor

    def concentrations(self) -> Tensor:
        """Parameters of the distributions, of the shape of the supernet."""
        return (F.elu(self.alphas) + 1).clamp_min(SMALLEST)

    def weighed(self) -> Tensor:
        found = self.concentrations()
        return found / found.sum(dim=1, keepdim=True)

    def answer(self, batch: Batch) -> Answer:
        drawn = torch._standard_gamma(self.concentrations(), generator=self.net.generator)
        drawn = drawn.clamp_min(torch.finfo(drawn.dtype).tiny)
        return self.net.answer(batch, drawn / drawn.sum(dim=1, keepdim=True))

    def learn_gates(self, train: Batch, valid: Batch) -> Answer:
        answer = self.answer(valid)
        distance = (self.concentrations() - 1).square().sum()
        self.descend(finite(answer) + self.anchor * distance)
        return answer
