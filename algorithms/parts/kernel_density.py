"""Kernel density over architectures, with a product kernel over decisions, as in BOHB."""

from collections.abc import Sequence
from functools import lru_cache

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
        groups: Different points, shape ``(u, d)``, some of which may not be in the data, and for
            each data point its place among them, shape ``(n,)``: kernels are computed once for
            equal points. None if they are not known.

    Attributes:
        bandwidths: Bandwidth of each column, shape ``(d,)``.
    """

    def __init__(
        self,
        data: NDArray[np.float64],
        n_options: Sequence[int],
        *,
        min_bandwidth: float,
        groups: tuple[NDArray[np.float64], NDArray[np.intp]] | None = None,
    ) -> None:
        self._data = data
        self._n_options = np.array(n_options)
        self._places: NDArray[np.intp] | None = None
        if groups is None:
            different, std = data, data.std(axis=0)
        else:
            occurs = np.bincount(groups[1], minlength=len(groups[0])) > 0
            different = groups[0].compress(occurs, axis=0)
            self._places = (np.cumsum(occurs) - 1).take(groups[1])
            std = _std(data, different, self._places)
        self._columns = np.ascontiguousarray(different.T)
        n, d = data.shape
        spread = 1.06 * std * n ** (-1 / (4 + d))
        self.bandwidths: NDArray[np.float64] = np.minimum(
            np.maximum(spread, min_bandwidth), self._most()
        )
        self._same, self._others = 1 - self.bandwidths, self._other()

    def _most(self) -> NDArray[np.float64]:
        """Maximum bandwidth of each column."""
        return np.where(self._n_options > 0, 1 - 1 / np.maximum(self._n_options, 1), np.inf)

    def _other(self) -> NDArray[np.float64]:
        """Kernel of each column at an option other than that of the data point."""
        other: NDArray[np.float64] = self.bandwidths / np.maximum(self._n_options - 1, 1)
        return other

    def density(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Density at points of shape ``(m, d)``; returns shape ``(m,)``."""
        product = np.ones((len(points), self._columns.shape[1]))
        for k, (h, n) in enumerate(zip(self.bandwidths, self._n_options, strict=True)):
            at, column = points[:, k], self._columns[k]
            if not n:
                product *= _NORMALISER / h * np.exp(-0.5 * ((at[:, None] - column) / h) ** 2)
                continue
            options = at if len(at) <= n else np.arange(n)
            factors = np.where(options[:, None] == column, self._same[k], self._others[k])
            product *= factors if options is at else factors.take(at.astype(np.intp), axis=0)
        if self._places is not None:
            product = product.take(self._places, axis=1)
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
        n_levels = np.array([len(np.unique(column)) for column in self._columns])
        with np.errstate(divide="ignore"):
            other: NDArray[np.float64] = self.bandwidths / (n_levels - 1)
        return other

    def density(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):  # infinite factors of both signs
            return super().density(points)


def _std(
    data: NDArray[np.float64], different: NDArray[np.float64], places: NDArray[np.intp]
) -> NDArray[np.float64]:
    """``data.std(axis=0)`` to the bit, where ``data`` is ``different[places]``."""
    n, d = data.shape
    columns = _columns(1 << n.bit_length(), d)[: n * d]
    mean = np.bincount(columns, data.ravel()) / n
    squares = np.square(different - mean).take(places, axis=0)
    std: NDArray[np.float64] = np.sqrt(np.bincount(columns, squares.ravel()) / n)
    return std


@lru_cache(8)
def _columns(n: int, d: int) -> NDArray[np.intp]:
    """The column of every number in ``n`` rows of ``d``."""
    return np.tile(np.arange(d), n)
