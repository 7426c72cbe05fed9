"""The contract of a regressor: it learns a number of architectures from examples."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.space import SearchSpace


class Prediction(NamedTuple):
    """What a regressor says of ``n`` architectures.

    Attributes:
        mean: Expected target, float64 of shape ``(n,)``.
        std: How uncertain the regressor is, in units of the target, shape ``(n,)``; zero where the
            method knows no uncertainty. What it contains is said by the class.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


class Regressor(ABC):
    """Base of all regressors.

    A subclass names its hyperparameters as keyword-only arguments with defaults, keeps them as
    attributes of the same names, and may publish settings of the literature in ``presets``. Equal
    arguments, examples and library versions give equal predictions. What it fitted is kept in
    files without pickles.

    Args:
        space: The space of the architectures.
        seed: Seed of everything random in the fit.

    Attributes:
        family: What kind of model it is ("gradient boosting"). A search that fits the family which
            a surrogate was made from has an unfair advantage there.
        presets: Hyperparameters by the name of the preset.
        space: As given.
        seed: As given.
    """

    family: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, space: SearchSpace, *, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def fit(self, archs: NDArray[np.integer], targets: NDArray[np.floating]) -> Self:
        """Learn from examples.

        Args:
            archs: Shape ``(n, d)``.
            targets: One finite number each, shape ``(n,)``.

        Raises:
            InvalidArgumentError: Fewer than two examples, targets that are not finite or all equal,
                or shapes that do not fit together.
        """
        values: NDArray[np.float64] = np.asarray(targets, dtype=np.float64)
        if values.shape != (len(archs),):
            raise InvalidArgumentError(
                f"targets have shape {values.shape}; {len(archs)} architectures need "
                f"({len(archs)},)"
            )
        if not (finite := np.isfinite(values)).all():
            raise InvalidArgumentError(f"{(~finite).sum()} of {len(values)} targets are not finite")
        if len(values) < 2 or (values == values[0]).all():
            raise InvalidArgumentError(
                f"{len(values)} examples with equal targets teach nothing; at least two different "
                "targets are needed"
            )
        self._fit(np.asarray(archs), values)
        return self

    def predict(self, archs: NDArray[np.integer]) -> Prediction:
        """What is expected of architectures, an ``(n, d)`` array of them."""
        return self.predict_members([self], archs)[0]

    @classmethod
    def predict_members(
        cls, members: Sequence[Self], archs: NDArray[np.integer]
    ) -> list[Prediction]:
        """One prediction by each of several fitted regressors with the same hyperparameters.

        A class that is faster at all of them together overrides this.
        """
        return [member._predict(np.asarray(archs)) for member in members]

    @abstractmethod
    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        """Learn from checked examples."""

    @abstractmethod
    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        """Predict with what was fitted."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what was fitted into an empty folder that exists."""

    @abstractmethod
    def restore(self, folder: Path) -> Self:
        """Read what :meth:`save` wrote, instead of a fit; the arguments are those of the saved one.

        Raises:
            SurrogateError: A file is missing or damaged.
        """


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays into an ``.npz`` file; equal arrays give equal bytes."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read what :func:`write_arrays` wrote.

    Raises:
        SurrogateError: The file is missing, damaged, or lacks one of ``names``.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except Exception as error:  # a zip file has many ways to be damaged
        raise SurrogateError(f"cannot read {path}: {error}") from error
