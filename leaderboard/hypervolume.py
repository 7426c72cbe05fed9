"""The hypervolume of a set of points: the volume of loss space that it dominates."""

from bisect import insort
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nasbench.errors import InvalidArgumentError


def hypervolume(points: ArrayLike, reference: Sequence[float]) -> float:
    """Exact volume that the points dominate within the region that dominates a reference point.

    A point that is not below the reference in every loss contributes nothing, diverged trainings
    included. Two objectives take one sweep; each further one multiplies the time by the number of
    points.

    Args:
        points: Losses, shape ``(n, n_objectives)``; lower is better.
        reference: The worst corner, ``n_objectives`` finite numbers.

    Raises:
        InvalidArgumentError: The shapes do not match, or the reference is not finite.
    """
    corner = np.asarray(reference, dtype=np.float64)
    losses = np.asarray(points, dtype=np.float64)
    if corner.ndim != 1 or not len(corner) or not np.isfinite(corner).all():
        raise InvalidArgumentError(
            f"reference = {reference!r} must be a finite number for each objective"
        )
    if not losses.size:
        return 0.0
    if losses.ndim != 2 or losses.shape[1] != len(corner):
        raise InvalidArgumentError(
            f"points have shape {losses.shape}, expected (n, {len(corner)}) for a reference point "
            f"of {len(corner)} objectives"
        )
    below = losses[(losses < corner).all(axis=1)]
    return _volume(sorted(map(tuple, below.tolist())), tuple(corner.tolist()))


def _volume(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """Hypervolume of sorted points that are all below the reference."""
    if not points:
        return 0.0
    first, *others = reference
    if not others:
        return first - points[0][0]
    total = 0.0
    if len(others) == 1:
        lowest = others[0]
        for x, y in points:
            if y < lowest:
                total += (first - x) * (lowest - y)
                lowest = y
        return total
    before: list[tuple[float, ...]] = []
    for point, end in zip(points, [*[later[0] for later in points[1:]], first], strict=True):
        insort(before, point[1:])
        if end > point[0]:
            total += (end - point[0]) * _volume(before, tuple(others))
    return total
