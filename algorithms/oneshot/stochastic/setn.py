"""SETN: uniform paths for the weights, a mixture for the gates, a choice among the likeliest."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from algorithms.oneshot import gates
from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.paths.judging import (
    accuracies,
    answer_path,
    best_first,
    judging_batches,
    uniform_path,
)
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch


class SETN(BilevelSearch):
    """Trains a uniform path a step, and the gates of a mixture of all options.

    Dong and Yang (2019), https://arxiv.org/abs/1910.05733. Of the architectures with the largest
    probabilities, the one with the best accuracy on a batch of examples for gates, not augmented,
    is proposed (``D-X-Y/AutoDL-Projects``, where each is judged on another).

    Preset ``nb201`` has the settings of NAS-Bench-201 (Dong and Yang, 2020,
    https://openreview.net/forum?id=HJxyZkBKDr), ``nats`` those of NATS-Bench (Dong et al., 2022,
    https://arxiv.org/abs/2009.00437).

    Args:
        space: The space to search.
        candidates: How many of the most probable architectures are judged.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 250},
        "nats": {"epochs": 100},
    }

    def __init__(self, space: Any, *, candidates: int = 100, **shared: Any) -> None:
        super().__init__(space, **shared)
        at_least(1, candidates=candidates)
        self.candidates = candidates

    def learn_weights(self, train: Batch) -> Answer:
        answer = answer_path(self.net, train, uniform_path(self.net))
        self.optimizer.step(answer)
        return answer

    def ranking(self) -> Iterable[Arch]:
        archs = gates.most_likely(self.alphas.log_softmax(dim=1), self.candidates)
        return best_first(archs, accuracies(self.net, archs, judging_batches(self.net)[:1]))[:1]
