"""PARSEC: a distribution over architectures, learned by empirical Bayes."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least, finite
from algorithms.oneshot.paths.judging import answer_path
from nasbench.supernet import Answer, Batch


class Parsec(BilevelSearch):
    """Draws some paths; those that explain the examples better count more, for gates and weights.

    Casale, Gordon and Fusi (2019), https://arxiv.org/abs/1902.05116. A step draws ``samples`` paths
    from independent categorical distributions. Their importance weights are proportional to the
    likelihood of the validation batch; the gradient of the log-probabilities, weighted by them,
    moves the distributions, and that of the losses on the training batch, the weights.

    Args:
        space: The space to search.
        samples: Paths of a step.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(
        self, space: Any, *, samples: int = 8, gate_rate: float = 0.01, **shared: Any
    ) -> None:
        super().__init__(space, gate_rate=gate_rate, **shared)
        at_least(1, samples=samples)
        self.samples = samples

    def start(self) -> None:
        super().start()
        self._drew = False

    def learn_gates(self, train: Batch, valid: Batch) -> Answer:
        self._draw()
        with torch.no_grad():
            answers = [answer_path(self.net, valid, path) for path in self._paths]
        losses = torch.stack([finite(answer).double() for answer in answers])
        n_answers = int((valid.y >= 0).sum())
        self._importance = (-n_answers * losses).softmax(dim=0)
        logs = self.alphas.log_softmax(dim=1)
        chosen = torch.stack([logs.gather(1, path[:, None]).sum() for path in self._paths])
        self.descend(-(self._importance.to(chosen) * chosen).sum())
        return answers[int(self._importance.argmax())]

    def learn_weights(self, train: Batch) -> Answer:
        if not self._drew:
            self._draw()
        answers = []
        for path, share in zip(self._paths, self._importance.tolist(), strict=True):
            answer = answer_path(self.net, train, path)
            answers.append(answer._replace(loss=share * answer.loss))
        self.optimizer.step(*answers)
        self._drew = False
        loss = torch.stack([answer.loss.detach() for answer in answers]).sum()
        return answers[0]._replace(loss=loss)

    def _draw(self) -> None:
        """Draw the paths of a step, which count the same until the gates have learned."""
        self._paths = self._drawn()
        self._importance = torch.full((self.samples,), 1 / self.samples, dtype=torch.float64)
        self._drew = True

    def _drawn(self) -> list[Tensor]:
        probabilities = self.alphas.detach().softmax(dim=1).double()
        drawn = torch.multinomial(
            probabilities, self.samples, replacement=True, generator=self.net.generator
        )
        return list(drawn.T)
