"""Numbers that are known before training as features of a model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import Known
from nasbench.space import Arch

LIMIT = 5.0
"""Standard deviations from the mean of the examples beyond which features are equal."""

UNDEFINED = -6.0
"""Feature of a number that is not defined."""


class KnownFeatures:
    """Known numbers of architectures, scaled by those of the examples.

    Scores such as synflow span many orders of magnitude. So of each number ``x``, ``log(1 + |x|)``
    with the sign of ``x`` is the feature, in standard deviations from the mean of the finite ones
    among the examples, within ``LIMIT``. Infinity is at the limit of its sign, and a number that is
    not defined (NaN) has the feature ``UNDEFINED``, below all others.

    Args:
        known: Gives the numbers.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._mean = self._std = np.zeros(0)

    def fit(self, archs: Sequence[Arch]) -> None:
        """Take mean and standard deviation from examples, at least one."""
        found = self._logs(archs)
        finite = np.isfinite(found)
        n = np.maximum(finite.sum(axis=0), 1)
        self._mean = np.where(finite, found, 0).sum(axis=0) / n
        differences = np.where(finite, found - self._mean, 0)
        deviations = np.sqrt((differences**2).sum(axis=0) / n)
        # Rounding of the mean is no difference
        self._std = np.where(deviations > 1e-9 * (1 + np.abs(self._mean)), deviations, 1.0)

    def __call__(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the features, shape ``(n, n_numbers)``, of architectures of shape ``(n, d)``."""
        found = (self._logs([tuple(arch) for arch in archs.tolist()]) - self._mean) / self._std
        return np.where(np.isnan(found), UNDEFINED, np.clip(found, -LIMIT, LIMIT))

    def _logs(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        numbers = np.array([self._known(arch) for arch in archs], dtype=np.float64)
        numbers = numbers.reshape(len(archs), -1)
        return np.copysign(np.log1p(np.abs(numbers)), numbers)
