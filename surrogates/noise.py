"""How trainings of one architecture differ: size of the noise and its correlation over epochs.

The residual of a training is ``scale(level) * (loadings.T @ z + rest * e)`` with independent
standard normal ``z`` and ``e``: a factor model of the covariance between epochs and metrics whose
size depends on how good the architecture is, because weak architectures vary more between seeds.
NAS-Bench-x11 (Yan et al., 2021, https://arxiv.org/abs/2111.03602, section 3.1) has three models of
noise, each with one of the two: a standard deviation of each epoch and a sliding window, which
depend on the architecture but are not correlated over epochs, and a Gaussian kernel density
estimate of residuals, which is correlated but the same for all architectures.

Sizes and correlations are those of ordinary trainings. A training that diverged or collapsed is not
the tail of a normal distribution and does not widen it.
"""

import math
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from nasbench.splitmix import key, uniform

_FACTORS = 6
_BINS = 10
_IN_BIN = 30
_CUT = 3.0
_QUARTILE = float(ndtri(0.875))
_DENSITY_AT_CUT = math.exp(-(_CUT**2) / 2) / math.sqrt(2 * math.pi)
_STD_WITHIN_CUT = math.sqrt(1 - 2 * _CUT * _DENSITY_AT_CUT / math.erf(_CUT / math.sqrt(2)))


class Noise(NamedTuple):
    """Distribution of the residuals of ``v`` values.

    Attributes:
        levels: Ascending levels, shape ``(b,)``.
        scales: Scale at each level, interpolated linearly in between, shape ``(b,)``; zero where
            no noise was measured.
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
        levels = np.array([level[rows].mean() for rows in bins])
        scales = np.array([np.sqrt(np.square(robust_std(residuals[rows])).mean()) for rows in bins])
        if not scales.any():
            return cls.none(residuals.shape[1])
        scales = np.maximum(scales, 1e-6 * scales.max())
        levels, first = np.unique(levels, return_index=True)
        scales = scales[first]
        normal = residuals / np.interp(level, levels, scales)[:, None]
        size = robust_std(normal)
        loadings, rest = _factors(normal / np.where(size > 0, size, 1.0))
        return cls(levels, scales, loadings * size, rest * size)

    @classmethod
    def none(cls, v: int) -> Self:
        """No noise in ``v`` values."""
        return cls(np.zeros(1), np.zeros(1), np.zeros((0, v)), np.zeros(v))

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


def robust_std(residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of the ordinary ones among ``n`` residuals of mean zero.

    A first estimate comes from the upper quartile of the absolute residuals; those within three
    times this estimate give the standard deviation, corrected for the cut. Up to a quarter of the
    residuals may be outliers.

    Args:
        residuals: Shape ``(n, ...)``.

    Returns:
        Shape ``(...)``.
    """
    absolute = np.abs(residuals)
    first = np.quantile(absolute, 0.75, axis=0) / _QUARTILE
    inside = absolute <= _CUT * first
    total = np.where(inside, np.square(residuals), 0.0).sum(axis=0)
    std: NDArray[np.float64] = np.sqrt(total / inside.sum(axis=0)) / _STD_WITHIN_CUT
    return std


def _factors(
    standardised: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Loadings and rest of residuals with standard deviation 1, or 0, each; outliers are cut."""
    ordinary = np.sqrt(np.square(standardised).mean(axis=1)) <= _CUT
    cut = np.clip(standardised[ordinary], -_CUT, _CUT)
    variance = np.square(cut).mean(axis=0)
    cut /= np.sqrt(np.where(variance > 0, variance, 1.0))
    _, sizes, rows = np.linalg.svd(cut / np.sqrt(len(cut)), full_matrices=False)
    loadings = sizes[:_FACTORS, None] * rows[:_FACTORS]
    rest = np.sqrt(np.maximum((variance > 0) - np.square(loadings).sum(axis=0), 0.0))
    return loadings, rest
