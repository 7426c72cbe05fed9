"""What a benchmark answers to many trials at once: what ``trainings`` and ``evaluate`` say of each.

A *place* of a trial is a column of integers: the first one numbers the key of the trainings that
answer, the last one what else the answer depends on.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Benchmark, Evaluation
from nasbench.benchmarks.evaluator import Answers, answers, costs
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import NotRecordedError
from nasbench.space import Arch

_MOST_BYTES = 2**29
_MASK = 2**64 - 1


class Evaluations(NamedTuple):
    """Losses and costs of ``n`` trials; NaN where nothing is recorded.

    Attributes:
        losses: Shape ``(n, n_objectives)``.
        seconds: Seconds of training from scratch and one validation, shape ``(n,)``.
        validation_seconds: The part spent on the validation, shape ``(n,)``.
    """

    losses: NDArray[np.float64]
    seconds: NDArray[np.float64]
    validation_seconds: NDArray[np.float64]


class Bulk(ABC):
    """Answers to many trials.

    Attributes:
        is_exact: Whether the answers are the same to the bit wherever they are asked for, and
            cheap. If not, they are equal up to rounding, and take milliseconds each.
        is_indexed: Whether finding the place of an architecture that was never asked for before
            takes no more than reading an array.
    """

    is_exact = True
    is_indexed = False

    @abstractmethod
    def places(self, archs: NDArray[np.integer], epochs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the places of trials.

        Args:
            archs: Shape ``(n, d)``.
            epochs: Shape ``(n,)``; all are fidelities.

        Returns:
            Shape ``(1 or 2, n)``.

        Raises:
            NasbenchError: An architecture is illegal or not recorded.
        """

    @abstractmethod
    def keys(self, places: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the keys of the trainings that answer, shape ``(n,)``."""

    @abstractmethod
    def drawn(
        self,
        places: NDArray[np.int64],
        epochs: NDArray[np.integer],
        values: NDArray[np.uint64],
    ) -> NDArray[np.int64]:
        """Return the training seeds that 64-bit values choose, shape ``(n,)``; -1 for none."""

    @abstractmethod
    def charges(self, known: Sequence[str]) -> bool:
        """Return whether any of these columns, known before training, costs seconds."""

    def dearest(self, epoch: int) -> float:
        """Return the seconds of the dearest architecture at an epoch; ``inf`` if unknown."""
        return np.inf

    def cheapest(self, epoch: int, seed: int | None) -> float:
        """Return the seconds of the cheapest training with one epoch and seed; 0 if unknown."""
        return 0.0

    @abstractmethod
    def evaluate(self, places: NDArray[np.int64], epoch: int, seed: int | None) -> Evaluations:
        """Return the losses and costs of trials with one epoch and training seed."""


def bulk(benchmark: Benchmark) -> Bulk:
    """Return what answers for a benchmark to many trials."""
    if isinstance(benchmark, TableBenchmark):
        return TableBulk(benchmark)
    if benchmark.family:
        from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark

        if isinstance(benchmark, SurrogateBenchmark):
            return SurrogateBulk(benchmark)
    return AskedBulk(benchmark)


class TableBulk(Bulk):
    """Answers from the columns of a table.

    Args:
        benchmark: The table.
    """

    def __init__(self, benchmark: TableBenchmark) -> None:
        self._benchmark = benchmark
        self._lookup, self._numbers = benchmark._lookup, benchmark._numbers
        table = benchmark.table
        self._per_arch = any(name in table.arch_columns for name in benchmark.objectives)
        self.is_indexed = table.metadata.key == "arch" or self._lookup.is_dense
        self._answers: dict[tuple[int, int | None], Answers] = {}
        self._bytes = 0

    def places(self, archs: NDArray[np.integer], epochs: NDArray[np.integer]) -> NDArray[np.int64]:
        space, lookup = self._benchmark.table.space, self._lookup
        positions = lookup.positions(archs, space.rank_many(space.check_many(archs)))
        if not self._per_arch:
            return positions[None]
        distinct, at = np.unique(archs, axis=0, return_inverse=True)
        rows = np.array([lookup.arch_position[tuple(arch)] for arch in distinct.tolist()])
        return np.stack([positions, rows[at.ravel()]])

    def keys(self, places: NDArray[np.int64]) -> NDArray[np.uint64]:
        found: NDArray[np.uint64] = self._lookup.keys.view(np.uint64)[places[0]]
        return found

    def drawn(
        self,
        places: NDArray[np.int64],
        epochs: NDArray[np.integer],
        values: NDArray[np.uint64],
    ) -> NDArray[np.int64]:
        schedules = self._benchmark.schedules
        if len(schedules) == 1:
            return self._drawn(schedules[0], places[0], values)
        seeds = np.full(len(values), -1, dtype=np.int64)
        for schedule in schedules:
            rows = np.flatnonzero(epochs == schedule)
            seeds[rows] = self._drawn(schedule, places[0, rows], values[rows])
        return seeds

    def _drawn(
        self, schedule: int, positions: NDArray[np.int64], values: NDArray[np.uint64]
    ) -> NDArray[np.int64]:
        runs = self._lookup.runs(schedule)
        counts = np.diff(runs.first).astype(np.uint64)
        if len(counts) and counts.min() == counts.max() > 0:
            chosen = values % counts[0]
        else:
            chosen = values % np.maximum(counts, 1)[positions]
        rows = np.minimum(runs.first[positions] + chosen.astype(np.int64), len(runs.seeds) - 1)
        return np.where(counts[positions] > 0, runs.seeds[rows], -1).astype(np.int64)

    def charges(self, known: Sequence[str]) -> bool:
        return any(f"{name}_seconds" in self._benchmark.table.arch_columns for name in known)

    def dearest(self, epoch: int) -> float:
        benchmark = self._benchmark
        asked = benchmark.table, self._lookup, self._numbers, benchmark.objectives, epoch
        return float(np.fmax.reduce(costs(*asked, None)[0]))

    def cheapest(self, epoch: int, seed: int | None) -> float:
        return float(np.nan_to_num(np.fmin.reduce(self._answers_of(epoch, seed).seconds)))

    def evaluate(self, places: NDArray[np.int64], epoch: int, seed: int | None) -> Evaluations:
        found = self._answers_of(epoch, seed)
        p, q = places[0], places[-1]
        losses = np.empty((len(p), len(found.losses)))
        for column, (loss, of_arch) in zip(losses.T, found.losses, strict=True):
            column[:] = np.where(q >= 0, loss[q], np.nan) if of_arch else loss[p]
        if found.rows is not None:
            losses[np.asarray(found.rows)[p] < 0] = np.nan
        return Evaluations(losses, found.seconds[p], found.validation_seconds[p])

    def _answers_of(self, epoch: int, seed: int | None) -> Answers:
        found = self._answers.get((epoch, seed))
        if found is None:
            benchmark = self._benchmark
            found = answers(
                benchmark.table,
                self._lookup,
                self._numbers,
                benchmark.objectives,
                epoch,
                seed,
            )
            if self._bytes > _MOST_BYTES:
                self._answers.clear()
                self._bytes = 0
            self._answers[epoch, seed] = found
            self._bytes += sum(loss.nbytes for loss, _ in found.losses) + 2 * found.seconds.nbytes
        return found


class AskedBulk(Bulk):
    """Answers of any benchmark, asked for each kind of trial once.

    Args:
        benchmark: The benchmark.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._place: dict[Arch, tuple[int, int]] = {}
        self._archs: list[Arch] = []
        self._keys: dict[int, int] = {}

    def places(self, archs: NDArray[np.integer], epochs: NDArray[np.integer]) -> NDArray[np.int64]:
        found = np.empty((2, len(archs)), dtype=np.int64)
        for i, (row, epoch) in enumerate(zip(archs.tolist(), epochs.tolist(), strict=True)):
            arch = tuple(row)
            place = self._place.get(arch)
            if place is None:
                key = self._keys.setdefault(self._key(arch, epoch) & _MASK, len(self._keys))
                place = self._place[arch] = key, len(self._archs)
                self._archs.append(arch)
            found[:, i] = place
        return found

    def _key(self, arch: Arch, epoch: int) -> int:
        return self._benchmark.trainings(arch, epoch).key

    def keys(self, places: NDArray[np.int64]) -> NDArray[np.uint64]:
        keys = np.fromiter(self._keys, dtype=np.uint64, count=len(self._keys))
        found: NDArray[np.uint64] = keys[places[0]]
        return found

    def drawn(
        self,
        places: NDArray[np.int64],
        epochs: NDArray[np.integer],
        values: NDArray[np.uint64],
    ) -> NDArray[np.int64]:
        ask, archs = self._benchmark.trainings, self._archs
        seeds = []
        for place, epoch, value in zip(
            places[-1].tolist(), epochs.tolist(), values.tolist(), strict=True
        ):
            recorded = ask(archs[place], epoch).seeds
            seeds.append(recorded[value % len(recorded)] if recorded else value >> 1)
        return np.array(seeds, dtype=np.int64)

    def charges(self, known: Sequence[str]) -> bool:
        return bool(known)

    def evaluate(self, places: NDArray[np.int64], epoch: int, seed: int | None) -> Evaluations:
        distinct, at = np.unique(places[-1], return_inverse=True)
        n_objectives = len(self._benchmark.objectives)
        nothing = Evaluation((np.nan,) * n_objectives, np.nan, np.nan)
        found = []
        for place in distinct.tolist():
            try:
                found.append(self._benchmark.evaluate(self._archs[place], epoch=epoch, seed=seed))
            except NotRecordedError:
                found.append(nothing)
        losses = np.array([each.losses for each in found]).reshape(-1, n_objectives)
        seconds = np.array([(each.seconds, each.validation_seconds) for each in found])
        return Evaluations(losses[at], *seconds.reshape(-1, 2).T[:, at])


class SurrogateBulk(AskedBulk):
    """Answers of a surrogate; which training answers is known without a prediction.

    Args:
        benchmark: The surrogate.
    """

    is_exact = False

    def _key(self, arch: Arch, epoch: int) -> int:
        space = self._benchmark.space
        return space.rank(space.canonical(space.check(arch)))

    def drawn(
        self,
        places: NDArray[np.int64],
        epochs: NDArray[np.integer],
        values: NDArray[np.uint64],
    ) -> NDArray[np.int64]:
        return (values >> np.uint64(1)).astype(np.int64)
