"""How trainings of one architecture differ: size of the noise and its correlation over epochs.

The residual of a training is ``scale(level) * (loadings.T @ z + rest * e)`` with independent
standard normal ``z`` and ``e``: a factor model of the covariance between epochs and metrics whose
size depends on how good the architecture is, because weak architectures vary more between seeds.
NAS-Bench-x11 (Yan et al., 2021, https://arxiv.org/abs/2111.03602, section 3.3) models only the
standard deviation of each epoch.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from nasbench.splitmix import key, uniform

_FACTORS = 6
_BINS = 10
_IN_BIN = 30


class Noise(NamedTuple):
    """Distribution of the residuals of ``v`` values.

    Attributes:
        levels: Ascending levels, shape ``(b,)``.
        scales: Scale at each level, interpolated linearly in between, shape ``(b,)``.
        loadings: Factor loadings, shape ``(f, v)``.
        rest: Standard deviation that no factor explains, shape ``(v,)``.
    """

    levels: NDArray[np.float64]
    scales: NDArray[np.float64]
    loadings: NDArray[np.float64]
    rest: NDArray[np.float64]

    @classmethod
    def fit(cls, residuals: NDArray[np.float64], level: NDArray[np.float64]) -> Self:
        """Fit to residuals of mean zero.

        Args:
            residuals: Residuals of ``n`` trainings, shape ``(n, v)``.
            level: Level of the architecture of each training, shape ``(n,)``.
        """
        order = np.argsort(level, kind="stable")
        bins = np.array_split(order, max(1, min(_BINS, len(order) // _IN_BIN)))
        size = np.sqrt(np.square(residuals).mean(axis=1))
        levels = np.array([level[rows].mean() for rows in bins])
        scales = np.array([np.sqrt(np.square(size[rows]).mean()) for rows in bins])
        scales = np.maximum(scales, 1e-6 * max(scales.max(), 1e-300))
        levels, first = np.unique(levels, return_index=True)
        scales = scales[first]
        normal = residuals / np.interp(level, levels, scales)[:, None]
        _, sizes, rows = np.linalg.svd(normal / np.sqrt(len(normal)), full_matrices=False)
        loadings = sizes[:_FACTORS, None] * rows[:_FACTORS]
        variance = np.square(normal).mean(axis=0)
        rest = np.sqrt(np.maximum(variance - np.square(loadings).sum(axis=0), 0.0))
        return cls(levels, scales, loadings, rest)

    def std(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation of every value at ``n`` levels, shape ``(n, v)``."""
        one = np.sqrt(np.square(self.loadings).sum(axis=0) + np.square(self.rest))
        std: NDArray[np.float64] = np.interp(level, self.levels, self.scales)[:, None] * one
        return std

    def draw(self, level: float, rank: int, seed: int) -> NDArray[np.float64]:
        """Residuals of one training, shape ``(v,)``; a function of level, rank and seed alone."""
        n_factors = len(self.loadings)
        inside = uniform(key(rank, seed), n_factors + len(self.rest)) * (1 - 2.0**-53) + 2.0**-54
        normal = ndtri(inside)
        drawn = normal[:n_factors] @ self.loadings + normal[n_factors:] * self.rest
        size: NDArray[np.float64] = np.interp(level, self.levels, self.scales) * drawn
        return size
