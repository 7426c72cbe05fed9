"""The scale on which values are learned: positive metrics that are minimised, as logarithms."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.column import Column


def logged(runs: NDArray[np.float64], columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Which values are learned as logarithms.

    Args:
        runs: All epochs of the first metric, then of the next, shape ``(n_runs, v)``.
        columns: The metrics.

    Returns:
        Shape ``(v,)``.
    """
    n_epochs = runs.shape[1] // len(columns)
    smallest = runs.min(axis=0).reshape(len(columns), n_epochs).min(axis=1)
    minimised = np.array([column.goal == "min" for column in columns])
    return np.repeat((smallest > 0) & minimised, n_epochs)


def to_learned(values: NDArray[np.float64], logged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values of shape ``(…, v)`` on the scale on which they are learned."""
    inner = values.copy()
    inner[..., logged] = np.log(inner[..., logged])
    return inner


def from_learned(values: NDArray[np.float64], logged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Inverse of :func:`to_learned`."""
    outer = values.copy()
    outer[..., logged] = np.exp(outer[..., logged])
    return outer
