"""I-DARTS: the options of all edges into a node compete in one softmax."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least
from nasbench.space import Arch


class IDARTS(BilevelSearch):
    """One softmax over all options of all decisions whose outputs are added up.

    Jiang, Hu, Xiao, Zhang and Zhu (2019), Improved Differentiable Architecture Search for Language
    Modeling and Named Entity Recognition, https://aclanthology.org/D19-1367. Of the decisions of a
    group, the ``edges`` with the largest weights keep their best option, where the others can be
    left out.

    Args:
        space: The space to search.
        edges: Decisions of a group that are kept; 0 for all.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, space: Any, *, edges: int = 0, **shared: Any) -> None:
        super().__init__(space, **shared)
        at_least(0, edges=edges)
        self.edges = edges

    def weighed(self) -> Tensor:
        found = torch.zeros_like(self.alphas)
        for group in self.net.groups:
            places = torch.tensor(group, device=found.device)
            together = self.alphas[places].flatten().softmax(dim=0)
            found = found.index_copy(0, places, together.view(len(group), -1))
        return found

    def ranking(self) -> Iterable[Arch]:
        weighed = self.weighed().detach()
        arch = list(gates.best(weighed))
        if self.edges and self.net.nothing:
            for group in self.net.groups:
                strength = {decision: float(weighed[decision].max()) for decision in group}
                for decision in sorted(group, key=lambda d: -strength[d])[self.edges :]:
                    arch[decision] = self.net.nothing[0]
        return [tuple(arch)]
