"""One-shot with path dropout: a mixture of all options, of which more and more are dropped."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.paths.judging import accuracies, best_first, different
from algorithms.oneshot.paths.path_search import PathSearch
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch


class OneShot(PathSearch):
    """Trains the mean of all options, a random part of them dropped in every step.

    Bender, Kindermans, Zoph, Vasudevan and Le (2018),
    http://proceedings.mlr.press/v80/bender18a.html. The probability that an option is dropped rises
    linearly from 0 to that at which ``survivors`` options of a decision are left on average.
    Random architectures are judged with the shared weights; the best are proposed.

    Args:
        space: The space to search.
        survivors: Options of a decision that are left on average in the last epoch.
        candidates: Random architectures to judge.
        finalists: How many of the best are proposed.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(
        self,
        space: Any,
        *,
        survivors: float = 1.0,
        candidates: int = 1_000,
        finalists: int = 10,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, candidates=candidates, finalists=finalists)
        if not survivors > 0:
            raise InvalidArgumentError(f"survivors = {survivors} must be above 0")
        self.survivors = survivors
        self.candidates = candidates
        self.finalists = finalists

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        last = max(0.0, 1.0 - self.survivors / self.net.shape[1])
        self._dropped = gates.between(0.0, last, epoch, self.epochs)
        return super().epoch(epoch)

    def learn(self, batch: Batch) -> Answer:
        like = self.net.weights()[0].new_zeros(self.net.shape)
        draws = torch.rand(
            self.net.shape, generator=self.net.generator, device=like.device, dtype=torch.float64
        )
        active = draws >= self._dropped
        # One option of every decision stays: that with the largest draw.
        active |= gates.one_hot(draws.argmax(dim=1), like).bool()
        weights = active.to(like.dtype)
        answer = self.net.answer(batch, weights / weights.sum(dim=1, keepdim=True), active=active)
        self.optimizer.step(answer)
        return answer

    def ranking(self) -> Iterable[Arch]:
        archs = different(self, self.candidates)
        found = best_first(archs, accuracies(self.net, archs, [self.net.valid()]))
        return found[: self.finalists]
