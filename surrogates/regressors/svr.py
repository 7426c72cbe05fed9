"""Support vector regression."""

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import sklearn.svm
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from nasbench.errors import InvalidArgumentError, SurrogateError, one_of
from nasbench.regressor import Prediction, Regressor, read_numbers, write_arrays
from nasbench.space import SearchSpace
from surrogates.regressors.parts.features import features, n_columns

_FILE = "svr.npz"
_KINDS = ("nu", "epsilon")


class SVR(Regressor):
    """Support vector regression with a Gaussian kernel on standardised features and targets.

    ``kind="nu"`` sets the share of examples that become support vectors (Schölkopf et al., 2000,
    https://doi.org/10.1162/089976600300015565); ``kind="epsilon"`` sets the error that costs
    nothing (Smola and Schölkopf, 2004, https://doi.org/10.1023/B:STCO.0000035301.49549.88). The
    model has no uncertainty: ``std`` is 0.

    The presets ``nb301_nu`` and ``nb301_epsilon`` take ``C`` and ``nu`` or ``epsilon`` from
    NAS-Bench-301 (Zela et al., 2022, https://arxiv.org/abs/2008.09777). There targets are
    percentages, neither targets nor features are standardised, and the second uses a sigmoid
    kernel.

    Args:
        space: The search space.
        seed: Has no effect.
        kind: ``"nu"`` or ``"epsilon"``.
        C: Cost of an error relative to the squared weights.
        nu: Minimum share of support vectors, and maximum share of examples whose error costs, in
            (0, 1].
        epsilon: Largest error that costs nothing, in standard deviations of the targets.
        gamma: One over the squared length scale, in units of one over the number of features times
            their variance.
        encodings: Encodings that are the features, names from :data:`nasbench.encodings.ENCODINGS`;
            None for :func:`~surrogates.regressors.parts.features.default_encodings`.
    """

    family = "support vector regression"
    takes_columns = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb301_nu": {"kind": "nu", "C": 5.313144936998388, "nu": 0.18390286043623272},
        "nb301_epsilon": {
            "kind": "epsilon",
            "C": 3.065989708964816,
            "epsilon": 0.02510192340226729,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        kind: str = "nu",
        C: float = 3.0,
        nu: float = 0.5,
        epsilon: float = 0.02,
        gamma: float = 1.0,
        encodings: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, seed=seed)
        if kind not in _KINDS:
            raise InvalidArgumentError(f"kind = {kind!r}{one_of(kind, _KINDS)}")
        for name, number in (("C", C), ("gamma", gamma)):
            if not 0 < number < inf:
                raise InvalidArgumentError(f"{name} = {number} must be positive and finite")
        if not 0 < nu <= 1:
            raise InvalidArgumentError(f"nu = {nu} must be in (0, 1]")
        if not 0 <= epsilon < inf:
            raise InvalidArgumentError(f"epsilon = {epsilon} must be finite, not negative")
        self.kind = kind
        self.C = C
        self.nu = nu
        self.epsilon = epsilon
        self.gamma = gamma
        self.encodings = encodings
        self._arrays: dict[str, NDArray[np.float64]]

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        x = features(self.space, archs, self.encodings, self.columns).astype(np.float64)
        center, scale = x.mean(axis=0), np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), 1.0)
        x = (x - center) / scale
        mean, std = targets.mean(), targets.std()
        gamma = self.gamma / (x.shape[1] * (x.var() or 1.0))
        if self.kind == "nu":
            machine = sklearn.svm.NuSVR(C=self.C, nu=self.nu, gamma=gamma)
        else:
            machine = sklearn.svm.SVR(C=self.C, epsilon=self.epsilon, gamma=gamma)
        machine.random_state = 0  # otherwise it draws a number from the global generator
        machine.fit(x, (targets - mean) / std)
        self._arrays = {
            "center": center,
            "scale": scale,
            "vectors": machine.support_vectors_,
            "weights": machine.dual_coef_[0],
            "constants": np.array([gamma, machine.intercept_[0], mean, std]),
        }

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        center, scale, vectors, weights, constants = self._arrays.values()
        gamma, intercept, mean, std = constants
        x = (features(self.space, archs, self.encodings, self.columns) - center) / scale
        standardised = np.exp(-gamma * cdist(x, vectors, "sqeuclidean")) @ weights + intercept
        return Prediction(mean + std * standardised, np.zeros(len(x)))

    def save(self, folder: Path) -> None:
        write_arrays(folder / _FILE, self._arrays)

    def restore(self, folder: Path) -> Self:
        p = n_columns(self.space, self.encodings)
        shapes = ((p,), (p,), (None, p), (None,), (4,))
        names = ("center", "scale", "vectors", "weights", "constants")
        path = folder / _FILE
        arrays = read_numbers(path, dict(zip(names, shapes, strict=True)))
        gamma, _, _, std = arrays["constants"]
        if (
            len(arrays["vectors"]) != len(arrays["weights"])
            or not (arrays["scale"] > 0).all()
            or not (gamma >= 0 and std >= 0)
        ):
            raise SurrogateError(f"{path} holds what no fit gives")
        self._arrays = arrays
        return self
