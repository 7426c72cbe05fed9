"""A table with an index by rank: a search on it costs little more than the search itself.

Many instances share one index: the table under its own names, and hidden ones in which decisions
and options have other places and names, and a search with the same seed meets other trainings.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from operator import getitem
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Evaluation, Trainings
from nasbench.benchmarks.evaluator import answers
from nasbench.benchmarks.instances.hidden_space import HiddenSpace
from nasbench.benchmarks.lookup import Memo, view
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import IllegalArchError, InvalidArgumentError, NotRecordedError
from nasbench.space import Arch, SearchSpace
from nasbench.splitmix import key


class Columns(NamedTuple):
    """Losses and costs by position."""

    losses: memoryview
    seconds: memoryview
    validation_seconds: memoryview


class Index:
    """The numbers of a table by position, and the position of every tuple.

    Args:
        benchmark: A table of every architecture of a small space, with one objective of trainings.

    Attributes:
        benchmark: As given.
        positions: Position of the trainings by rank of the tuple; negative for none.
        keys: Key of the trainings by position.
        read: What :meth:`columns` has returned, by its arguments.

    Raises:
        InvalidArgumentError: The table is of another sort.
    """

    def __init__(self, benchmark: TableBenchmark) -> None:
        table, lookup = benchmark.table, benchmark._lookup
        (objective, *others) = benchmark.objectives
        dense = lookup.dense
        if (
            others
            or objective in table.arch_columns
            or dense is None
            or not table.metadata.complete
        ):
            raise InvalidArgumentError(
                f"{benchmark.name!r} is no complete table of a small space with one objective"
            )
        self.benchmark = benchmark
        self.positions = view(dense)
        self.keys = view(lookup.keys)
        self._lookup, self._numbers = lookup, benchmark._numbers
        self.read: dict[tuple[int | None, int | None], Columns] = {}
        self._seeds: dict[int, list[tuple[int, ...]]] = {}

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

    def seeds(self, schedule: int) -> list[tuple[int, ...]]:
        """Return the recorded training seeds by position, ascending."""
        found = self._seeds.get(schedule)
        if found is None:
            runs = self._lookup.runs(schedule)
            ends, seeds = runs.first.tolist(), runs.seeds.tolist()
            found = [tuple(seeds[first:last]) for first, last in pairwise(ends)]
            self._seeds[schedule] = found
        return found

    def read_all(self) -> None:
        """Read all numbers that searches may ask for, so that no file is needed any more."""
        self.columns(None, None)
        schedules = self.benchmark.schedules
        for seed in sorted(
            {seed for each in schedules for one in self.seeds(each) for seed in one}
        ):
            for epoch in self.benchmark.fidelities:
                with suppress(NotRecordedError):  # not every seed has every schedule
                    self.columns(epoch, seed)

    def final_losses(self, archs: NDArray[np.int64], space: SearchSpace) -> NDArray[np.float64]:
        """Return mean losses over the seeds at full training, shape ``(n,)``.

        Args:
            archs: Architectures, shape ``(n, d)``.
            space: Space of an instance of this index.
        """
        parts = _shares(space)
        ranks = [sum(map(getitem, parts, arch)) for arch in archs.tolist()]
        losses = np.asarray(self.columns(None, None).losses)
        found: NDArray[np.float64] = losses[np.asarray(self.positions)[ranks]]
        return found


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
        self._position = Memo(self._find)
        self._last = self.schedules[-1]
        self._one_schedule = len(self.schedules) == 1
        self._seeds = index.seeds(self._last)
        self._keys = index.keys
        self._read = index.read

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Return the key and the recorded seeds of an architecture, as a benchmark does."""
        try:
            p = self._position[arch]
        except TypeError:
            raise IllegalArchError(f"{arch!r:.200} is no tuple of integers") from None
        seeds = self._seeds
        if not (self._one_schedule or epoch is None):
            seeds = self._index.seeds(epoch)
        return Trainings(self._keys[p] ^ self._salt, seeds[p])

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Return the losses and the cost of one training, as a benchmark does."""
        try:
            p = self._position[arch]
        except TypeError:
            raise IllegalArchError(f"{arch!r:.200} is no tuple of integers") from None
        try:
            losses, seconds, validation = self._read[epoch, seed]
        except KeyError:
            losses, seconds, validation = self._index.columns(epoch, seed)
        loss = losses[p]
        if loss != loss:
            raise NotRecordedError(f"{self.name!r} records no loss of {arch} at epoch {epoch}")
        return Evaluation((loss,), seconds[p], validation[p])

    def _find(self, arch: Any) -> int:
        try:
            if arch.__class__ is tuple and len(arch) == len(self._shares):
                p: int = self._positions[sum(map(getitem, self._shares, arch))]
                if p >= 0:
                    return p
        except (KeyError, TypeError):
            pass
        self.space.check(arch)
        raise IllegalArchError(f"{arch!r:.200} is no tuple of integers")


def _shares(space: SearchSpace) -> list[dict[int, int]]:
    """Return what each option of each decision adds to the rank in the table."""
    if isinstance(space, HiddenSpace):
        return space.shares()
    sizes = zip(space.rank_weights, space.options, strict=True)
    return [{option: weight * option for option in range(n)} for weight, n in sizes]
