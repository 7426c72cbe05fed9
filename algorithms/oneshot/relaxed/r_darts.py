"""RobustDARTS: DARTS with several strengths of regularisation; what each finds is trained."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from algorithms.oneshot import gates
from algorithms.oneshot.relaxed.darts import DARTS
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch

STRENGTHS = {"l2": (3e-4, 9e-4, 27e-4, 81e-4), "drop_path": (0.0, 0.2, 0.4, 0.6)}
"""Weight decays, and probabilities of dropping a mixture at the end."""


class RDARTS(DARTS):
    """Runs DARTS four times, each with another strength, and proposes all four results.

    Zela et al. (2020), https://arxiv.org/abs/1909.09656: the weight decay, or the probability that
    the mixture of a decision is dropped for an example (``automl/RobustDARTS``), which rises
    linearly from 0. Every run begins with new weights. The paper trains the four results and takes
    the best by validation; so does a search here.

    Presets ``robust_darts_l2`` and ``robust_darts_dp`` have the settings of the paper.

    Args:
        space: The space to search.
        regularization: ``"l2"`` or ``"drop_path"``.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "robust_darts_l2": {"epochs": 50, "order": 2, "decay": 3e-4, "clip": 5.0},
        "robust_darts_dp": {
            "epochs": 50,
            "order": 2,
            "decay": 3e-4,
            "clip": 5.0,
            "regularization": "drop_path",
        },
    }

    def __init__(self, space: Any, *, regularization: str = "l2", **shared: Any) -> None:
        super().__init__(space, **shared)
        if regularization not in STRENGTHS:
            raise InvalidArgumentError(
                f"regularization = {regularization!r}{one_of(regularization, [*STRENGTHS])}"
            )
        self.regularization = regularization

    @property
    def total_epochs(self) -> int:
        return self.epochs * len(STRENGTHS[self.regularization])

    def begin(self, epoch: int) -> None:
        run, own = divmod(epoch, self.epochs)
        strength = STRENGTHS[self.regularization][run]
        if own == 0 and run:
            self.net.reset()
            self.start()
        self.dropped = 0.0
        if self.regularization == "l2":
            self.optimizer.decay = strength
        else:
            self.dropped = gates.between(0.0, strength, own, self.epochs)

    def learn_weights(self, train: Batch) -> Answer:
        answer = self.net.answer(train, self.weighed(), drop_path=self.dropped)
        self.optimizer.step(answer)
        return answer

    def ranking(self) -> Iterable[Arch]:
        ends = [row["gates"] for row in self.history[self.epochs - 1 :: self.epochs]]
        found = [gates.best_of_numbers(end, self.net.shape) for end in ends]
        return list(dict.fromkeys(found))
