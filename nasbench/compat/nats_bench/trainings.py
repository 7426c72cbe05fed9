"""DatasetTrainings of NATS-Bench on one set under one recipe, as columns of numbers.

The names are those of the original (Dong et al., 2021, https://arxiv.org/abs/2009.00437): ``hp``
is a recipe, ``iepoch`` counts from 0, ``"x-valid"`` and the like are sets of images.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.lookup import view
from nasbench.errors import InvalidArgumentError, NotRecordedError, one_of
from nasbench.tables.table import Table

TRAIN = "train"
_HALVES = {"x-valid": "valid", "x-test": "test", "ori-test": "valtest"}
SETS: Mapping[str, Mapping[str, str]] = {
    "cifar10-valid": {"x-valid": "valid", "ori-test": "test"},
    "cifar10": {"ori-test": "test"},
    "cifar100": _HALVES,
    "ImageNet16-120": _HALVES,
}
"""Sets that the networks of a training set were evaluated on -> the split of their columns."""

SECONDS = {
    "valid": "validation_seconds",
    "test": "test_seconds",
    "valtest": "valtest_seconds",
}
"""Split -> column with the seconds of one evaluation."""


class NoAnswerError(InvalidArgumentError, NotRecordedError, KeyError):
    """A question without an answer; a ``ValueError`` or a ``KeyError`` in the original."""

    __str__ = Exception.__str__


class Measurement(NamedTuple):
    """Mean over some trainings.

    Attributes:
        loss: In nat.
        accuracy: In percent.
        seconds: Of all epochs so far; on an evaluation set, of one evaluation after each of them.
    """

    loss: float
    accuracy: float
    seconds: float


_Place: TypeAlias = tuple[memoryview, memoryview, int, int]
"""Losses and accuracies by row and place, the place that is asked for, its number of epochs."""


@lru_cache(maxsize=2**16)
def total(seconds: float, n: int) -> float:
    """The same seconds added ``n`` times, as ``sum`` rounds it in this version of Python."""
    return sum([seconds] * n)


def mean(values: Sequence[float]) -> float:
    """Mean as ``sum`` rounds it in this version of Python."""
    return sum(values) / len(values)


class DatasetTrainings:
    """All trainings on one set under one recipe; each is known by its row.

    Args:
        table: The table of the training set.
        dataset: The training set.
        hp: The recipe.
        epochs: Its number of epochs.
        ranks: Rank of the architecture of every index.

    Attributes:
        dataset: The training set.
        hp: The recipe.
        epochs: Its number of epochs.
        seeds: Training seed by row.
        sets: Evaluation sets in the order in which the original lists them: those evaluated after
            every epoch before those evaluated at the end only.
    """

    def __init__(
        self, table: Table, dataset: str, hp: str, epochs: int, ranks: NDArray[np.int64]
    ) -> None:
        self.dataset, self.hp, self.epochs = dataset, hp, epochs
        self._table = table
        chosen = table.schedule == epochs
        owners = table.ranks[chosen]
        self._first = view(np.searchsorted(owners, ranks))
        self._end = view(np.searchsorted(owners, ranks, side="right"))
        self.seeds = view(table.seed[chosen])
        recorded = {
            name: len(table.epochs(f"{split}_accuracy", epochs))
            for name, split in SETS[dataset].items()
            if epochs in table.schedules
        }
        self.sets = tuple(sorted(recorded, key=lambda name: -recorded[name]))
        self._last: dict[str, memoryview] = {}
        self._curves: dict[str, memoryview] = {}
        self._places: dict[tuple[str, int | None], _Place] = {}
        self._recorded: dict[int | None, tuple[str, ...]] = {}
        self._once: dict[str, memoryview] = {}
        self._spent: memoryview | None = None

    def rows(self, index: int) -> range:
        """Rows of an architecture, by ascending seed."""
        return range(self._first[index], self._end[index])

    def required(self, index: int) -> range:
        """Rows of an architecture, at least one.

        Raises:
            NoAnswerError: There is none.
        """
        rows = self.rows(index)
        if not rows:
            raise NoAnswerError(
                f"architecture {index} has no training on {self.dataset!r} with hp={self.hp!r}"
            )
        return rows

    def row(self, index: int, seed: object) -> int:
        """Row of an architecture and a seed.

        Raises:
            NoAnswerError: The seed is not recorded.
        """
        rows = self.rows(index)
        if isinstance(seed, int | np.integer):
            for row in rows:
                if self.seeds[row] == seed:
                    return row
        seeds = [self.seeds[row] for row in rows]
        raise NoAnswerError(
            f"there is no seed {seed!r} of architecture {index} on {self.dataset!r} with "
            f"hp={self.hp!r}{one_of(seed, seeds)}"
        )

    def split(self, name: str) -> str:
        """How the columns of ``"train"`` or of an evaluation set begin.

        Raises:
            NoAnswerError: There is no such set.
        """
        if name == TRAIN:
            return TRAIN
        if name not in self.sets:
            raise NoAnswerError(
                f"networks trained on {self.dataset!r} were not evaluated on {name!r}"
                f"{one_of(name, (TRAIN, *self.sets))}"
            )
        return SETS[self.dataset][name]

    def recorded(self, iepoch: int | None) -> tuple[str, ...]:
        """``"train"`` and the evaluation sets with results after an epoch, ``ori-test`` last."""
        found = self._recorded.get(iepoch)
        if found is None:
            n = self.check_epoch(iepoch) + 1
            found = self._recorded[iepoch] = tuple(
                name
                for name in (TRAIN, *SETS[self.dataset])
                if n in self._table.epochs(f"{self.split(name)}_loss", self.epochs)
            )
        return found

    def measure(self, name: str, rows: Sequence[int], iepoch: int | None = None) -> Measurement:
        """What was measured on a set after an epoch.

        Args:
            name: ``"train"`` or one of ``sets``.
            rows: At least one.
            iepoch: Counted from 0; None: the last.

        Raises:
            NoAnswerError: There is no such set or epoch, or nothing is recorded there.
        """
        place = self._places.get((name, iepoch))
        if place is None:
            place = self._places[name, iepoch] = self._place(name, iepoch)
        losses, accuracies, position, n = place
        return Measurement(
            mean([losses[row, position] for row in rows]),
            mean([accuracies[row, position] for row in rows]),
            mean([self.seconds(name, row, n) for row in rows]),
        )

    def seconds(self, name: str, row: int, n: int) -> float:
        """Seconds of the first ``n`` epochs, or of ``n`` evaluations on a set."""
        once = self._once.get(name) or self._load_seconds(name)
        if name == TRAIN and self._spent is not None:
            return float(self._spent[row, n - 1])
        return total(once[row], n)

    def step(self, name: str, row: int, iepoch: int) -> float:
        """Seconds of one epoch, or of the evaluation after it."""
        once = self._once.get(name) or self._load_seconds(name)
        if name == TRAIN and self._spent is not None and iepoch:
            return float(self._spent[row, iepoch] - self._spent[row, iepoch - 1])
        return float(once[row])

    def check_epoch(self, iepoch: int | None) -> int:
        """The epoch, counted from 0; the last for None.

        Raises:
            NoAnswerError: There is none of this number.
        """
        if iepoch is None:
            return self.epochs - 1
        if not isinstance(iepoch, int | np.integer) or not 0 <= iepoch < self.epochs:
            raise NoAnswerError(
                f"iepoch = {iepoch!r} must be an integer in 0..{self.epochs - 1} for hp={self.hp!r}"
            )
        return int(iepoch)

    def curve(self, name: str, metric: str, row: int) -> dict[int, float]:
        """Everything recorded of a metric (``"loss"``, ``"accuracy"``) of a training, by epoch."""
        column = f"{self.split(name)}_{metric}"
        epochs = self._table.epochs(column, self.epochs)
        values = self._whole(column)
        return {epoch - 1: values[row, place] for place, epoch in enumerate(epochs)}

    def published(self, name: str, row: int) -> float:
        """Published ``parameters`` or ``macs`` (in millions), ``latency`` (s) of a training.

        All but ``macs`` are NumPy numbers in the archive; ``sum`` may round those differently.
        """
        key = f"published_{name}"
        if key not in self._once:
            self._once[key] = view(self._table.numbers(key, self.epochs))
        value: float = self._once[key][row]
        return value if name == "macs" else np.float64(value)

    def _place(self, name: str, iepoch: int | None) -> _Place:
        n = self.check_epoch(iepoch) + 1
        columns = [f"{self.split(name)}_{metric}" for metric in ("loss", "accuracy")]
        epochs = self._table.epochs(columns[0], self.epochs)
        if n not in epochs:
            raise NoAnswerError(
                f"networks trained on {self.dataset!r} with hp={self.hp!r} were evaluated on "
                f"{name!r} only after iepoch {', '.join(str(epoch - 1) for epoch in epochs)}, not "
                f"after {n - 1}"
            )
        if n == epochs[-1] and columns[0] not in self._curves:
            return self._final(columns[0]), self._final(columns[1]), 0, n
        losses, accuracies = map(self._whole, columns)
        return losses, accuracies, epochs.index(n), n

    def _final(self, column: str) -> memoryview:
        """Values after the last epoch, shape ``(n_rows, 1)``; most questions need no others."""
        if column not in self._last:
            self._last[column] = view(self._table.final(column, self.epochs)[:, None])
        return self._last[column]

    def _whole(self, column: str) -> memoryview:
        """Values after every recorded epoch, shape ``(n_rows, n_epochs)``."""
        if column not in self._curves:
            self._curves[column] = view(self._table.curves(column, self.epochs))
        return self._curves[column]

    def _load_seconds(self, name: str) -> memoryview:
        """Seconds of the first epoch, or of one evaluation, by row."""
        if name == TRAIN:
            spent = self._table.curves("seconds", self.epochs)
            once = np.ascontiguousarray(spent[:, 0])
            added = np.zeros_like(once)
            for _ in range(self.epochs):
                added += once
            if not np.array_equal(added, spent[:, -1]):  # else they follow from the first epoch
                self._spent = view(spent)
        else:
            once = self._table.numbers(SECONDS[self.split(name)], self.epochs)
        self._once[name] = view(once)
        return self._once[name]
