"""SGAS: decisions are made one after another, the surest first."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.relaxed.masked_search import MaskedSearch
from nasbench.errors import InvalidArgumentError, one_of

CRITERIA = (1, 2)


class SGAS(MaskedSearch):
    """Fixes a decision every few epochs; its other options are trained no more.

    Li, Qian, Delgadillo, Müller, Thabet and Ghanem (2020), https://arxiv.org/abs/1912.00195. Of the
    open decisions, the one with the largest score is fixed to its best option that contributes
    something, so not to ``none``, and not to ``identity`` in sequence models. Criterion 1: the
    weight of all such options, times how far the entropy among them is below the largest. Criterion
    2: times the stability of their weights over the last ``window`` epochs, too. Each factor is
    scaled to 0 to 1 over the open decisions.

    Presets ``criterion_1`` and ``criterion_2`` have the settings of the authors' code
    (``lightaime/sgas``): a decision every five epochs, and five epochs more.

    Args:
        space: The space to search.
        criterion: 1 or 2.
        warmup: Epochs before that with the first decision.
        every: Epochs between two decisions; None to spread them over what is left.
        window: Epochs of the stability.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "criterion_1": {"epochs": 40, "every": 5, "decay": 3e-4, "clip": 5.0},
        "criterion_2": {"epochs": 40, "every": 5, "decay": 3e-4, "clip": 5.0, "criterion": 2},
    }

    def __init__(
        self,
        space: Any,
        *,
        criterion: int = 1,
        warmup: int = 9,
        every: int | None = None,
        window: int = 4,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        if criterion not in CRITERIA:
            raise InvalidArgumentError(f"criterion = {criterion}{one_of(criterion, CRITERIA)}")
        at_least(0, warmup=warmup)
        at_least(1, every=every, window=window)
        self.criterion = criterion
        self.warmup = warmup
        self.every = every
        self.window = window

    def start(self) -> None:
        super().start()
        self.past = self.alphas.detach().new_full((self.window, *self.net.shape), float("nan"))
        self.keep(past=self.past)

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        row = super().epoch(epoch)
        n_decisions = self.net.shape[0]
        every = self.every or max(1, (self.epochs - self.warmup) // n_decisions)
        done = epoch - self.warmup
        if done >= 0 and done % every == 0:
            self.decide()
        self.past.copy_(torch.cat([self.past[1:], self.among_useful()[None]]))
        return row

    def decide(self) -> None:
        """Fix the surest of the open decisions, if there is one."""
        is_open = self.active.sum(dim=1) > 1
        if not bool(is_open.any()):
            return
        useful = self.useful()
        importance = (self.weighed().detach() * useful).sum(dim=1)
        scores = _scaled(importance, is_open) * _scaled(self.certainty(), is_open)
        if self.criterion == 2:
            scores = scores * _scaled(self.stability(), is_open)
        decision = int(scores.masked_fill(~is_open, -1.0).argmax())
        option = int(
            self.alphas.detach()[decision].masked_fill(~useful[decision], -math.inf).argmax()
        )
        self.active[decision] = False
        self.active[decision, option] = True

    def certainty(self) -> Tensor:
        """1 less the normalised entropy among the useful options, shape ``(n_decisions,)``."""
        weighed = self.among_useful()
        entropy = -(weighed * weighed.clamp_min(1e-30).log()).sum(dim=1)
        return 1 - entropy / math.log(max(2, int(self.useful()[0].sum())))

    def among_useful(self) -> Tensor:
        """Weights of the useful options, which sum to 1 for every decision."""
        return self.alphas.detach().masked_fill(~self.useful(), -math.inf).softmax(dim=1)

    def stability(self) -> Tensor:
        """Mean overlap with the weights of past epochs; 1 before there are any."""
        overlaps = torch.minimum(self.past, self.among_useful()).sum(dim=2)
        return overlaps.nanmean(dim=0).nan_to_num(nan=1.0)


def _scaled(values: Tensor, among: Tensor) -> Tensor:
    low, high = values[among].min(), values[among].max()
    if not bool(high > low):
        return torch.ones_like(values)
    return (values - low) / (high - low)
