"""DARTS with early stopping by the curvature of the validation loss."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from algorithms.oneshot import gates
from algorithms.oneshot.hessian import dominant_eigenvalue
from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.relaxed.darts import DARTS
from nasbench.space import Arch

EVERY = 2
"""Epochs between two looks at the curvature."""
AROUND = 2
"""Looks before and after one whose local average is taken."""
BACK = 4
"""Looks between the averages that are compared."""


class DARTSES(DARTS):
    """DARTS that stops when the loss becomes sharp, and returns to the gates before.

    Zela et al. (2020), https://arxiv.org/abs/1909.09656 (``automl/RobustDARTS``). Every second
    epoch, the dominant eigenvalue of the Hessian of the validation loss in the architecture
    parameters is measured on a batch. Its local average is that of a measurement, two before and
    two after it. When one exceeds ``factor`` times that of four measurements before, the gates of
    then are the result.

    Preset ``robust_darts`` has the settings of the authors' code.

    Args:
        space: The space to search.
        factor: How much sharper the loss may become.
        earliest: First epoch to return to.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "robust_darts": {"epochs": 50, "order": 2, "decay": 3e-4, "clip": 5.0},
    }

    def __init__(
        self, space: Any, *, factor: float = 1.3, earliest: int = 10, **shared: Any
    ) -> None:
        super().__init__(space, **shared)
        at_least(0, factor=factor, earliest=earliest)
        self.factor = factor
        self.earliest = earliest

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        if self.stopped() is not None:
            last = {name: self.history[-1][name] for name in self.history[-1] if name not in _OWN}
            return {**last, "eigenvalue": float("nan")}
        row = dict(super().epoch(epoch))
        row["eigenvalue"] = self.eigenvalue(epoch) if epoch % EVERY == 0 else float("nan")
        return row

    def eigenvalue(self, epoch: int) -> float:
        """The dominant eigenvalue on the first batch of an epoch."""
        batch = next(self.net.valid_batches(epoch))
        answer = self.net.answer(batch, self.weighed(), passes=1 + self.alphas.numel())
        return dominant_eigenvalue(answer.loss, self.alphas)

    def stopped(self) -> int | None:
        """The epoch to return to; None while the loss is not too sharp."""
        looks = self.history[::EVERY]
        return turning_point(
            [row["eigenvalue"] for row in looks], self.factor, self.earliest / EVERY
        )

    def ranking(self) -> Iterable[Arch]:
        look = self.stopped()
        row = self.history[-1 if look is None else look * EVERY]
        return [gates.best_of_numbers(row["gates"], self.net.shape)]


_OWN = ("epoch", "seconds")


def turning_point(values: list[float], factor: float, earliest: float) -> int | None:
    """Return the look before the first sharp rise of a local average; None without any.

    Args:
        values: Eigenvalues.
        factor: Rise that is too sharp.
        earliest: First look that can be returned to.
    """
    averages = [
        float(np.mean(values[max(0, i - AROUND) : i + AROUND + 1]))
        for i in range(len(values) - AROUND)
    ]
    for now in range(BACK, len(averages)):
        before = now - BACK
        comparable = before >= earliest and averages[before] > 0
        if comparable and averages[now] / averages[before] > factor:
            return before
    return None
