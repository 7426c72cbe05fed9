"""Mixtures from which options leave for good."""

import math

import torch
from torch import Tensor

from algorithms.oneshot.bilevel_search import BilevelSearch
from nasbench.supernet import Answer, Batch


class MaskedSearch(BilevelSearch):
    """A mixture of the options that are left, in :attr:`active` from :meth:`start` on."""

    def start(self) -> None:
        super().start()
        self.active = torch.ones(self.net.shape, dtype=torch.bool, device=self.alphas.device)
        self.keep(active=self.active)

    def weighed(self) -> Tensor:
        return self.alphas.masked_fill(~self.active, -math.inf).softmax(dim=1)

    def useful(self) -> Tensor:
        """Which options contribute something, of the shape of the supernet; all if none does."""
        found = torch.ones(self.net.shape, dtype=torch.bool, device=self.alphas.device)
        if len(self.net.nothing) < self.net.shape[1]:
            found[:, list(self.net.nothing)] = False
        return found

    def answer(self, batch: Batch) -> Answer:
        return self.net.answer(batch, self.weighed(), active=self.active)
