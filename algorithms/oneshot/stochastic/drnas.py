"""DrNAS: gates drawn from Dirichlet distributions."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from algorithms.oneshot.bilevel_search import BilevelSearch
from nasbench.supernet import Answer, Batch

SMALLEST = 1e-3
"""Of a concentration."""


class DrNAS(BilevelSearch):
    """Draws the gates of a mixture of all options for every batch, and learns the concentrations.

    Chen, Wang, Cheng, Tang and Hsieh (2021), https://arxiv.org/abs/2006.10355. Concentrations are
    ``elu(parameter) + 1``. As in the authors' code (``xiangning-chen/DrNAS``), weight decay of the
    parameters keeps them near 1.

    Preset ``nb201`` has the settings of that code for NAS-Bench-201, without progressive learning.

    Args:
        space: The space to search.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 100, "decay": 3e-4, "clip": 5.0},
    }

    def __init__(self, space: Any, **shared: Any) -> None:
        super().__init__(space, **shared)

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
