"""Kernel density over architectures, with a product kernel over decisions, as in BOHB."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

_NORMALISER = 1 / np.sqrt(2 * np.pi)


class KernelDensity:
    """Kernel density estimate with one product kernel per data point.

    Categorical columns use the kernel of Aitchison and Aitken: ``1 - h`` at the point and ``h``
    spread over the other options. Other columns use a normal kernel of standard deviation ``h``.
    Bandwidths ``h`` follow the normal reference rule, 1.06 standard deviations times
    ``n ** (-1 / (4 + d))``; in categorical columns, of the option numbers. There they are capped at
    ``(c - 1) / c`` for ``c`` options, where the kernel is uniform; beyond it the kernel would
    prefer the other options.

    Args:
        data: Points of shape ``(n, d)``: option numbers, or numbers in [0, 1].
        n_options: For each of the ``d`` columns its number of options, or 0 if it is not
            categorical.
        min_bandwidth: Minimum bandwidth.

    Attributes:
        bandwidths: Bandwidth of each column, shape ``(d,)``.
    """

    def __init__(
        self, data: NDArray[np.float64], n_options: Sequence[int], *, min_bandwidth: float
    ) -> None:
        self._data = data
        self._n_options = np.array(n_options)
        n, d = data.shape
        spread = 1.06 * data.std(axis=0) * n ** (-1 / (4 + d))
        self.bandwidths: NDArray[np.float64] = np.minimum(
            np.maximum(spread, min_bandwidth), self._most()
        )
        options = np.arange(self._n_options.max())[:, None]
        same, other = 1 - self.bandwidths, self._other()
        self._factors = np.where(
            data.T[:, None] == options, same[:, None, None], other[:, None, None]
        )

    def _most(self) -> NDArray[np.float64]:
        """Maximum bandwidth of each column."""
        return np.where(self._n_options > 0, 1 - 1 / np.maximum(self._n_options, 1), np.inf)

    def _other(self) -> NDArray[np.float64]:
        """Kernel of each column at an option other than that of the data point."""
        other: NDArray[np.float64] = self.bandwidths / np.maximum(self._n_options - 1, 1)
        return other

    def density(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Density at points of shape ``(m, d)``; returns shape ``(m,)``."""
        product = np.ones((len(points), len(self._data)))
        options = points.astype(np.intp)
        for k, (h, n) in enumerate(zip(self.bandwidths, self._n_options, strict=True)):
            if n:
                product *= self._factors[k].take(options[:, k], axis=0)
            else:
                difference = points[:, k, None] - self._data[:, k]
                product *= _NORMALISER / h * np.exp(-0.5 * (difference / h) ** 2)
        mean: NDArray[np.float64] = product.mean(axis=1)
        return mean

    def sample(self, m: int, rng: np.random.Generator, *, factor: float) -> NDArray[np.float64]:
        """Draws points near data points.

        A categorical column keeps its option with probability ``1 - h`` and is uniform otherwise.
        Other columns are drawn from a normal distribution with ``factor`` times the bandwidth,
        truncated to [0, 1].

        Args:
            m: Number of points.
            rng: Random generator.
            factor: Factor on the bandwidths of columns that are not categorical.

        Returns:
            Points of shape ``(m, d)``.
        """
        centers = self._data[rng.integers(len(self._data), size=m)]
        draws, again = rng.random(centers.shape), rng.random(centers.shape)
        keeps = draws < 1 - self.bandwidths
        points: NDArray[np.float64] = np.where(keeps, centers, np.floor(again * self._n_options))
        numeric = self._n_options == 0
        if not numeric.any():
            return points
        center, scale = centers[:, numeric], factor * self.bandwidths[numeric]
        low, high = ndtr(-center / scale), ndtr((1 - center) / scale)
        drawn = center + scale * ndtri(low + draws[:, numeric] * (high - low))
        points[:, numeric] = np.clip(drawn, 0, 1)
        return points


class StatsmodelsDensity(KernelDensity):
    """The density that HpBandSter's BOHB takes from statsmodels (``KDEMultivariate``).

    The bandwidth of a categorical column has no cap, and its kernel spreads ``h`` over the options
    that occur in the data, without the point's own. So the density is negative where ``h`` exceeds
    1, and infinite at other options where all data points share one.
    """

    def _most(self) -> NDArray[np.float64]:
        return np.full(len(self._n_options), np.inf)

    def _other(self) -> NDArray[np.float64]:
        n_levels = np.array([len(np.unique(column)) for column in self._data.T])
        with np.errstate(divide="ignore"):
            other: NDArray[np.float64] = self.bandwidths / (n_levels - 1)
        return other

    def density(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):  # infinite factors of both signs
            return super().density(points)
