"""The fitted model of a surrogate, and its predictions for single architectures, kept for reuse."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import check_integer
from nasbench.benchmarks.answer import read_only
from nasbench.benchmarks.lookup import Memo
from nasbench.benchmarks.surrogate.folder import Description
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.registry import Registry
from nasbench.space import Arch, SearchSpace

LARGEST = 1e12
"""Of all that a surrogate can answer."""
_PREDICTORS = Registry(
    "nasbench.predictors", "predictor", {"curves": "surrogates.predictor:Predictor"}
)
_MEMO = 2**14


@dataclass(frozen=True, slots=True)
class SurrogateAnswer:
    """Predictions for one network, one value per metric and epoch.

    Attributes:
        rank: Rank of the network's representative.
        centers: What trainings are drawn around; see ``surrogates.predictor.Answers``, shape
            ``(n_values,)``.
        values: Mean of every metric at every epoch, clipped to possible values, shape
            ``(n_values,)``.
        std: Uncertainty of the model, shape ``(n_values,)``.
        seconds: Seconds up to each epoch; None if the surrogate does not predict seconds.
        validation_seconds: Seconds of one validation, or None.
    """

    rank: int
    centers: NDArray[np.float64]
    values: NDArray[np.float32]
    std: NDArray[np.float32]
    seconds: list[float] | None
    validation_seconds: float | None


class SurrogateAnswers:
    """Predictions by architecture, and noisy trainings by architecture and seed.

    Args:
        space: The search space.
        predictor: Returns the fitted predictor, which is read when first needed.
        ranges: Smallest and largest possible values, shape ``(n_values, 2)``.

    Attributes:
        of: Prediction by architecture; raises ``IllegalArchError``.
        drawn: Values of the trainings drawn so far, by architecture and seed.
    """

    def __init__(
        self, space: SearchSpace, predictor: Callable[[], Any], ranges: NDArray[np.float64]
    ) -> None:
        self._space = space
        self._predictor = predictor
        self._low, self._high = ranges.T
        self.of: Memo[SurrogateAnswer] = Memo(self._find, _MEMO)
        self.drawn: dict[tuple[Arch, int], NDArray[np.float32]] = {}
        self._last: tuple[Any, bool, Any] = (None, False, None)

    def of_many(self, canonical: NDArray[np.integer], *, seconds: bool) -> Any:
        """Predict many networks; see :func:`predicted`.

        Several metrics and seeds are often asked of the same networks, one after another, so the
        last predictions are kept, unless there are very many.
        """
        key = canonical.shape, canonical.dtype, canonical.tobytes()
        last, has_seconds, answers = self._last
        if key != last or seconds > has_seconds:
            answers = predicted(self._predictor(), canonical, seconds=seconds)
            if len(canonical) <= _MEMO:
                self._last = (key, seconds, answers)
        return answers

    def draw_many(
        self, canonical: NDArray[np.integer], centers: NDArray[np.float64], seed: int
    ) -> NDArray[np.float64]:
        """Return one noisy training of each network, not clipped, shape ``(n, n_values)``."""
        ranks = self._space.rank_many(canonical).tolist()
        return np.stack(
            [
                drawn(self._predictor(), row, rank, seed)
                for row, rank in zip(centers, ranks, strict=True)
            ]
        )

    def draw(self, arch: Arch, answer: SurrogateAnswer, seed: int) -> NDArray[np.float32]:
        """Return one noisy training; always the same for the same seed."""
        found = self._possible(drawn(self._predictor(), answer.centers, answer.rank, seed))
        if len(self.drawn) >= _MEMO:
            self.drawn.clear()
        self.drawn[arch, seed] = found
        return found

    def _find(self, arch: Arch) -> SurrogateAnswer:
        canonical = self._space.canonical(self._space.check(arch))
        answers = predicted(self._predictor(), np.array([canonical]))
        seconds = None if answers.seconds is None else single(answers.seconds[0]).tolist()
        validation = answers.validation_seconds
        return SurrogateAnswer(
            self._space.rank(canonical),
            answers.centers[0],
            self._possible(answers.values[0]),
            answers.std[0].astype(np.float32),
            seconds,
            None if validation is None else float(np.float32(validation[0])),
        )

    def _possible(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.clip(values, self._low, self._high).astype(np.float32)


def open_predictor(path: Path, description: Description, space: SearchSpace, level: int) -> Any:
    """Read the model in the folder of a surrogate; see ``surrogates.predictor.Predictor``.

    Args:
        path: The folder.
        description: What it says about itself.
        space: The search space.
        level: Index of the value that says how good an architecture is.

    Raises:
        SurrogateError: A file is missing or damaged, or is not what is described.
        MissingExtraError: The regressor needs a package that is not installed.
    """
    description.check(path)
    predictor = _PREDICTORS.load("curves")(
        space,
        description.regressor,
        description.hyperparameters,
        components=description.components,
        level=level,
        seed=description.seed,
    ).restore(path)
    found = len(predictor.scale), len(predictor.shares), predictor.is_clocked
    n_epochs = len(description.epochs)
    if found != (len(description.columns) * n_epochs, n_epochs, description.clocked):
        raise SurrogateError(f"{path} is damaged: its files do not match its description")
    if predictor.family != description.family:
        raise SurrogateError(
            f"{path} says that its model is {description.family!r}, but {description.regressor!r} "
            f"is {predictor.family!r}"
        )
    return predictor


def predicted(predictor: Any, archs: NDArray[np.integer], *, seconds: bool = True) -> Any:
    """Predict the values of architectures; see ``surrogates.predictor.Predictor.predict``.

    Raises:
        SurrogateError: An answer is not finite, or beyond :data:`LARGEST`: the model was changed.
    """
    with np.errstate(all="ignore"):
        answers = predictor.predict(archs, seconds=seconds)
    for part in answers:
        if part is not None:
            _check_sane(part)
    return answers


def drawn(
    predictor: Any, centers: NDArray[np.float64], rank: int, seed: int
) -> NDArray[np.float64]:
    """Values of one training; see ``surrogates.predictor.Predictor.draw``.

    Raises:
        SurrogateError: As for :func:`predicted`.
    """
    with np.errstate(all="ignore"):
        found: NDArray[np.float64] = predictor.draw(centers, rank, seed)
    _check_sane(found)
    return found


def _check_sane(numbers: NDArray[np.float64]) -> None:
    if not (np.abs(numbers) <= LARGEST).all():
        raise SurrogateError(
            f"the model answers with numbers that are not finite or beyond {LARGEST:g}, which no "
            "fit gives: replace the surrogate by an undamaged copy"
        )


def single(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to single precision, as in a table; further digits may depend on the processor."""
    return read_only(values.astype(np.float32).astype(np.float64))


def check_seed(seed: int) -> None:
    """Raise :class:`InvalidArgumentError` unless ``seed`` is an integer from 0."""
    if check_integer("seed", seed) < 0:
        raise InvalidArgumentError(f"seed = {seed!r} must be a nonnegative integer")
