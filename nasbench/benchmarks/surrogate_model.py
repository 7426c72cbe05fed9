"""The fitted model of a surrogate: opened if it is as described, asked if its answers are sane."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.surrogate_folder import Description
from nasbench.errors import SurrogateError
from nasbench.registry import Registry
from nasbench.space import SearchSpace

LARGEST = 1e12
"""Of all that a surrogate can answer."""
_PREDICTORS = Registry(
    "nasbench.predictors", "predictor", {"curves": "surrogates.predictor:Predictor"}
)


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


def drawn(predictor: Any, values: NDArray[np.float64], rank: int, seed: int) -> NDArray[np.float64]:
    """Values of one training; see ``surrogates.predictor.Predictor.draw``.

    Raises:
        SurrogateError: As for :func:`predicted`.
    """
    with np.errstate(all="ignore"):
        found: NDArray[np.float64] = predictor.draw(values, rank, seed)
    _check_sane(found)
    return found


def _check_sane(numbers: NDArray[np.float64]) -> None:
    if not (np.abs(numbers) <= LARGEST).all():
        raise SurrogateError(
            f"the model answers with numbers that are not finite or beyond {LARGEST:g}, which no "
            "fit gives: replace the surrogate by an undamaged copy"
        )
