"""Bayesian linear regression (Bishop, 2006, "Pattern Recognition and Machine Learning", 3.3)."""

from math import inf
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from nasbench.errors import InvalidArgumentError

Numbers = NDArray[np.float64]


class BayesianLinear:
    """Linear regression with a Gaussian prior on its weights and Gaussian noise, in closed form.

    There is no intercept: centre the targets, or append a column of ones to the features.

    Args:
        alpha: Precision (1 / variance) of the prior of a weight.
        beta: Precision of the noise.

    Raises:
        InvalidArgumentError: A precision is not positive and finite.
    """

    def __init__(self, alpha: float = 1.0, beta: float = 1000.0) -> None:
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not 0 < value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be positive and finite")
        self.alpha = alpha
        self.beta = beta

    def fit(self, features: Numbers, targets: Numbers) -> Self:
        """Compute the posterior of the weights.

        Args:
            features: Shape ``(n, d)``.
            targets: Shape ``(n,)``.

        Raises:
            numpy.linalg.LinAlgError: The precision of the posterior is not a positive definite
                matrix of finite numbers.
        """
        # In units of beta, so that no product is larger than the features make it.
        ridge = self.alpha / self.beta
        precision = features.T @ features
        precision.flat[:: len(precision) + 1] += ridge
        if not np.isfinite(precision).all():
            raise np.linalg.LinAlgError("the features are too large")
        self._factor = cho_factor(precision, lower=True)
        self.weights: Numbers = cho_solve(self._factor, features.T @ targets)
        return self

    def predict(self, features: Numbers) -> tuple[Numbers, Numbers]:
        """Return mean and standard deviation of targets, noise included, each of shape ``(n,)``."""
        half = solve_triangular(self._factor[0], features.T, lower=True)
        variance = (1 + (half * half).sum(axis=0)) / self.beta
        return features @ self.weights, np.sqrt(variance)
