"""Curves compressed to a few coefficients by principal component analysis, as in NAS-Bench-x11.

Yan et al. (2021), https://arxiv.org/abs/2111.03602, section 3: the first ``k`` components of the
singular value decomposition of the training curves.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray


class Compression(NamedTuple):
    """A linear map between vectors of ``v`` values and ``k`` coefficients.

    Attributes:
        mean: Mean vector, shape ``(v,)``.
        components: Orthonormal rows in order of decreasing variance, shape ``(k, v)``.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: NDArray[np.float64], k: int) -> Self:
        """Fit to ``n`` vectors; at most ``k`` components, and none along which they do not vary."""
        mean = vectors.mean(axis=0)
        _, sizes, rows = np.linalg.svd(vectors - mean, full_matrices=False)
        kept = sizes[:k] > 1e-9 * max(sizes[0], 1e-300)
        rows = rows[:k][kept]
        signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
        return cls(mean, rows * signs[:, None])

    def encode(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients of vectors, shape ``(n, k)``."""
        return (vectors - self.mean) @ self.components.T

    def decode(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Vectors from coefficients, shape ``(n, v)``."""
        return self.mean + coefficients @ self.components

    def spread(self, std: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviations of vectors whose coefficients deviate independently by ``std``."""
        spread: NDArray[np.float64] = np.sqrt(np.square(std) @ np.square(self.components))
        return spread
