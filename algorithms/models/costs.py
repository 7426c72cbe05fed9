"""A cost that is known before training, and architectures that it allows."""

from collections.abc import Callable, Iterable
from math import inf, isfinite, isnan
from random import Random

from algorithms.models.candidates import unseen
from nasbench.algorithm import Known
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_AT_ONCE = 64


class Costs:
    """The cost of an architecture: one of its known numbers, less is better.

    A cost that is not defined (NaN) is infinite.

    Args:
        known: Gives the known numbers.
        column: Place of the cost among them, from 0 in the order of their columns.
        limit: What an architecture may cost at most, in the unit of the column; None for no limit.

    Raises:
        InvalidArgumentError: There are no known numbers, or an argument has an impossible value.
    """

    def __init__(self, known: Known | None, column: int, limit: float | None) -> None:
        if column < 0:
            raise InvalidArgumentError(
                f"column = {column} must be the place of a known number, counted from 0"
            )
        if limit is not None and isnan(limit):
            raise InvalidArgumentError(f"limit = {limit} must be a number")
        if known is None:
            raise InvalidArgumentError(
                "this algorithm needs a cost that is known before training: name its column, as "
                '--known parameters on the command line or known=["parameters"] in Python; '
                "nasbench info BENCHMARK lists what there is"
            )
        self._known = known
        self._column = column
        self._limit = inf if limit is None else limit

    def __call__(self, arch: Arch) -> float:
        """Return the cost of an architecture.

        Raises:
            InvalidArgumentError: No known number has the place ``column``.
        """
        numbers = self._known(arch)
        if self._column >= len(numbers):
            raise InvalidArgumentError(
                f"column = {self._column}, but known are {len(numbers)} numbers: possible are "
                f"0..{len(numbers) - 1}"
            )
        cost = float(numbers[self._column])
        return inf if isnan(cost) else cost

    def allows(self, arch: Arch) -> bool:
        """Return whether an architecture costs no more than the limit."""
        return self._limit == inf or self(arch) <= self._limit

    def extreme(self, space: SearchSpace, start: Arch, *, sign: int) -> Arch:
        """Walk from ``start`` to ever costlier (``sign`` 1) or cheaper (-1) neighbours.

        Each step goes to the costliest or cheapest neighbour whose cost is finite. Where the parts
        of an architecture add up to its cost, the walk ends at the costliest or cheapest of all.
        """
        here, best = start, self(start) * sign if isfinite(self(start)) else -inf
        while True:
            near = {a: self(a) for a in space.neighbors(here)}
            finite = [a for a, cost in near.items() if isfinite(cost)]
            there = max(finite, key=lambda a: near[a] * sign, default=here)
            if there == here or near[there] * sign <= best:
                return here
            here, best = there, near[there] * sign


class Untried:
    """Draws random architectures that were not tried and that ``refused`` does not refuse.

    What is refused once is not drawn again.

    Args:
        space: The search space.
        rng: Source of randomness.
        refused: Whether not to return an architecture; asked when it would be returned.

    Attributes:
        tried: Architectures that are not returned any more; the caller may add others.
    """

    def __init__(self, space: SearchSpace, rng: Random, refused: Callable[[Arch], bool]) -> None:
        self._space = space
        self._rng = rng
        self._refused = refused
        self._queue: list[Arch] = []  # next one last
        self._ended = False
        self.tried: set[Arch] = set()

    def draw(self) -> Arch | None:
        """Return the next architecture; None if none is left, or if too many draws gave none."""
        while self._queue or self._fill():
            arch = self._queue.pop()
            if arch not in self.tried:
                self.tried.add(arch)
                if not self._refused(arch):
                    return arch
        return None

    def _fill(self) -> bool:
        if not self._ended:
            self._queue = unseen(self._space, _AT_ONCE, self._rng, self.tried)[::-1]
            self._ended = not self._queue
        return not self._ended


def varied(space: SearchSpace, arch: Arch, decision: int) -> Iterable[tuple[int, Arch]]:
    """Give the legal options of one decision, and ``arch`` with each of them."""
    for option in range(space.options[decision]):
        other = (*arch[:decision], option, *arch[decision + 1 :])
        if space.is_legal(other):
            yield option, other
