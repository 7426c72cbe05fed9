"""Nearest neighbours (Cover and Hart, 1967, https://doi.org/10.1109/TIT.1967.1053964)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from nasbench.errors import InvalidArgumentError, NasbenchError, SurrogateError
from nasbench.regressor import Prediction, Regressor, read_arrays, write_arrays
from nasbench.space import SearchSpace
from surrogates.regressors.parts.features import features

_FILE = "examples.npz"
_BLOCK = 1_024


class KNN(Regressor):
    """Mean of the ``k`` nearest examples; ``std`` is their standard deviation.

    This is the baseline for every surrogate. By default the distance is the number of decisions
    that differ; ties go to earlier examples. On 1,000 cells of ``nb201-cifar100``, 10 neighbours
    explain the targets of unseen cells about as well as any number from 5 to 12.

    Args:
        space: The search space.
        seed: Has no effect.
        k: Number of examples to average; all if there are fewer.
        encodings: Encodings between which the Euclidean distance is measured, names from
            :data:`nasbench.encodings.ENCODINGS`; None to count decisions that differ.
    """

    family = "nearest neighbours"
    takes_columns = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        k: int = 10,
        encodings: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, seed=seed)
        if k < 1:
            raise InvalidArgumentError(f"k = {k} must be at least 1")
        self.k = k
        self.encodings = encodings

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        self._archs = archs
        self._targets = targets
        self._examples = self._rows(archs)

    def _rows(self, archs: NDArray[np.integer]) -> NDArray[np.float32]:
        encodings = ("one_hot",) if self.encodings is None else self.encodings
        return features(self.space, archs, encodings, self.columns)

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        mean, std = np.empty(len(archs)), np.empty(len(archs))
        for first in range(0, len(archs), _BLOCK):
            rows = slice(first, first + _BLOCK)
            distances = cdist(self._rows(archs[rows]), self._examples, "sqeuclidean")
            nearest = self._targets[distances.argsort(axis=1, kind="stable")[:, : self.k]]
            mean[rows], std[rows] = nearest.mean(axis=1), nearest.std(axis=1)
        return Prediction(mean, std)

    def save(self, folder: Path) -> None:
        write_arrays(folder / _FILE, {"archs": self._archs, "targets": self._targets})

    def restore(self, folder: Path) -> Self:
        path = folder / _FILE
        arrays = read_arrays(path, ("archs", "targets"))
        try:
            return self.fit(arrays["archs"], arrays["targets"])
        except (NasbenchError, ValueError) as error:
            raise SurrogateError(
                f"{path} holds no examples of {self.space.name!r}: {error}"
            ) from error
