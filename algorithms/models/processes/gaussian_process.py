"""Exact Gaussian processes on a Gram matrix (Rasmussen and Williams, 2006, https://gaussianprocess.org/gpml)."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.linalg import LinAlgError
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from algorithms.models.processes.kernels import Kernel
from nasbench.space import Arch

Numbers: TypeAlias = NDArray[np.float64]

_LOG_2_PI = np.log(2 * np.pi)
_JITTERS = (0.0, *(10.0**k for k in range(-10, 2)))
_MIN_VARIANCE = 1e-12


class GaussianProcess:
    """Gaussian process with mean 0 and noise, conditioned on examples.

    If a Gram matrix is not positive definite up to round-off, a jitter is added to its diagonal:
    the smallest of 1e-10, 1e-9, ..., 10 times the signal that helps. That is the same as more
    noise.

    Args:
        kernel: Similarity of architectures.
        logs: Logarithms of the variance of the signal, of that of the noise, and of the parameters
            of the kernel, shape ``(2 + n_parameters,)``.
        archs: Architectures of the examples.
        targets: Their targets, shape ``(n,)``, or several sets of targets, shape ``(n, m)``.
        compared: ``kernel.compare(archs, archs)``, if it was computed before.

    Raises:
        LinAlgError: The Gram matrix is not positive definite whatever jitter is added.
    """

    def __init__(
        self,
        kernel: Kernel,
        logs: Numbers,
        archs: Sequence[Arch],
        targets: Numbers,
        *,
        compared: Numbers | None = None,
    ) -> None:
        self.kernel = kernel
        self.logs = logs
        self._signal, self._noise = np.exp(logs[:2])
        if compared is None:
            compared = kernel.compare(archs, archs)
        gram = self._signal * kernel.gram(compared, logs[2:])
        for jitter in _JITTERS:
            added = self._noise + jitter * self._signal
            try:
                factor = _factor(gram, added)
            except LinAlgError:
                continue
            self._condition(archs, factor, added, targets)
            return
        raise LinAlgError("the Gram matrix is not positive definite")

    def _condition(
        self, archs: Sequence[Arch], factor: Numbers, added: float, targets: Numbers
    ) -> None:
        self.archs = list(archs)
        self.targets = targets
        self._factor = factor
        self._added = added
        self._weights = cho_solve((factor, True), targets, check_finite=False)

    def extended(self, archs: Sequence[Arch], targets: Numbers) -> "GaussianProcess":
        """Return the process with more examples and the same parameters.

        The Cholesky factor grows by a block, in a time that grows with the square of the number of
        examples; the result is that of conditioning anew.

        Args:
            archs: Architectures of the further examples; maybe none.
            targets: Targets of all examples, those before first, shape ``(n,)`` or ``(n, m)``.

        Raises:
            LinAlgError: As of the class.
        """
        added, factor = self._added, self._factor
        if archs:
            try:
                factor = self._grown(archs)
            except LinAlgError:
                return GaussianProcess(self.kernel, self.logs, [*self.archs, *archs], targets)
        other = GaussianProcess.__new__(GaussianProcess)
        other.kernel, other.logs = self.kernel, self.logs
        other._signal, other._noise = self._signal, self._noise
        other._condition([*self.archs, *archs], factor, added, targets)
        return other

    def _grown(self, archs: Sequence[Arch]) -> Numbers:
        n, k = len(self.archs), len(archs)
        factor = np.zeros((n + k, n + k))
        factor[:n, :n] = self._factor
        across = _solve(self._factor, self._covariance(self.archs, archs))
        factor[n:, :n] = across.T
        corner = self._covariance(archs, archs) - across.T @ across
        factor[n:, n:] = _factor(corner, self._added)
        return factor

    def _covariance(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        compared = self.kernel.compare(a, b)
        covariance: Numbers = self._signal * self.kernel.gram(compared, self.logs[2:])
        return covariance

    @property
    def log_likelihood(self) -> float:
        """Log marginal likelihood of the targets, which must be of shape ``(n,)``."""
        return _log_likelihood(self._factor, self.targets, self._weights)

    def predict(self, archs: Sequence[Arch]) -> tuple[Numbers, Numbers]:
        """Predict targets without noise.

        Args:
            archs: ``k`` architectures.

        Returns:
            Means of shape ``(k,)``, or ``(k, m)`` for several sets of targets, and standard
            deviations of shape ``(k,)``.
        """
        across = self._covariance(self.archs, archs)
        explained = _solve(self._factor, across)
        variance = self._signal - np.einsum("ij,ij->j", explained, explained)
        floor = _MIN_VARIANCE * self._signal
        return across.T @ self._weights, np.sqrt(np.maximum(variance, floor))

    def sample(self, archs: Sequence[Arch], n: int, rng: Generator) -> Numbers:
        """Draw targets without noise jointly; of ``n`` sets of targets, each draw is of one.

        Args:
            archs: ``k`` architectures.
            n: Number of draws.
            rng: Source of randomness.

        Returns:
            Draws of shape ``(n, k)``.

        Raises:
            LinAlgError: As of the class.
        """
        across = self._covariance(self.archs, archs)
        explained = _solve(self._factor, across)
        covariance = self._covariance(archs, archs) - explained.T @ explained
        for jitter in _JITTERS[1:]:
            try:
                root = _factor(covariance, jitter * self._signal)
            except LinAlgError:
                continue
            mean = (across.T @ self._weights).T
            drawn: Numbers = mean + rng.standard_normal((n, len(archs))) @ root.T
            return drawn
        raise LinAlgError("the covariance is not positive definite")


def fit(
    kernel: Kernel,
    archs: Sequence[Arch],
    targets: Numbers,
    starts: Sequence[Numbers],
    bounds: Sequence[tuple[float, float]],
    *,
    max_iterations: int = 50,
) -> GaussianProcess:
    """Return the process whose parameters maximise the marginal likelihood, by L-BFGS-B.

    Args:
        kernel: Similarity of architectures.
        archs: Architectures of the examples.
        targets: Their targets, shape ``(n,)``.
        starts: Logarithms of parameters to start from, as ``logs`` of :class:`GaussianProcess`;
            the best end is taken.
        bounds: Lowest and highest logarithm of each; those whose bounds are equal stay.
        max_iterations: Largest number of iterations from each start.

    Raises:
        LinAlgError: As of :class:`GaussianProcess`.
    """
    compared = kernel.compare(archs, archs)
    low, high = np.array(bounds).T
    free = low < high
    best, lowest = np.clip(starts[0], low, high), np.inf

    def objective(values: Numbers) -> tuple[float, Numbers]:
        logs = low.copy()
        logs[free] = values
        value, slope = negative_log_likelihood(logs, kernel, compared, targets)
        return value, slope[free]

    for start in starts if free.any() else ():
        begin = np.clip(start, low, high)
        found = minimize(
            objective,
            begin[free],
            jac=True,
            method="L-BFGS-B",
            bounds=np.array(bounds)[free],
            options={"maxiter": max_iterations},
        )
        if found.fun < lowest:
            lowest, best = found.fun, low.copy()
            best[free] = found.x
    return GaussianProcess(kernel, best, archs, targets, compared=compared)


def negative_log_likelihood(
    logs: Numbers, kernel: Kernel, compared: Numbers, targets: Numbers
) -> tuple[float, Numbers]:
    """Return the negative log marginal likelihood and its gradient.

    Args:
        logs: As of :class:`GaussianProcess`.
        kernel: Similarity of architectures.
        compared: What it compared, ``kernel.compare(archs, archs)``.
        targets: Targets of the architectures, shape ``(n,)``.

    Returns:
        The value, 1e25 and a gradient of 0 where the Gram matrix is not positive definite, and the
        gradient, of the shape of ``logs``.
    """
    signal, noise = np.exp(logs[:2])
    gram = kernel.gram(compared, logs[2:])
    try:
        factor = _factor(signal * gram, noise)
    except LinAlgError:
        return 1e25, np.zeros(len(logs))
    weights = cho_solve((factor, True), targets, check_finite=False)
    value = -_log_likelihood(factor, targets, weights)
    inverse, _ = dpotri(factor, lower=1)
    # Half the derivative by every entry of the matrix; below the diagonal, dpotri fills nothing.
    slope = np.tril(inverse) + np.tril(inverse, -1).T - np.outer(weights, weights)
    changes = [signal * np.vdot(slope, gram), noise * np.trace(slope)]
    slopes = kernel.slopes(compared, logs[2:], slope)
    return value, 0.5 * np.concatenate([changes, signal * slopes])


def _log_likelihood(factor: Numbers, targets: Numbers, weights: Numbers) -> float:
    determinant = np.log(np.diag(factor)).sum()
    return float(-0.5 * targets @ weights - determinant - 0.5 * len(targets) * _LOG_2_PI)


def _factor(gram: Numbers, added: float) -> Numbers:
    """Lower Cholesky factor of a matrix with something added to its diagonal."""
    matrix = gram.copy()
    matrix[np.diag_indices_from(matrix)] += added
    factor: Numbers = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    return factor


def _solve(factor: Numbers, right: Numbers) -> Numbers:
    found: Numbers = solve_triangular(factor, right, lower=True, check_finite=False)
    return found
