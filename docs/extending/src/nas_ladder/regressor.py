"""A sum of the effects of single options."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.encodings import one_hot
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Prediction, Regressor, read_numbers, write_arrays
from nasbench.space import SearchSpace


class Additive(Regressor):
    """Ridge regression on the options; ``std`` is the root mean square of the residuals.

    Args:
        space: The search space.
        seed: Has no effect.
        penalty: Weight of the squared effects.
    """

    family = "linear"

    def __init__(self, space: SearchSpace, *, seed: int = 0, penalty: float = 1.0) -> None:
        super().__init__(space, seed=seed)
        if not penalty > 0:
            raise InvalidArgumentError(f"penalty = {penalty} must be positive")
        self.penalty = penalty

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        x = one_hot(self.space, archs).astype(np.float64)
        squares = x.T @ x + self.penalty * np.eye(x.shape[1])
        self._mean = targets.mean()
        self._effects = np.linalg.solve(squares, x.T @ (targets - self._mean))
        self._std = np.sqrt(np.mean((self._predict(archs).mean - targets) ** 2))

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        mean = self._mean + one_hot(self.space, archs).astype(np.float64) @ self._effects
        return Prediction(mean, np.full(len(archs), getattr(self, "_std", 0.0)))

    def save(self, folder: Path) -> None:
        arrays: dict[str, Any] = {"mean": self._mean, "effects": self._effects, "std": self._std}
        write_arrays(folder / "additive.npz", arrays)

    def restore(self, folder: Path) -> Self:
        shapes = {"mean": (), "effects": (sum(self.space.options),), "std": ()}
        found = read_numbers(folder / "additive.npz", shapes)
        self._mean, self._effects, self._std = found["mean"], found["effects"], found["std"]
        return self
