"""Spaces whose first draws are given."""

from collections import deque
from collections.abc import Iterator, Sequence
from copy import copy
from random import Random

from nasbench.space import Arch, SearchSpace


class Starts:
    """Makes a space whose first random architectures are given ones.

    ``space`` is equal to the original and draws as it does, until :meth:`give` names the first
    architectures that one generator draws, by ``sample`` or ``samples``. Other generators, such as
    those that look what a space is like, draw as before.

    Args:
        space: The original space.

    Attributes:
        space: The space to search.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._original = space
        self._left: deque[Arch] = deque()
        self._rng: Random | None = None
        self.space = copy(space)
        self.space.sample = self._sample  # type: ignore[method-assign]
        self.space.samples = self._samples  # type: ignore[method-assign]

    def give(self, archs: Sequence[Arch], rng: Random) -> None:
        """Let ``archs`` be the next architectures that ``rng`` draws."""
        self._left.extend(archs)
        self._rng = rng

    def clear(self) -> None:
        """Forget what was given and not drawn."""
        self._left.clear()

    def _sample(self, rng: Random) -> Arch:
        if self._left and rng is self._rng:
            return self._left.popleft()
        return self._original.sample(rng)

    def _samples(self, rng: Random) -> Iterator[Arch]:
        while self._left and rng is self._rng:
            yield self._left.popleft()
        yield from self._original.samples(rng)
