"""Least-squares fits of all families to several learning curves at once."""

from typing import NamedTuple

import numpy as np

from algorithms.models.curves.families import FAMILIES, Numbers

_WIDTH = max(family.n_parameters for family in FAMILIES)
_DIFFERENCE = 1e-6
_STEPS = 25
_DAMPING = 1e-2
_LEAST_DAMPING = 1e-9
_STARTS = np.zeros((len(FAMILIES), len(FAMILIES[0].starts), _WIDTH))
for _i, _family in enumerate(FAMILIES):
    _STARTS[_i, :, : _family.n_parameters] = _family.starts


class Fits(NamedTuple):
    """The best fit of each of ``f`` families to each of ``n`` curves.

    Attributes:
        parameters: Shape ``(f, n, p)``; zeros beyond the parameters of the family.
        cost: Weighted sums of squared residuals, shape ``(f, n)``; ``inf`` where a family is not
            defined at its starts.
        inverse: Inverse of the Gauss-Newton matrices, shape ``(f, n, p, p)``: times the variance of
            a point, the covariance of the parameters.
    """

    parameters: Numbers
    cost: Numbers
    inverse: Numbers


class _System(NamedTuple):
    """Cost, and both sides of the equations of a Gauss-Newton step."""

    cost: Numbers
    matrix: Numbers
    slope: Numbers


def fit(epochs: Numbers, values: Numbers, weights: Numbers) -> Fits:
    """Fit by Levenberg-Marquardt steps from the starts of each family.

    Args:
        epochs: Shape ``(k,)``.
        values: Finite accuracies, shape ``(n, k)``.
        weights: Of the squared residuals, shape ``(n, k)``; 0 where nothing is recorded.
    """
    n_families, n_starts, width = _STARTS.shape
    shape = (n_families, len(values), n_starts, width)
    parameters = np.broadcast_to(_STARTS[:, None], shape).copy()
    damping = np.full(shape[:-1], _DAMPING)
    values, scale = values[:, None], np.sqrt(weights)[:, None]
    found = _system(parameters, epochs, values, scale)
    for _ in range(_STEPS):
        tried = parameters + _step(found, damping)
        there = _system(tried, epochs, values, scale)
        better = there.cost < found.cost
        parameters[better] = tried[better]
        for old, new in zip(found, there, strict=True):
            old[better] = new[better]
        damping *= np.where(better, 0.1, 5.0)
    best = found.cost.argmin(axis=2)
    families, rows = np.indices(best.shape)
    matrix = found.matrix[families, rows, best]
    inverse = np.linalg.inv(_damped(matrix, np.full(best.shape, _LEAST_DAMPING)))
    return Fits(
        parameters[families, rows, best],
        found.cost[families, rows, best],
        inverse.astype(np.float64),
    )


def curves(parameters: Numbers, epochs: Numbers) -> Numbers:
    """Accuracies after ``k`` epochs, shape ``(f, …, k)``, for parameters of shape ``(f, …, p)``."""
    found = np.empty((*parameters.shape[:-1], len(epochs)))
    for i, family in enumerate(FAMILIES):
        own = [parameters[i, ..., j, None] for j in range(family.n_parameters)]
        found[i] = family.value(epochs, *own)
    return found


def jacobian(parameters: Numbers, epochs: Numbers) -> tuple[Numbers, Numbers]:
    """Accuracies, and their derivatives by forward differences; 0 where not defined.

    Args:
        parameters: Shape ``(f, …, p)``.
        epochs: Shape ``(k,)``.

    Returns:
        Shapes ``(f, …, k)`` and ``(f, …, p, k)``.
    """
    size = _DIFFERENCE * (1e-2 + np.abs(parameters))
    moved = parameters[..., None, :].repeat(_WIDTH + 1, axis=-2)
    moved[..., range(_WIDTH), range(_WIDTH)] += size
    found = curves(moved, epochs)
    values = found[..., _WIDTH, :]
    slopes = (found[..., :_WIDTH, :] - values[..., None, :]) / size[..., None]
    return values, np.where(np.isfinite(slopes), slopes, 0.0)


def _system(parameters: Numbers, epochs: Numbers, values: Numbers, scale: Numbers) -> _System:
    found, slopes = jacobian(parameters, epochs)
    residuals = np.where(scale > 0, values - found, 0.0) * scale
    slopes *= scale[..., None, :]
    cost = (residuals**2).sum(axis=-1)
    return _System(
        np.where(np.isnan(cost), np.inf, cost),
        slopes @ slopes.swapaxes(-1, -2),
        (slopes @ residuals[..., None])[..., 0],
    )


def _step(system: _System, damping: Numbers) -> Numbers:
    matrix = _damped(system.matrix, damping)
    return np.linalg.solve(matrix, system.slope[..., None])[..., 0].astype(np.float64)


def _damped(matrix: Numbers, damping: Numbers) -> Numbers:
    """The matrix with its diagonal enlarged, so that it can be inverted."""
    found = matrix.copy()
    diagonal = np.einsum("...ii->...i", found)
    diagonal += damping[..., None] * diagonal + 1e-15
    return found
