"""How far the uncertainty that regressors state is scaled to agree with their errors."""

import numpy as np
from numpy.typing import NDArray

MIN_FACTOR = 0.1
MAX_FACTOR = 64.0
_BISECTIONS = 40
_WITHIN_ONE_STD = 0.6827


def calibration_factors(
    errors: NDArray[np.float64], std: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Factors on ``std`` that put 68.3 % of the errors within one standard deviation.

    The total deviation combines ``factor * std`` and ``other``. Matching a share of the errors, not
    their mean square, keeps a few large errors from deciding the factor. Where ``other`` alone
    covers that share, the errors say nothing about ``std``, and the factor is the smallest, 0.1:
    an error of 0 would be claimed otherwise.

    Args:
        errors: Errors of held-out predictions, shape ``(n, v)``.
        std: Standard deviations to scale, shape ``(n, v)``.
        other: Standard deviations that are not scaled, shape ``(n, v)``.

    Returns:
        Factors of shape ``(v,)``.
    """
    low, high = (np.full(errors.shape[1], bound) for bound in (MIN_FACTOR, MAX_FACTOR))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        inside = (np.abs(errors) <= np.hypot(middle * std, other)).mean(axis=0)
        low, high = np.where(inside < _WITHIN_ONE_STD, (middle, high), (low, middle))
    return high
