"""The contract of a regressor, a model that predicts a number for architectures.

Implementations are in ``surrogates.regressors``; surrogate benchmarks and predictor-based
algorithms fit them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError, SurrogateError, first_line
from nasbench.space import SearchSpace

Columns: TypeAlias = Callable[[NDArray[np.integer]], NDArray[np.float64]]
"""Gives further features of architectures: finite numbers of shape ``(n, k)`` for ``(n, d)``."""

_LARGEST = 1e100
"""Of what a file holds: sums and squares of such numbers are finite."""


class Prediction(NamedTuple):
    """Predictions for ``n`` architectures.

    Attributes:
        mean: Expected target, float64 of shape ``(n,)``.
        std: Uncertainty in units of the target, float64 of shape ``(n,)``; zero if the method
            estimates none. The class of the regressor says what it includes.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


class Regressor(ABC):
    """Base class of all regressors.

    A subclass declares its hyperparameters as keyword-only arguments with defaults, keeps them as
    attributes of the same names, and may list published settings in ``presets``. Equal arguments,
    examples and library versions give equal predictions. Fitted models are saved without pickles.

    Args:
        space: The space of the architectures.
        seed: Seed of all randomness in the fit.

    Attributes:
        family: Kind of model, such as ``"gradient boosting"``. A search that fits the same family
            as the surrogate it searches has an unfair advantage.
        presets: Hyperparameters by name of the preset.
        inner_regressors: Classes of the regressors that it fits, if any; their code is part of its
            own.
        takes_columns: Whether :meth:`add_columns` is possible.
        columns: Further features, besides those of architectures; None for none.
        space: As given.
        seed: As given.
    """

    family: ClassVar[str]
    takes_columns: ClassVar[bool] = False
    columns: Columns | None = None
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    inner_regressors: "tuple[type[Regressor], ...]" = ()

    def __init__(self, space: SearchSpace, *, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def add_columns(self, columns: Columns) -> None:
        """Give the model further features, such as scores known before training; before the fit.

        Such a model can be fitted and can predict. It cannot be saved, as a function is part of it.

        Raises:
            InvalidArgumentError: The regressor reads nothing but the architecture.
        """
        if not self.takes_columns:
            raise InvalidArgumentError(
                f"{type(self).__name__} reads nothing but the architecture and cannot take known "
                "numbers as features; random_forest, xgb or gaussian_process can"
            )
        self.columns = columns

    def fit(self, archs: NDArray[np.integer], targets: NDArray[np.floating]) -> Self:
        """Fit the model to examples.

        Args:
            archs: Integers of shape ``(n, d)``.
            targets: Finite numbers of shape ``(n,)``.

        Returns:
            The regressor itself.

        Raises:
            InvalidArgumentError: There are fewer than two examples, the targets are not finite or
                are all equal, or the shapes do not fit together.
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
        """Predict the targets of architectures.

        Args:
            archs: Integers of shape ``(n, d)``.
        """
        return self.predict_members([self], archs)[0]

    @classmethod
    def predict_members(
        cls, members: Sequence[Self], archs: NDArray[np.integer]
    ) -> list[Prediction]:
        """Predict with each of several fitted regressors that have the same hyperparameters.

        A class that can predict with all of them at once, faster, overrides this method.

        Args:
            members: Fitted regressors.
            archs: Integers of shape ``(n, d)``.

        Returns:
            One prediction per member.
        """
        return [member._predict(np.asarray(archs)) for member in members]

    @abstractmethod
    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        """Fit the model to checked examples."""

    @abstractmethod
    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        """Predict with the fitted model."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted model into an existing, empty folder."""

    @abstractmethod
    def restore(self, folder: Path) -> Self:
        """Read the model that :meth:`save` wrote, instead of fitting one.

        The regressor must have been made with the same arguments as the saved one.

        Raises:
            SurrogateError: A file is missing or damaged.
        """


class Regressors(Protocol):
    """Makes registered regressors: the ``regressors`` argument of an algorithm."""

    def __call__(
        self, name: str, space: SearchSpace, *, seed: int = 0, **hyperparameters: Any
    ) -> Regressor:
        """Return a new regressor.

        Args:
            name: Registered name.
            space: The space of the architectures.
            seed: Seed of the fit.
            hyperparameters: Values that replace the defaults.

        Raises:
            UnknownNameError: There is no such regressor or hyperparameter.
            InvalidArgumentError: The regressor refuses a value or the space.
            MissingExtraError: It needs an optional package that is not installed.
        """


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to an ``.npz`` file; equal arrays give equal bytes."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read arrays that :func:`write_arrays` wrote.

    Raises:
        SurrogateError: The file is missing or damaged, lacks one of ``names``, or is compressed,
            which ours are not: so it holds no more than its size.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if any(member.compress_type for member in arrays.zip.infolist()):
                raise ValueError("it is compressed")
            return {name: arrays[name] for name in names}
    except Exception as error:  # a damaged zip file raises many kinds of errors
        raise SurrogateError(f"cannot read {path}: {first_line(error)}") from error


def read_numbers(
    path: Path, shapes: Mapping[str, tuple[int | None, ...]]
) -> dict[str, NDArray[np.float64]]:
    """Read arrays of finite float64 numbers that :func:`write_arrays` wrote.

    Args:
        path: The file.
        shapes: Shape by name; None stands for any length.

    Raises:
        SurrogateError: The file is missing or damaged, or an array has another type or shape, or
            holds a number that is not finite or beyond 1e100.
    """
    return check_numbers(read_arrays(path, tuple(shapes)), path, shapes)


def check_numbers(
    arrays: Mapping[str, NDArray[Any]], path: Path, shapes: Mapping[str, tuple[int | None, ...]]
) -> dict[str, NDArray[np.float64]]:
    """Return those arrays of a file that have a shape in ``shapes``, as :func:`read_numbers` does.

    Raises:
        SurrogateError: One has another type or shape, or holds an impossible number.
    """
    numbers = {name: arrays[name] for name in shapes}
    for name, array in numbers.items():
        shape = shapes[name]
        fits = array.ndim == len(shape) and all(
            wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
        )
        if array.dtype != np.float64 or not fits:
            written = str(shape).replace("None", "any")
            raise SurrogateError(
                f"{path}: {name!r} is {array.dtype} of shape {array.shape}, expected float64 of "
                f"shape {written}: the file was made with other hyperparameters or for another "
                "space"
            )
        if not (np.abs(array) <= _LARGEST).all():
            raise SurrogateError(f"{path}: {name!r} holds numbers that are not finite, or huge")
    return numbers
