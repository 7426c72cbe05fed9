"""Group the rows of a file that describe the same thing and must agree."""

import numpy as np
from numpy.typing import NDArray


class Groups:
    """Rows grouped by equal keys.

    Args:
        keys: At least one array of integers, each of shape ``(n,)``; the first counts most.

    Attributes:
        first: First row of every group, in the order of the keys, shape ``(n_groups,)``.
    """

    def __init__(self, *keys: NDArray[np.int64]) -> None:
        self._order = np.lexsort(keys[::-1])
        new = np.zeros(len(self._order), dtype=np.bool_)
        new[:1] = True
        for key in keys:
            new[1:] |= np.diff(key[self._order]) != 0
        self._starts = np.flatnonzero(new)
        self.first = self._order[self._starts]

    def values(
        self, numbers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], tuple[int, int] | None]:
        """Return the number of every group, NaN if none of its rows has one.

        Args:
            numbers: One number per row, NaN where missing; shape ``(n,)``.

        Returns:
            Numbers of shape ``(n_groups,)``, and two rows of a group that disagree, if any.
        """
        if not len(numbers):
            return numbers, None
        ordered = numbers[self._order]
        lowest = np.fmin.reduceat(ordered, self._starts)
        highest = np.fmax.reduceat(ordered, self._starts)
        differing = np.flatnonzero(lowest < highest)
        if not differing.size:
            return lowest, None
        ends = np.append(self._starts[1:], len(ordered))
        group = differing[0]
        rows = self._order[self._starts[group] : ends[group]]
        rows = rows[~np.isnan(numbers[rows])]
        return lowest, (int(rows[0]), int(rows[np.argmax(numbers[rows] != numbers[rows[0]])]))
