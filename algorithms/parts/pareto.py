"""Non-dominated sorting and crowding (Deb et al., 2002, https://doi.org/10.1109/4235.996017)."""

import math
import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Losses: TypeAlias = tuple[float, ...]


def comparable(losses: Losses) -> Losses:
    """The losses; if one is infinite all are, so that every finite point dominates the failure."""
    return (math.inf,) * len(losses) if math.inf in losses else losses


def dominates(a: Losses, b: Losses) -> bool:
    """Whether ``a`` is nowhere above ``b`` and somewhere below."""
    return a != b and all(map(operator.le, a, b))


def fronts(points: Sequence[Losses]) -> list[list[int]]:
    """Positions of points by front: what nothing dominates, then what nothing else does, and so on.

    Equal points are in the same front. Positions in a front are in the lexicographic order of the
    points, in which none dominates an earlier one, so that each is compared with those before
    it only (Zhang et al., 2015, https://doi.org/10.1109/TEVC.2014.2308305).

    Args:
        points: As :func:`comparable` gives them, all of one length.
    """
    found: list[list[int]] = []
    flat = bool(points) and len(points[0]) <= 2  # then the last of a front has the lowest last loss
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
    """How far the neighbours of each point of a front are from each other, summed over the losses.

    A loss counts in units of its range in the front, and not at all if it is the same everywhere;
    its lowest and highest point are infinitely far from others. So are all if there are one or two.

    Args:
        front: As :func:`comparable` gives them.
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
