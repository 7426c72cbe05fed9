"""FairNAS: every option of every decision is trained equally often."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from algorithms.oneshot.paths.judging import answer_path
from algorithms.oneshot.paths.spos import SPOS
from nasbench.supernet import Answer, Batch


class FairNAS(SPOS):
    """A step trains as many paths as there are options, which share no option of a decision.

    Chu, Zhang and Xu (2021), https://arxiv.org/abs/1907.01845. The gradients are added up for a
    single step of the weights. Evolution searches the supernet as in
    :class:`~algorithms.oneshot.paths.spos.SPOS`, where the paper has NSGA-II for several
    objectives.

    Args:
        space: The space to search.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, space: Any, **shared: Any) -> None:
        super().__init__(space, **shared)

    def learn(self, batch: Batch) -> Answer:
        n_decisions, n_options = self.net.shape
        device = self.net.generator.device
        draws = torch.rand(n_decisions, n_options, generator=self.net.generator, device=device)
        orders = draws.argsort(dim=1)
        answers = [answer_path(self.net, batch, orders[:, i]) for i in range(n_options)]
        self.optimizer.step(*answers)
        return answers[0]
