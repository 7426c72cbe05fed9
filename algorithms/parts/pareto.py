"""Non-dominated sorting and crowding (Deb et al., 2002, https://doi.org/10.1109/4235.996017)."""

import math
import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Losses: TypeAlias = tuple[float, ...]


def comparable(losses: Losses) -> Losses:
    """The losses; all infinite if one is, so that every finite point dominates a failure."""
    return (math.inf,) * len(losses) if math.inf in losses else losses


def dominates(a: Losses, b: Losses) -> bool:
    """Whether ``a`` is nowhere worse than ``b`` and somewhere better."""
    return a != b and all(map(operator.le, a, b))


def fronts(points: Sequence[Losses]) -> list[list[int]]:
    """Indices of points by front: the non-dominated points, those non-dominated without them, etc.

    Equal points share a front. Indices within a front follow the lexicographic order of the points.
    In that order no point dominates an earlier one, so each is compared only with those before it
    (Zhang et al., 2015, https://doi.org/10.1109/TEVC.2014.2308305).

    Args:
        points: Losses from :func:`comparable`, all of one length.
    """
    found: list[list[int]] = []
    flat = bool(points) and len(points[0]) <= 2  # so a front's last point has its lowest last loss
    for i in sorted(range(len(points)), key=points.__getitem__):
        for front in found:
            for j in front[-1:] if flat else reversed(front):
                if dominates(points[j], points[i]):
                    break
            else:
                front.append(i)
                break
        else:
            found.append([i])
    return found


def crowding(front: Sequence[Losses]) -> list[float]:
    """Crowding distance of each point of a front.

    The distance sums, over the losses, the gap between the two neighbours of a point, in units of
    the range of that loss in the front; constant losses are ignored. The lowest and the highest
    point of a loss are infinitely far from others, and so is every point of a front of one or two.

    Args:
        front: Losses from :func:`comparable`.
    """
    if len(front) <= 2:
        return [math.inf] * len(front)
    distances = [0.0] * len(front)
    for values in zip(*front, strict=True):
        order = sorted(range(len(front)), key=values.__getitem__)
        lowest, highest = values[order[0]], values[order[-1]]
        if not lowest < highest:
            continue
        distances[order[0]] = distances[order[-1]] = math.inf
        gaps = [values[j] - values[i] for i, j in pairwise(order)]
        for i, before, after in zip(order[1:-1], gaps, gaps[1:], strict=False):
            distances[i] += (before + after) / (highest - lowest)
    return distances
