"""The part of a space that meets constraints."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.constraints.constraint import Constraint
from nasbench.benchmarks.lookup import Lookup
from nasbench.benchmarks.numbers import Numbers
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import IllegalArchError, InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_MOST = 1_000_000


class FeasibleSpace(RecordedSpace):
    """The architectures of a space that meet constraints; a search sees no others.

    Args:
        whole: The whole space, or what is recorded of it.
        ranks: Ranks of the architectures that meet the constraints, ascending, at least one.
        constraints: The constraints as texts.

    Attributes:
        constraints: As given.
    """

    def __init__(
        self, whole: SearchSpace, ranks: NDArray[np.int64], constraints: tuple[str, ...]
    ) -> None:
        super().__init__(whole, ranks)
        self.constraints = constraints

    def check(self, arch: object) -> Arch:
        checked = self.whole.check(arch)  # type: ignore[arg-type]
        if not self.is_legal(checked):
            raise IllegalArchError(
                f"{self.to_text(checked)} of {self.name!r} does not meet "
                f"{' and '.join(self.constraints)}"
            )
        return checked

    def __repr__(self) -> str:
        return f"FeasibleSpace({self.whole!r}, {self.size:,} with {' and '.join(self.constraints)})"


def feasible(
    space: SearchSpace,
    constraints: Sequence[Constraint],
    benchmark: str,
    lookup: Lookup,
    numbers: Numbers,
) -> FeasibleSpace:
    """Return the part of a space that meets constraints.

    Args:
        space: The space of a table, or what is recorded of it.
        constraints: At least one constraint.
        benchmark: Id of the table, for messages.
        lookup: Index of the table.
        numbers: Its numbers by position.

    Raises:
        InvalidArgumentError: No architecture meets the constraints, or the space is too large for
            all of its architectures to be listed.
    """
    texts = tuple(map(str, constraints))
    if space.size is None or space.size > _MOST:
        raise InvalidArgumentError(
            f"constraints = {list(texts)!r}: {benchmark!r} has too many architectures to list "
            f"those that meet them; at most {_MOST:,} are possible"
        )
    archs = np.array(list(space.archs()))
    ranks = space.rank_many(archs)
    rows = lookup.arch_positions(archs, ranks)
    held = np.ones(len(archs), dtype=np.bool_)
    for constraint in constraints:
        column = np.asarray(numbers.arch_column(constraint.column), dtype=np.float64)
        values = np.where(rows >= 0, column[rows], np.nan)
        met = constraint.holds(values)
        if not met.any():
            finite = values[~np.isnan(values)]
            extent = f"{finite.min():.10g} to {finite.max():.10g}" if finite.size else "not there"
            raise InvalidArgumentError(
                f"no architecture of {benchmark!r} meets {constraint}: {constraint.column} is "
                f"{extent}"
            )
        held &= met
    if not held.any():
        raise InvalidArgumentError(
            f"no architecture of {benchmark!r} meets {' and '.join(texts)} together"
        )
    return FeasibleSpace(space, ranks[held], texts)
