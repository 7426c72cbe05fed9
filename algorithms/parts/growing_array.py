"""Arrays that grow by rows."""

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Number = TypeVar("Number", bound=np.generic)

_FIRST = 64


class GrowingArray(Generic[Number]):
    """An array that rows are inserted into, without a copy of everything for each.

    Args:
        kind: Type of the numbers.
        row: Shape of a row.
    """

    def __init__(self, kind: type[Number], *row: int) -> None:
        self._space: NDArray[Number] = np.empty((_FIRST, *row), kind)
        self._n = 0

    @property
    def rows(self) -> NDArray[Number]:
        """The rows so far, valid until the next one is inserted."""
        return self._space[: self._n]

    def insert(self, place: int, row: ArrayLike) -> None:
        """Insert a row before the one at ``place``, or after the last."""
        if self._n == len(self._space):
            self._space = np.concatenate((self._space, np.empty_like(self._space)))
        self._space[place + 1 : self._n + 1] = self._space[place : self._n]
        self._space[place] = row
        self._n += 1

    def append(self, row: ArrayLike) -> None:
        """Insert a row after the last."""
        self.insert(self._n, row)
