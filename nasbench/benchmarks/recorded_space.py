"""The part of a space that an incomplete table holds."""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.lookup import Lookup
from nasbench.errors import IllegalArchError
from nasbench.space import Arch, Graph, SearchSpace
from nasbench.tables.described_space import is_described
from nasbench.tables.table import Table

_Firsts: TypeAlias = dict[Arch, Arch]


class RecordedSpace(SearchSpace):
    """The recorded architectures of a space, so that an incomplete table can be searched.

    Decisions, texts and graphs are those of the whole space. ``sample`` is uniform over the
    recorded architectures. The neighbours of an architecture are those that are recorded; there may
    be none.

    Args:
        whole: The whole space.
        ranks: Ranks of the recorded architectures, ascending, at least one.

    Attributes:
        whole: As given.
    """

    whole: SearchSpace

    def __init__(self, whole: SearchSpace, ranks: NDArray[np.int64]) -> None:
        self.name = whole.name  # type: ignore[misc]
        self.decisions = whole.decisions  # type: ignore[misc]
        self.whole = whole
        self._ranks = ranks.tolist()

    def to_text(self, arch: Arch) -> str:
        return self.whole.to_text(arch)

    def from_text(self, text: str) -> Arch:
        return self.check(self.whole.from_text(text))

    @property
    def official_order(self) -> Sequence[int] | None:
        """That of the whole space: an index may be that of an architecture without records."""
        return self.whole.official_order

    def is_legal(self, arch: Arch) -> bool:
        rank = self.rank(arch)
        position = bisect_left(self._ranks, rank)
        return position < len(self._ranks) and self._ranks[position] == rank

    def legal_many(self, archs: NDArray[np.integer]) -> NDArray[np.bool_]:
        return np.isin(self.rank_many(archs), self._ranks)

    def check(self, arch: object) -> Arch:
        checked = self.whole.check(arch)  # type: ignore[arg-type]
        if not self.is_legal(checked):
            raise IllegalArchError(
                f"{self.to_text(checked)} of {self.name!r} is not among the {self.size:,} recorded "
                "architectures"
            )
        return checked

    def from_index(self, index: int) -> Arch:
        return self.check(self.whole.from_index(index))

    def canonical(self, arch: Arch) -> Arch:
        """Return the first recorded member of the class."""
        return self._representatives[self.whole.canonical(arch)]

    def function(self, arch: Arch) -> Arch:
        """Return the first recorded architecture that computes the same function."""
        return self._functions[self.whole.function(arch)]

    @cached_property
    def _representatives(self) -> dict[Arch, Arch]:
        return self._first_of(self.whole.canonical_many)

    @cached_property
    def _functions(self) -> dict[Arch, Arch]:
        return self._first_of(self.whole.function_many)

    def _first_of(self, groups: Callable[[NDArray[np.integer]], NDArray[np.int64]]) -> _Firsts:
        """The first recorded member of each group, by the group's representative in the whole."""
        representatives = map(tuple, groups(np.array(list(self.archs()))).tolist())
        found: _Firsts = {}
        for representative, arch in zip(representatives, self.archs(), strict=True):
            found.setdefault(representative, arch)
        return found

    def graph(self, arch: Arch) -> Graph | None:
        return self.whole.graph(arch)

    def cells(self, arch: Arch) -> dict[str, Graph]:
        return self.whole.cells(arch)

    @cached_property
    def size(self) -> int:
        """Number of recorded architectures."""
        return len(self._ranks)

    def archs(self) -> Iterator[Arch]:
        """Iterate over all recorded architectures in the order of their ranks."""
        return map(self.unrank, self._ranks)

    def sample(self, rng: random.Random) -> Arch:
        """Draw a recorded architecture uniformly."""
        return self.unrank(self._ranks[int(rng.random() * len(self._ranks))])

    def legal_options(self, prefix: Arch) -> tuple[int, ...]:
        """Return the options of the next decision that occur after ``prefix``."""
        weight = self.rank_weights[len(prefix)]
        start = sum(w * option for w, option in zip(self.rank_weights, prefix, strict=False))
        ends = [start + weight * option for option in range(self.options[len(prefix)] + 1)]
        places = [bisect_left(self._ranks, rank) for rank in ends]
        return tuple(o for o, (first, last) in enumerate(pairwise(places)) if last > first)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RecordedSpace)
            and self.whole == other.whole
            and self._ranks == other._ranks
        )

    def __hash__(self) -> int:
        return hash((self.whole, len(self._ranks), self._ranks[0], self._ranks[-1]))

    def __repr__(self) -> str:
        return f"RecordedSpace({self.whole!r}, {self.size:,} architectures)"


def searched(table: Table, lookup: Lookup) -> SearchSpace:
    """Return what a search sees of a table: the whole space, or what the longest schedule records.

    Where the space is not installed, only the rows say what is legal.
    """
    whole = table.space
    if table.metadata.complete and (
        not is_described(whole) or len(lookup.keys) == prod(whole.options)
    ):
        return whole
    n_runs = np.diff(lookup.runs(table.schedules[-1]).first)
    return RecordedSpace(whole, lookup.keys[n_runs > 0])
