"""Curves as a few numbers: principal components, as in NAS-Bench-x11.

Yan et al. (2021), https://arxiv.org/abs/2111.03602, section 3: the singular value decomposition of
the training curves, of which the first ``k`` components are kept.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray


class Compression(NamedTuple):
    """Vectors of ``v`` values as ``k`` coefficients.

    Attributes:
        mean: Mean vector, shape ``(v,)``.
        components: Orthonormal rows, those of the largest variance first, shape ``(k, v)``.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: NDArray[np.float64], k: int) -> Self:
        """Of ``n`` vectors, at most ``k`` components and only those in which they vary."""
        mean = vectors.mean(axis=0)
        _, sizes, rows = np.linalg.svd(vectors - mean, full_matrices=False)
        kept = sizes[:k] > 1e-9 * max(sizes[0], 1e-300)
        rows = rows[:k][kept]
        signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
        return cls(mean, rows * signs[:, None])

    def encode(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients of shape ``(n, k)``."""
        return (vectors - self.mean) @ self.components.T

    def decode(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Vectors of shape ``(n, v)``."""
        return self.mean + coefficients @ self.components

    def spread(self, std: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviations of vectors whose coefficients deviate independently by ``std``."""
        spread: NDArray[np.float64] = np.sqrt(np.square(std) @ np.square(self.components))
        return spread
