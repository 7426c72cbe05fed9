"""Gaussian process regression over graphs and encodings of architectures."""

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from nasbench.encodings import ENCODINGS
from nasbench.errors import InvalidArgumentError, NasbenchError, SurrogateError, one_of
from nasbench.regressor import (
    Columns,
    Prediction,
    Regressor,
    check_numbers,
    read_arrays,
    write_arrays,
)
from nasbench.space import SearchSpace
from surrogates.regressors.parts.features import default_encodings, features
from surrogates.regressors.parts.weisfeiler_lehman import wl_features, wl_vocabulary
from surrogates.threads import one_thread

_FILE = "process.npz"
_ARRAYS = ("archs", "z", "parameters", "scale", "kernels")
_WL = "wl"
_COLUMNS = "columns"
_SIGNAL, _LENGTH, _NOISE = (-8.0, 6.0), (-4.0, 6.0), (-8.0, 2.0)
_MAX_LOG = 8.01  # of any of these, with a little more
_MAX_EXAMPLES = 500
_BLOCK = 1_024
_MAX_ITERATIONS = 100


class GaussianProcess(Regressor):
    """Gaussian process with a sum of Matérn 5/2 kernels (Rasmussen and Williams, 2006).

    https://gaussianprocess.org/gpml. Each kernel compares one encoding and has its own variance and
    length scale. Variances, length scales and the noise variance maximise the marginal likelihood,
    of at most 500 random examples. Examples of the same architecture are merged, with the mean of
    their targets; otherwise an operation that always fails would make the noise look small.

    ``std`` is that of the noiseless target. Memory grows with the square of the number of distinct
    architectures: 4,000 need about 1 GB.

    Preset ``wl`` compares graphs as Ru et al. (2021, https://arxiv.org/abs/2006.07556) do, with
    another kernel on the same features; preset ``path`` compares the paths of BANANAS (White et
    al., 2021, https://arxiv.org/abs/1910.11858). Fitted to 1,000 cells of ``nb201-cifar100``, the
    default ranks unseen cells better than either.

    Args:
        space: The search space.
        seed: Seed of the choice of examples for the marginal likelihood.
        kernels: What the kernels compare: ``"wl"`` for features of
            :mod:`~surrogates.regressors.parts.weisfeiler_lehman`, or names from
            :data:`nasbench.encodings.ENCODINGS`; None for ``"wl"`` and ``"path_statistics"`` in a
            space with graphs, ``"one_hot"`` in others.
        wl_iterations: Number of refinements of the ``"wl"`` labels.
    """

    family = "Gaussian process"
    takes_columns = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "wl": {"kernels": (_WL,)},
        "path": {"kernels": ("path",)},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        kernels: Sequence[str] | None = None,
        wl_iterations: int = 1,
    ) -> None:
        super().__init__(space, seed=seed)
        if kernels is not None:
            possible = (_WL, *ENCODINGS)
            for name in kernels:
                if name not in possible:
                    raise InvalidArgumentError(
                        f"no kernel is called {name!r}{one_of(name, possible)}"
                    )
            if not kernels:
                raise InvalidArgumentError(f"kernels is empty{one_of('', possible)}")
        if not 0 <= wl_iterations <= _MAX_ITERATIONS:
            raise InvalidArgumentError(
                f"wl_iterations = {wl_iterations} must be from 0 to {_MAX_ITERATIONS}"
            )
        self.kernels = kernels
        self.wl_iterations = wl_iterations

    @property
    def _names(self) -> tuple[str, ...]:
        if self.kernels is not None:
            return tuple(self.kernels)
        graphs = "path_statistics" in default_encodings(self.space)
        return (_WL, "path_statistics") if graphs else ("one_hot",)

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        rows, example, n = np.unique(archs, axis=0, return_inverse=True, return_counts=True)
        means = np.bincount(example.reshape(-1), targets) / n
        scale = np.array([means.mean(), means.std() or 1.0])
        z = (means - scale[0]) / scale[1]
        squares = self._compare(rows)
        chosen = default_rng(self.seed).permutation(len(rows))[:_MAX_EXAMPLES]
        parameters = _fit_parameters([part[np.ix_(chosen, chosen)] for part in squares], z[chosen])
        self._condition(squares, rows, z, parameters, scale)

    def _compare(self, archs: NDArray[np.integer]) -> list[NDArray[np.float64]]:
        """Squared distances between the examples for each kernel, each of shape ``(n, n)``."""
        self._inputs = [
            _Inputs(self.space, name, self.wl_iterations, archs) for name in self._names
        ]
        if self.columns is not None:
            self._inputs.append(_Inputs(self.space, _COLUMNS, 0, archs, self.columns))
        return [inputs.squares(archs) for inputs in self._inputs]

    def _condition(
        self,
        squares: list[NDArray[np.float64]],
        archs: NDArray[np.integer],
        z: NDArray[np.float64],
        parameters: NDArray[np.float64],
        scale: NDArray[np.float64],
    ) -> None:
        self._archs, self._z, self._parameters = archs, z, parameters
        self._mean, self._std = scale
        covariance = _covariance(squares, parameters)
        covariance[np.diag_indices_from(covariance)] += np.exp(parameters[-1])
        self._factor = cholesky(covariance, lower=True, overwrite_a=True)
        self._weights = cho_solve((self._factor, True), z)

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        blocks = [self._block(archs[i : i + _BLOCK]) for i in range(0, len(archs), _BLOCK)]
        mean, std = np.concatenate([np.zeros((2, 0)), *blocks], axis=1)
        return Prediction(self._mean + self._std * mean, self._std * std)

    def _block(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        """Mean and standard deviation of the standardised targets, shape ``(2, n)``."""
        shared = _covariance([x.squares(archs) for x in self._inputs], self._parameters)
        explained = solve_triangular(self._factor, shared.T, lower=True)
        variance = np.exp(_pairs(self._parameters)[:, 0]).sum() - (explained**2).sum(axis=0)
        return np.stack([shared @ self._weights, np.sqrt(np.maximum(variance, 0))])

    def save(self, folder: Path) -> None:
        scale, kernels = np.array([self._mean, self._std]), np.array(self._names)
        values = self._archs, self._z, self._parameters, scale, kernels
        write_arrays(folder / _FILE, dict(zip(_ARRAYS, values, strict=True)))

    @one_thread()
    def restore(self, folder: Path) -> Self:
        path, d = folder / _FILE, len(self.space.options)
        arrays = read_arrays(path, ("archs", "kernels", "z", "parameters", "scale"))
        archs, kernels = arrays["archs"], arrays["kernels"]
        if tuple(kernels.tolist()) != self._names:
            raise SurrogateError(f"{path} has the kernels {kernels.tolist()}, not {self._names}")
        if archs.dtype.kind not in "iu" or archs.shape[1:] != (d,) or not len(archs):
            raise SurrogateError(f"{path} has no architectures of {self.space.name!r}")
        shapes = {"z": (len(archs),), "parameters": (2 * len(self._names) + 1,), "scale": (2,)}
        z, parameters, scale = check_numbers(arrays, path, shapes).values()
        if (np.abs(parameters) > _MAX_LOG).any() or scale[1] < 0:
            raise SurrogateError(f"{path} holds what no fit gives")
        try:
            for arch in archs.tolist():
                self.space.check(arch)
            self._condition(self._compare(archs), archs, z, parameters, scale)
        except (NasbenchError, ValueError) as error:
            raise SurrogateError(f"{path} is inconsistent: {error}") from error
        return self


class _Inputs:
    """Inputs of one kernel, scaled.

    Columns of an encoding are scaled to range 1 over the examples; counts are left as they are.
    Then everything is divided by the root mean squared distance between two examples.
    """

    def __init__(
        self,
        space: SearchSpace,
        name: str,
        iterations: int,
        archs: NDArray[np.integer],
        columns: Columns | None = None,
    ) -> None:
        self._space = space
        self._name = name
        self._iterations = iterations
        self._columns = columns
        self._scale: NDArray[np.float64] = np.ones(())
        if name == _WL:
            self._vocabulary = wl_vocabulary(space, archs, iterations)
        else:
            span = np.ptp(self._rows(archs), axis=0)
            self._scale = np.where(span > 0, span, 1.0)
        self._scale = self._scale * (sqrt(2 * self._rows(archs).var(axis=0).sum()) or 1.0)
        self._examples = self._rows(archs)

    def _rows(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        if self._name == _WL:
            rows = wl_features(self._space, archs, self._iterations, self._vocabulary)
        elif self._columns is not None:
            rows = self._columns(archs)
        else:
            rows = features(self._space, archs, (self._name,)).astype(np.float64)
        scaled: NDArray[np.float64] = rows / self._scale
        return scaled

    def squares(self, archs: NDArray[np.integer]) -> NDArray[np.float64]:
        """Squared distances to the examples, shape ``(n, n_examples)``."""
        a, b = self._rows(archs), self._examples
        squares: NDArray[np.float64] = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
        squares -= 2 * a @ b.T
        return np.maximum(squares, 0, out=squares)


def _pairs(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log variance and log length scale of each kernel, shape ``(n_kernels, 2)``."""
    return parameters[:-1].reshape(-1, 2)


def _covariance(
    squares: list[NDArray[np.float64]], parameters: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of the kernels, given the squared distances for each; same shape as one of them."""
    total = np.zeros_like(squares[0])
    for square, (variance, length) in zip(squares, _pairs(parameters), strict=True):
        r = np.sqrt(5 * square) / np.exp(length)
        total += np.exp(variance - r) * (1 + r + r**2 / 3)
    return total


def _fit_parameters(
    squares: list[NDArray[np.float64]], z: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log variance and log length scale of each kernel, then log variance of the noise."""
    start = np.array([0.0] * 2 * len(squares) + [-2.0])
    bounds = [_SIGNAL, _LENGTH] * len(squares) + [_NOISE]
    found: NDArray[np.float64] = minimize(
        _negative_log_likelihood, start, (squares, z), "L-BFGS-B", jac=True, bounds=bounds
    ).x
    return found


def _negative_log_likelihood(
    parameters: NDArray[np.float64], squares: list[NDArray[np.float64]], z: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Negative log marginal likelihood up to a constant, and its gradient."""
    changes: list[NDArray[np.float64]] = []  # derivatives of the covariance by each parameter
    for square, (variance, length) in zip(squares, _pairs(parameters), strict=True):
        r = np.sqrt(5 * square) / np.exp(length)
        decay = np.exp(variance - r)
        changes += decay * (1 + r + r**2 / 3), decay * r**2 * (1 + r) / 3
    changes.append(np.exp(parameters[-1]) * np.eye(len(z)))
    factor = cholesky(np.sum(changes[::2], axis=0), lower=True)
    weights = cho_solve((factor, True), z)
    slope = cho_solve((factor, True), np.eye(len(z))) - np.outer(weights, weights)
    value = z @ weights / 2 + np.log(np.diag(factor)).sum()
    return value, np.array([np.vdot(slope, change) for change in changes]) / 2
