"""Ridge regression (Hoerl and Kennard, 1970, https://doi.org/10.1080/00401706.1970.10488634)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import SurrogateError
from nasbench.regressor import Prediction, Regressor, read_numbers, write_arrays
from nasbench.space import SearchSpace
from surrogates.regressors.parts.features import features, n_columns

_FILE = "linear.npz"
_PENALTIES = np.logspace(-6, 2, 33)


class Linear(Regressor):
    """Ridge regression on standardised features.

    The penalty is chosen among 33 values between 1e-6 and 100 times the number of examples by
    generalised cross-validation (Golub et al., 1979,
    https://doi.org/10.1080/00401706.1979.10489751). ``std`` is that of a new target: it combines
    the residuals and, in the Bayesian view of the penalty, the uncertainty of mean and weights.

    Args:
        space: The search space.
        seed: Has no effect.
        encodings: Encodings that are the features, names from :data:`nasbench.encodings.ENCODINGS`;
            None for :func:`~surrogates.regressors.parts.features.default_encodings`.
    """

    family = "linear"
    takes_columns = True

    def __init__(
        self, space: SearchSpace, *, seed: int = 0, encodings: Sequence[str] | None = None
    ) -> None:
        super().__init__(space, seed=seed)
        self.encodings = encodings
        self._arrays: dict[str, NDArray[np.float64]]

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        x = features(self.space, archs, self.encodings, self.columns).astype(np.float64)
        n = len(x)
        center, intercept = x.mean(axis=0), targets.mean()
        scale = np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), 1.0)
        u, s, directions = np.linalg.svd((x - center) / scale, full_matrices=False)
        y = targets - intercept
        along = u.T @ y
        penalties = n * _PENALTIES
        shrunk = penalties[:, None] / (s**2 + penalties[:, None])
        residual = max(y @ y - along @ along, 0.0) + shrunk**2 @ along**2
        degrees_of_freedom = n - 1 - (1 - shrunk).sum(axis=1)
        best = np.argmin(residual / degrees_of_freedom**2)
        penalty = penalties[best]
        self._arrays = {
            "center": center,
            "scale": scale,
            "weights": (s / (s**2 + penalty) * along) @ directions,
            "directions": directions,
            "known": 1 / penalty - 1 / (s**2 + penalty),
            "constants": np.array(
                [intercept, residual[best] / degrees_of_freedom[best], 1 / penalty, 1 / n]
            ),
        }

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        center, scale, weights, directions, known, constants = self._arrays.values()
        intercept, noise, unknown, shift = constants
        x = (features(self.space, archs, self.encodings, self.columns) - center) / scale
        uncertainty = unknown * (x**2).sum(axis=1) - (x @ directions.T) ** 2 @ known
        return Prediction(intercept + x @ weights, np.sqrt(noise * (1 + shift + uncertainty)))

    def save(self, folder: Path) -> None:
        write_arrays(folder / _FILE, self._arrays)

    def restore(self, folder: Path) -> Self:
        p = n_columns(self.space, self.encodings)
        shapes = ((p,), (p,), (p,), (None, p), (None,), (4,))
        names = ("center", "scale", "weights", "directions", "known", "constants")
        path = folder / _FILE
        arrays = read_numbers(path, dict(zip(names, shapes, strict=True)))
        _, noise, unknown, shift = arrays["constants"]
        if (
            len(arrays["known"]) != len(arrays["directions"])
            or not (arrays["scale"] > 0).all()
            or min(noise, shift, unknown) < 0
        ):
            raise SurrogateError(f"{path} holds what no fit gives")
        self._arrays = arrays
        return self
