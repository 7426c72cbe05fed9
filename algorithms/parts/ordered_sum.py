"""Sums of floats that are the same under every Python."""

from collections.abc import Iterable
from functools import reduce
from operator import add


def ordered_sum(values: Iterable[float]) -> float:
    """Add floats one after the other, rounding each time.

    The built-in ``sum`` did so up to Python 3.11 and compensates rounding errors since 3.12.
    """
    return reduce(add, values, 0.0)
