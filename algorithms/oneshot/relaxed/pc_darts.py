"""PC-DARTS: a mixture on a part of the channels, with normalised edges."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least
from nasbench.supernet import Answer, Batch


class PCDARTS(BilevelSearch):
    """DARTS on one of ``parts`` equal parts of the channels; the others pass by.

    Xu, Xie, Zhang, Chen, Qi, Tian and Xiong (2020), https://arxiv.org/abs/1907.05737. The output of
    every decision is weighted by a softmax over the decisions whose outputs are added up, with
    parameters of its own.

    Preset ``pc_darts`` has the settings of yuhuixu1993/PC-DARTS, but for its batches of 256.

    Args:
        space: The space to search.
        parts: Parts of the channels; must divide the channels of the first stage.
        edge_normalization: Whether decisions are weighted.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "pc_darts": {
            "epochs": 50,
            "first_epoch": 15,
            "rate": 0.1,
            "last_rate": 0.0,
            "decay": 3e-4,
            "clip": 5.0,
            "gate_rate": 6e-4,
        },
    }

    def __init__(
        self, space: Any, *, parts: int = 4, edge_normalization: bool = True, **shared: Any
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, parts=parts)
        self.parts = parts
        self.edge_normalization = edge_normalization
        self.partial = parts

    def other_parameters(self) -> list[Tensor]:
        return [gates.parameters(self.net)[:, 0].detach().clone().requires_grad_()]

    def edges(self) -> Tensor | None:
        """Weights of the decisions, or None without."""
        if not self.edge_normalization:
            return None
        (strengths,) = self.others
        found = torch.zeros_like(strengths)
        for group in self.net.groups:
            places = torch.tensor(group, device=found.device)
            found = found.index_copy(0, places, strengths[places].softmax(dim=0))
        return found

    def answer(self, batch: Batch) -> Answer:
        return self.net.answer(batch, self.weighed(), edges=self.edges())
