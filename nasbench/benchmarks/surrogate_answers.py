"""What a surrogate predicts of single architectures, remembered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.lookup import Memo
from nasbench.space import Arch, SearchSpace

_MEMO = 2**14


@dataclass(frozen=True, slots=True)
class SurrogateAnswer:
    """Means of one network.

    Attributes:
        rank: Of its representative.
        raw: Every metric at every epoch, before impossible values are moved into their range.
        values: The same within their ranges.
        std: How uncertain the model is of each.
        seconds: After every epoch; None if the surrogate knows no seconds.
        validation_seconds: Of one validation, or None.
    """

    rank: int
    raw: NDArray[np.float64]
    values: NDArray[np.float32]
    std: NDArray[np.float32]
    seconds: list[float] | None
    validation_seconds: float | None


class SurrogateAnswers:
    """Answers by architecture, and noisy trainings by architecture and seed.

    Args:
        space: The search space.
        predictor: Gives the fitted predictor, which is read when first needed.
        ranges: Smallest and largest possible values, shape ``(n_values, 2)``.

    Attributes:
        of: Answer by architecture; raises ``IllegalArchError``.
        drawn: Values of the trainings that were drawn, by architecture and seed.
    """

    def __init__(
        self, space: SearchSpace, predictor: Callable[[], Any], ranges: NDArray[np.float64]
    ) -> None:
        self._space = space
        self._predictor = predictor
        self._low, self._high = ranges.T
        self.of: Memo[SurrogateAnswer] = Memo(self._find, _MEMO)
        self.drawn: dict[tuple[Arch, int], NDArray[np.float32]] = {}

    def draw(self, arch: Arch, answer: SurrogateAnswer, seed: int) -> NDArray[np.float32]:
        """One noisy training, the same whenever it is asked for."""
        found = self._possible(self._predictor().draw(answer.raw, answer.rank, seed))
        if len(self.drawn) >= _MEMO:
            self.drawn.clear()
        self.drawn[arch, seed] = found
        return found

    def _find(self, arch: Arch) -> SurrogateAnswer:
        canonical = self._space.canonical(self._space.check(arch))
        answers = self._predictor().predict(np.array([canonical]))
        raw = answers.values[0]
        seconds = None if answers.seconds is None else single(answers.seconds[0]).tolist()
        validation = answers.validation_seconds
        return SurrogateAnswer(
            self._space.rank(canonical),
            raw,
            self._possible(raw),
            answers.std[0].astype(np.float32),
            seconds,
            None if validation is None else float(np.float32(validation[0])),
        )

    def _possible(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.clip(values, self._low, self._high).astype(np.float32)


def single(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of a table's precision: what is beyond it may differ between processors."""
    rounded: NDArray[np.float64] = values.astype(np.float32).astype(np.float64)
    return rounded
