"""Which rows of a table belong to an architecture."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import NotRecordedError
from nasbench.space import Arch, SearchSpace
from nasbench.tables.table import Table

_DENSE = 1_000_000
_POSITIONS = 2**20
_T = TypeVar("_T")


class Memo(dict[Arch, _T]):
    """A dict that finds a missing value once; a hit costs no Python code. It forgets when large."""

    __slots__ = ("_find", "_limit")

    def __init__(self, find: Callable[[Arch], _T], limit: int = _POSITIONS) -> None:
        self._find = find
        self._limit = limit

    def __missing__(self, key: Arch) -> _T:
        if len(self) >= self._limit:
            self.clear()
        value = self[key] = self._find(key)
        return value


@dataclass(slots=True)
class Runs:
    """The runs of one schedule: those of key number p are rows ``first[p]`` to ``first[p + 1]``."""

    epochs: list[int]
    first: NDArray[np.int64]
    seeds: NDArray[np.int32]
    diverged: NDArray[np.bool_]


class Lookup:
    """The index of a table: architectures to positions, positions to rows.

    A position is the number of a key, counted in the order of the keys.

    Args:
        table: An opened table with trainings.

    Attributes:
        position: Position of the runs of an architecture; raises ``IllegalArchError`` or
            ``NotRecordedError``.
        arch_position: Row of the numbers of an architecture as written, else of its class, or -1.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._space: SearchSpace = table.space
        self._by_class = table.metadata.key == "class"
        self._runs: dict[int, Runs] = {}
        self.position = Memo(self._find_position)
        self.arch_position = Memo(self._find_arch_position)

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """Ranks of the architectures that own runs, ascending."""
        ranks = self._table.ranks  # np.unique would import numpy.ma, a tenth of a cold query
        keys: NDArray[np.int64] = ranks[np.append(True, ranks[1:] != ranks[:-1])]
        return keys

    @cached_property
    def _key_view(self) -> memoryview:
        return view(self.keys)

    def runs(self, schedule: int) -> Runs:
        """The runs of a schedule."""
        if schedule not in self._runs:
            table = self._table
            one = len(table.schedules) == 1
            rows = slice(None) if one else table.schedule == schedule
            ends = np.append(self.keys, np.iinfo(np.int64).max)
            self._runs[schedule] = Runs(
                table.metadata.epochs[schedule],
                np.searchsorted(table.ranks[rows], ends),
                table.seed[rows],
                table.diverged[rows],
            )
        return self._runs[schedule]

    def seeds(self, schedule: int, position: int) -> tuple[int, ...]:
        """Recorded training seeds, ascending."""
        runs = self.runs(schedule)
        seeds = runs.seeds[runs.first[position] : runs.first[position + 1]]
        return tuple(seeds.tolist())

    def rows(self, schedule: int, seed: int | None) -> NDArray[np.int64]:
        """Row of every position for a seed, for None that of its first run; -1 where none is."""
        runs = self.runs(schedule)
        if seed is None:
            return np.where(runs.first[1:] > runs.first[:-1], runs.first[:-1], -1)
        rows = np.full(len(self.keys), -1, dtype=np.int64)
        hits = np.flatnonzero(runs.seeds == seed)
        rows[np.searchsorted(runs.first, hits, side="right") - 1] = hits
        return rows

    def positions(self, archs: NDArray[np.integer], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of an ``(n, d)`` array of tuples within the ranges, with their ranks.

        Raises:
            IllegalArchError: A tuple breaks a rule of the space.
            NotRecordedError: A tuple has no runs.
        """
        if self._dense is not None:
            places = self._dense[ranks]
            others = np.flatnonzero(places < 0)
        else:
            places = np.searchsorted(self.keys, ranks)
            others = np.flatnonzero(np.append(self.keys, -1)[places] != ranks)
        places[others] = [self.position[tuple(arch)] for arch in archs[others].tolist()]
        return places

    @cached_property
    def _dense(self) -> NDArray[np.int64] | None:
        """Position by rank for every tuple, -1 where not recorded; None for large spaces."""
        size = int(np.prod(self._space.options, dtype=np.float64))
        if size > _DENSE:
            return None
        ranks = np.arange(size)
        if self._by_class:
            grid = np.stack(np.unravel_index(ranks, self._space.options), axis=1)
            legal = np.ones(size, dtype=np.bool_)
            if self._space.has_rules:
                legal = np.array([self._space.is_legal(tuple(arch)) for arch in grid.tolist()])
            ranks = np.full(size, -1)
            ranks[legal] = self._space.rank_many(self._space.canonical_many(grid[legal]))
        places = np.minimum(np.searchsorted(self.keys, ranks), len(self.keys) - 1)
        dense: NDArray[np.int64] = np.where(self.keys[places] == ranks, places, -1)
        return dense

    def _find_position(self, arch: Arch) -> int:
        checked = self._space.check(arch)
        owner = self._space.canonical(checked) if self._by_class else checked
        position = _find(self._key_view, self._space.rank(owner))
        if position < 0:
            raise NotRecordedError(
                f"{self._table.metadata.id!r} holds no training of {self._space.to_text(checked)}; "
                f"it holds {len(self.keys)} architectures"
            )
        return position

    def _find_arch_position(self, arch: Arch) -> int:
        checked = self._space.check(arch)
        position = _find(self._table.written_ranks, self._space.rank(checked))
        if position < 0 and self._one_row_a_class:
            canonical = self._space.canonical(checked)
            position = _find(self._table.written_ranks, self._space.rank(canonical))
        return position

    @cached_property
    def _one_row_a_class(self) -> bool:
        """Whether the table has numbers of classes, not of each of their members."""
        written = self._table.written_ranks
        places = np.minimum(np.searchsorted(self.keys, written), len(self.keys) - 1)
        return self._by_class and bool((self.keys[places] == written).all())


def view(array: NDArray[Any]) -> memoryview:
    """Read-only scalars of an array at a tenth of the cost of indexing it."""
    return memoryview(np.ascontiguousarray(array)).toreadonly()  # type: ignore[arg-type]


def _find(ranks: Any, rank: int) -> int:
    """Place of a number in ascending ones, or -1."""
    place = bisect_left(ranks, rank)
    return place if place < len(ranks) and ranks[place] == rank else -1
