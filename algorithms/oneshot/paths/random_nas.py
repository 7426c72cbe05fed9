"""Random search with weight sharing."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.paths.judging import accuracies, best_first, different, judging_batches
from algorithms.oneshot.paths.path_search import PathSearch
from nasbench.space import Arch


class RandomNAS(PathSearch):
    """Trains random architectures a step each, and judges random ones with the shared weights.

    Li and Talwalkar (2019), https://arxiv.org/abs/1902.07638 (``liamcli/randomNAS_release``).
    ``candidates`` random architectures are judged on a few batches of examples for gates, the
    ``finalists`` on all; these are proposed, best first. No image is augmented there.

    Preset ``nb201`` has the settings of NAS-Bench-201 (Dong and Yang, 2020,
    https://openreview.net/forum?id=HJxyZkBKDr), ``nats`` those of NATS-Bench (Dong et al., 2022,
    https://arxiv.org/abs/2009.00437); both take the best of 100 on one batch, in their code
    (``D-X-Y/AutoDL-Projects``) each on another.

    Args:
        space: The space to search.
        candidates: Random architectures to judge.
        batches: Batches to judge them on, at most all.
        finalists: How many of the best are judged on all examples and proposed.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"epochs": 250, "clip": 5.0, "candidates": 100, "batches": 1, "finalists": 1},
        "nats": {"epochs": 100, "candidates": 100, "batches": 1, "finalists": 1},
    }

    def __init__(
        self,
        space: Any,
        *,
        candidates: int = 1_000,
        batches: int = 10,
        finalists: int = 10,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, candidates=candidates, batches=batches, finalists=finalists)
        self.candidates = candidates
        self.batches = batches
        self.finalists = finalists

    def ranking(self) -> Iterable[Arch]:
        archs = different(self, self.candidates)
        batches = judging_batches(self.net)[: self.batches]
        finalists = best_first(archs, accuracies(self.net, archs, batches))[: self.finalists]
        return best_first(finalists, accuracies(self.net, finalists, [self.net.valid()]))
