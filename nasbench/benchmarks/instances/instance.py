"""A table with an index by rank: a search on it costs little more than the search itself.

Many instances share one index: the table under its own names, and hidden ones in which decisions
and options have other places and names, and a search with the same seed meets other trainings.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import getitem
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Evaluation, Trainings
from nasbench.benchmarks.evaluator import answers
from nasbench.benchmarks.instances.hidden_space import HiddenSpace
from nasbench.benchmarks.lookup import view
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import IllegalArchError, InvalidArgumentError, NotRecordedError, shown
from nasbench.space import Arch, SearchSpace
from nasbench.splitmix import key

_MOST_SEEDS = 62  # bits of a number


class Columns(NamedTuple):
    """Losses and costs by position."""

    losses: memoryview
    seconds: memoryview
    validation_seconds: memoryview


class Index:
    """The numbers of a table by position, and the position of every tuple.

    Args:
        benchmark: A table of every architecture of a small space, with one schedule and one
            objective, which comes out of trainings.

    Attributes:
        benchmark: As given.
        positions: Position of the trainings by rank of the tuple; negative for none.
        keys: Key of the trainings by position.
        seeds: Recorded training seeds by position, ascending.
        read: What :meth:`columns` has returned, by its arguments.

    Raises:
        InvalidArgumentError: The table is of another sort.
    """

    def __init__(self, benchmark: TableBenchmark) -> None:
        table, lookup = benchmark.table, benchmark._lookup
        dense = lookup.dense
        simple = len(benchmark.schedules) == len(benchmark.objectives) == 1
        trained = all(name in table.columns for name in benchmark.objectives)
        if not (simple and trained and table.metadata.complete) or dense is None:
            raise InvalidArgumentError(
                f"{benchmark.name!r} is no complete table of a small space with one objective and "
                "one schedule"
            )
        self.benchmark = benchmark
        self.positions = view(dense)
        self.keys = view(lookup.keys)
        self._lookup, self._numbers = lookup, benchmark._numbers
        self.read: dict[tuple[int | None, int | None], Columns] = {}
        runs = lookup.runs(benchmark.schedules[0])
        self.seeds = _seeds_by_position(runs.seeds, runs.first)

    def columns(self, epoch: int | None, seed: int | None) -> Columns:
        """Return losses and costs by position, and keep them; NaN where not recorded.

        Args:
            epoch: One of the fidelities; None for the last.
            seed: A training seed; None for the mean over seeds.

        Raises:
            NotRecordedError: The table does not record this epoch or seed.
        """
        found = self.read.get((epoch, seed))
        if found is None:
            benchmark = self.benchmark
            read = answers(
                benchmark.table, self._lookup, self._numbers, benchmark.objectives, epoch, seed
            )
            losses = read.losses[0][0]
            if read.rows is not None:
                losses = np.where(np.asarray(read.rows) < 0, np.nan, losses)
            found = Columns(view(losses), view(read.seconds), view(read.validation_seconds))
            self.read[epoch, seed] = found
        return found

    def read_all(self) -> None:
        """Read all numbers that searches may ask for, so that no file is needed any more."""
        for seed in (None, *{seed for seeds in set(self.seeds) for seed in seeds}):
            self.columns(None, seed)  # curves are read whole, for all epochs


class Instance:
    """What answers searches for a table, under its own names or hidden ones.

    It has what a replay asks a :class:`nasbench.benchmark.Benchmark` for.

    Args:
        index: The table.
        hidden: The space under other names; None for the table's own space.
        seed: Seed of the draws of training seeds under other names.

    Attributes:
        space: The space to search.
    """

    known: tuple[str, ...] = ()

    def __init__(self, index: Index, hidden: HiddenSpace | None = None, seed: int = 0) -> None:
        benchmark = index.benchmark
        self.space: SearchSpace = benchmark.space if hidden is None else hidden
        self.name = benchmark.name if hidden is None else hidden.name
        self.schedules = benchmark.schedules
        self.fidelities = benchmark.fidelities
        self.objectives = benchmark.objectives
        self._salt = 0 if hidden is None else key("trainings", seed)
        self._index = index
        self._positions = index.positions
        self._shares: Sequence[Mapping[int, int]] = _shares(self.space)
        self._arch: object = object()
        self._place = -1
        self._seeds = index.seeds
        self._keys = index.keys
        self._read = index.read

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Return the key and the recorded seeds of an architecture, as a benchmark does."""
        p = self._find(arch)
        self._arch, self._place = arch, p  # evaluated next
        return Trainings(self._keys[p] ^ self._salt, self._seeds[p])

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Return the losses and the cost of one training, as a benchmark does."""
        p = self._place if arch is self._arch else self._find(arch)
        try:
            losses, seconds, validation = self._read[epoch, seed]
        except KeyError:
            losses, seconds, validation = self._index.columns(epoch, seed)
        loss = losses[p]
        if loss != loss:
            raise NotRecordedError(f"{self.name!r} records no loss of {arch} at epoch {epoch}")
        return Evaluation((loss,), seconds[p], validation[p])

    def final_loss(self, arch: Arch) -> float:
        """Return the loss at full training, as a mean over the recorded seeds."""
        loss: float = self._index.columns(None, None).losses[self._find(arch)]
        return loss

    def _find(self, arch: Any) -> int:
        try:
            if arch.__class__ is tuple and len(arch) == len(self._shares):
                p: int = self._positions[sum(map(getitem, self._shares, arch))]
                if p >= 0:
                    return p
        except (KeyError, TypeError):
            pass
        self.space.check(arch)
        raise IllegalArchError(f"{shown(arch, 200)} is no tuple of integers")


def _seeds_by_position(seeds: NDArray[np.int32], first: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Return the seeds of the rows of each position, which are the same ones over and over.

    Args:
        seeds: Seed of every row.
        first: First row of every position, none of which is empty, and the end.
    """
    ordered = np.sort(seeds)
    distinct = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    if len(distinct) > _MOST_SEEDS:
        return [tuple(seeds[a:b].tolist()) for a, b in pairwise(first.tolist())]
    bits = np.left_shift(1, np.searchsorted(distinct, seeds))
    sets = np.bitwise_or.reduceat(bits, first[:-1]).tolist()
    tuples = {
        one: tuple(seed for bit, seed in enumerate(distinct.tolist()) if one >> bit & 1)
        for one in set(sets)
    }
    return [tuples[one] for one in sets]


def _shares(space: SearchSpace) -> list[dict[int, int]]:
    """Return what each option of each decision adds to the rank in the table."""
    if isinstance(space, HiddenSpace):
        return space.shares()
    sizes = zip(space.rank_weights, space.options, strict=True)
    return [{option: weight * option for option in range(n)} for weight, n in sizes]
