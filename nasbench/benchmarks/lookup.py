"""The index of a table: which rows belong to an architecture."""

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import NotRecordedError
from nasbench.space import AnyArch, Arch, SearchSpace
from nasbench.tables.described_space import is_described
from nasbench.tables.table import Table

_DENSE = 1_000_000  # up to this many tuples, the position of every tuple is kept
_POSITIONS = 2**20
_HASH = re.compile("[0-9a-f]{32}")
MODULE_HASH = "module_hash"
"""Column of the official names of cells of NAS-Bench-101."""
_T = TypeVar("_T")


class Memo(dict[Arch, _T]):
    """A dict that computes a missing value once, so that a hit runs no Python code.

    Args:
        find: Computes the value of a key.
        limit: Number of values after which all are forgotten.
    """

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
    """The runs of one schedule.

    Attributes:
        epochs: Epochs that the table records.
        first: The runs at position p are rows ``first[p]`` to ``first[p + 1]`` (excluded).
        seeds: Training seed of every row.
        diverged: Whether the training of each row diverged.
    """

    epochs: list[int]
    first: NDArray[np.int64]
    seeds: NDArray[np.int32]
    diverged: NDArray[np.bool_]


class Lookup:
    """Maps architectures to positions, and positions to rows.

    A position is the number of a key in the ascending order of keys.

    Args:
        table: A table with trainings.

    Attributes:
        position: Position of an architecture's trainings; raises ``IllegalArchError`` or
            ``NotRecordedError``.
        arch_position: Row of an architecture's numbers in the file of architectures, or of those of
            its class, or -1.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._space: SearchSpace = table.space
        self._by_class = table.metadata.key == "class"
        self._runs: dict[int, Runs] = {}
        self.position = Memo(self._find_position)
        self.arch_position = Memo(self._find_arch_position)

    def read(self, thing: AnyArch) -> Arch:
        """Return the architecture that something stands for, also a module hash that is recorded.

        Raises:
            IllegalArchError: It stands for none of the space, see :meth:`SearchSpace.read`.
        """
        is_hash = isinstance(thing, str) and _HASH.fullmatch(thing)
        if is_hash and thing in self._hashed:
            return self._hashed[thing]
        return self._space.read(thing)

    @cached_property
    def _hashed(self) -> dict[str, Arch]:
        """Architectures by their module hashes; none where the table does not record them."""
        table = self._table
        if MODULE_HASH not in table.arch_columns:
            return {}
        archs = map(tuple, table.written_archs.tolist())
        named = zip(table.arch_texts(MODULE_HASH), archs, strict=True)
        return {name: arch for name, arch in named if name is not None}

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """Ranks of the architectures that own trainings, ascending."""
        ranks = self._table.ranks  # np.unique would import numpy.ma, a tenth of a cold query
        keys: NDArray[np.int64] = ranks[np.append(True, ranks[1:] != ranks[:-1])]
        return keys

    @cached_property
    def _key_view(self) -> memoryview:
        return view(self.keys)

    def runs(self, schedule: int) -> Runs:
        """Return the runs of a schedule."""
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
        """Return the recorded training seeds at a position, ascending."""
        runs = self.runs(schedule)
        seeds = runs.seeds[runs.first[position] : runs.first[position + 1]]
        return tuple(seeds.tolist())

    def rows(self, schedule: int, seed: int | None) -> NDArray[np.int64]:
        """Return the row of a seed at every position, shape ``(n_positions,)``; -1 for none.

        Without a seed, return the first row of every position.
        """
        runs = self.runs(schedule)
        if seed is None:
            return np.where(runs.first[1:] > runs.first[:-1], runs.first[:-1], -1)
        rows = np.full(len(self.keys), -1, dtype=np.int64)
        hits = np.flatnonzero(runs.seeds == seed)
        rows[np.searchsorted(runs.first, hits, side="right") - 1] = hits
        return rows

    def positions(self, archs: NDArray[np.integer], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of many architectures.

        Args:
            archs: Integers of shape ``(n, d)``, every option in range.
            ranks: Their ranks, shape ``(n,)``.

        Raises:
            IllegalArchError: A tuple breaks a rule of the space.
            NotRecordedError: A tuple has no trainings.
        """
        if self.dense is not None:
            places = self.dense[ranks]
            others = np.flatnonzero(places < 0)
        else:
            places = np.searchsorted(self.keys, ranks)
            others = np.flatnonzero(np.append(self.keys, -1)[places] != ranks)
        places[others] = [self.position[tuple(arch)] for arch in archs[others].tolist()]
        return places

    def arch_positions(
        self, archs: NDArray[np.integer], ranks: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return :attr:`arch_position` of many architectures.

        Args:
            archs: Integers of shape ``(n, d)``, every option in range.
            ranks: Their ranks, shape ``(n,)``.

        Raises:
            IllegalArchError: A tuple without numbers of its own breaks a rule of the space.
        """
        written = self._table.written_ranks
        rows = np.searchsorted(written, ranks)
        others = np.flatnonzero(np.append(written, -1)[rows] != ranks)
        rows[others] = [self.arch_position[tuple(arch)] for arch in archs[others].tolist()]
        return rows

    @property
    def is_dense(self) -> bool:
        """Whether the position of every tuple is kept."""
        return bool(np.prod(self._space.options, dtype=np.float64) <= _DENSE)

    @cached_property
    def dense(self) -> NDArray[np.int64] | None:
        """Position by rank for every tuple, -1 if not recorded; None for a large space."""
        if not self.is_dense:
            return None
        size = int(np.prod(self._space.options))
        ranks = np.arange(size)
        if self._by_class:
            grid = np.stack(np.unravel_index(ranks, self._space.options), axis=1)
            legal = np.ones(size, dtype=np.bool_)
            if self._space.has_rules:
                legal = self._space.legal_many(grid)
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
            why = ""
            if self._by_class and is_described(self._space):
                why = (
                    ", one of every class of equal networks; the package that defines the space "
                    f"{self._space.name!r} knows the others, and is not installed"
                )
            raise NotRecordedError(
                f"{self._table.metadata.id!r} holds no training of {self._space.to_text(checked)}; "
                f"it holds {len(self.keys)} architectures{why}"
            )
        return position

    def _find_arch_position(self, arch: Arch) -> int:
        checked = self._space.check(arch)
        position = _find(self._table.written_ranks, self._space.rank(checked))
        if position < 0 and self._one_row_per_class:
            canonical = self._space.canonical(checked)
            position = _find(self._table.written_ranks, self._space.rank(canonical))
        return position

    @cached_property
    def _one_row_per_class(self) -> bool:
        """Whether the table has numbers of classes, not of each of their members."""
        if not self._by_class:
            return False
        written = self._table.written_ranks
        places = np.minimum(np.searchsorted(self.keys, written), len(self.keys) - 1)
        untrained = written[self.keys[places] != written]
        archs = np.stack(np.unravel_index(untrained, self._space.options), axis=1)
        owners = self._space.rank_many(self._space.canonical_many(archs))
        return bool((owners == untrained).all())


def view(array: NDArray[Any]) -> memoryview:
    """Return a read-only view of an array, of which reading a scalar costs a tenth as much."""
    return memoryview(np.ascontiguousarray(array)).toreadonly()  # type: ignore[arg-type]


def _find(ranks: Any, rank: int) -> int:
    """Return the place of a number among ascending ones, or -1."""
    place = bisect_left(ranks, rank)
    return place if place < len(ranks) and ranks[place] == rank else -1
