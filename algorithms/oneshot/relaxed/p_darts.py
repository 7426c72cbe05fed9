"""P-DARTS: fewer options stage by stage, and copies that are dropped less and less."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.relaxed.masked_search import MaskedSearch
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch

FADING = 0.2
"""Decay of the dropout in an epoch."""


class PDARTS(MaskedSearch):
    """DARTS in stages, each with new weights and fewer options a decision.

    Chen, Xie, Wu and Tian (2019), https://arxiv.org/abs/1904.12760 (``chenxin061/pdarts``). Numbers
    behind an option that copies are dropped with a probability that is set for the stage. It falls
    linearly while only weights learn, then, from the start again, exponentially. The depth does not
    grow, since the skeleton of the table is what it is. In the result, every decision has its best
    option that contributes something, and at most ``most_copies`` of them copy; the weakest give
    way to their best other option.

    Preset ``p_darts`` has the epochs and rates of the authors' code, with the options of its stages
    in proportion; that code clips the gradient of the gates as well, at 5.

    Args:
        space: The space to search.
        stages: Number of stages.
        dropout: Probability of dropping at the start of the first stage.
        dropout_step: How much larger it is at the start of every next stage.
        weights_only: Epochs of a stage before the gates learn.
        most_copies: Decisions that copy in the result, at most; None for no limit.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "p_darts": {
            "epochs": 25,
            "weights_only": 10,
            "last_rate": 0.0,
            "decay": 3e-4,
            "clip": 5.0,
            "gate_rate": 6e-4,
            "most_copies": 2,
        },
    }

    def __init__(
        self,
        space: Any,
        *,
        stages: int = 3,
        dropout: float = 0.1,
        dropout_step: float = 0.3,
        weights_only: int = 0,
        most_copies: int | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, stages=stages)
        at_least(0, weights_only=weights_only, most_copies=most_copies)
        at_least(0, dropout=dropout, dropout_step=dropout_step)
        if (last := dropout + (stages - 1) * dropout_step) >= 1:
            raise InvalidArgumentError(
                f"dropout = {dropout} and dropout_step = {dropout_step} drop {last:g} of all in "
                "the last stage: it must be below 1"
            )
        self.stages = stages
        self.dropout = dropout
        self.dropout_step = dropout_step
        self.weights_only = weights_only
        self.most_copies = most_copies

    @property
    def total_epochs(self) -> int:
        return self.epochs * self.stages

    def begin(self, epoch: int) -> None:
        stage, own = divmod(epoch, self.epochs)
        if own == 0 and stage:
            active = self._surviving(stage)
            self.net.reset()
            self.start()
            self.active.copy_(active)
        late = own - self.weights_only
        self.learns_gates = late >= 0
        share = math.exp(-FADING * late) if late >= 0 else 1 - (own + 1) / self.epochs
        self.skip_dropout = share * (self.dropout + stage * self.dropout_step)

    def answer(self, batch: Batch) -> Answer:
        return self.net.answer(
            batch, self.weighed(), active=self.active, skip_dropout=self.skip_dropout
        )

    def learn_gates(self, train: Batch, valid: Batch) -> Answer | None:
        return super().learn_gates(train, valid) if self.learns_gates else None

    def ranking(self) -> Iterable[Arch]:
        weighed = self.weighed().detach().masked_fill(~self.useful(), -1.0)
        arch = list(gates.best(weighed))
        copies = self._copies()
        copying = sorted(
            (d for d, o in enumerate(arch) if o in copies), key=lambda d: float(weighed[d, arch[d]])
        )
        surplus = 0 if self.most_copies is None else max(0, len(copying) - self.most_copies)
        for decision in copying[:surplus]:
            others = [o for o in range(self.net.shape[1]) if o not in copies]
            if others:
                arch[decision] = max(others, key=lambda o: float(weighed[decision, o]))
        return [tuple(arch)]

    def _surviving(self, stage: int) -> Tensor:
        """Options of every decision that enter a stage: the best, in equal steps down to one."""
        n_options = self.net.shape[1]
        kept = max(1, round(n_options * (1 - stage / self.stages)))
        best = self.weighed().detach().argsort(dim=1, descending=True, stable=True)[:, :kept]
        return torch.zeros_like(self.active).scatter(1, best, True)

    def _copies(self) -> list[int]:
        return [o for o, label in enumerate(self.space.decisions[0].labels) if "skip" in label]
