"""The trainings of NATS-Bench on one data set under one recipe, as columns of numbers.

Names are those of the original (Dong et al., 2021, https://arxiv.org/abs/2009.00437): ``hp`` is a
recipe, ``iepoch`` counts from 0, ``"x-valid"`` and the like are sets of images.
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
_TOP5 = "top5_accuracy"
_HALVES = {"x-valid": "valid", "x-test": "test", "ori-test": "valtest"}
SETS: Mapping[str, Mapping[str, str]] = {
    "cifar10-valid": {"x-valid": "valid", "ori-test": "test"},
    "cifar10": {"ori-test": "test"},
    "cifar100": _HALVES,
    "ImageNet16-120": _HALVES,
}
"""Training set -> evaluation set -> split in the names of the table's columns."""

SECONDS = {
    "valid": "validation_seconds",
    "test": "test_seconds",
    "valtest": "valtest_seconds",
}
"""Split -> column with the seconds of one evaluation."""


class NoAnswerError(InvalidArgumentError, NotRecordedError, KeyError):
    """A question has no answer; a ``ValueError`` or a ``KeyError`` in the original."""

    __str__ = Exception.__str__


class Measurement(NamedTuple):
    """Mean results of some trainings.

    Attributes:
        loss: In nat.
        accuracy: In percent.
        seconds: For the training set, of all epochs so far; for an evaluation set, of one
            evaluation after each of them.
    """

    loss: float
    accuracy: float
    seconds: float


_Place: TypeAlias = tuple[memoryview, memoryview, int, int]
"""Losses and accuracies by (row, place), the place of an epoch, and the number of epochs so far."""


@lru_cache(maxsize=2**16)
def total(seconds: float, n: int) -> float:
    """Add the same seconds ``n`` times, rounded as ``sum`` of this Python version does."""
    return sum([seconds] * n)


def mean(values: Sequence[float]) -> float:
    """Return the mean, rounded as ``sum`` of this Python version does."""
    return sum(values) / len(values)


class DatasetTrainings:
    """All trainings on one data set under one recipe, each identified by its row.

    Args:
        table: The table of the training set.
        dataset: The training set.
        hp: The recipe.
        epochs: Length of the recipe.
        ranks: Rank of the architecture of every index.

    Attributes:
        dataset: The training set.
        hp: The recipe.
        epochs: Length of the recipe.
        seeds: Training seed by row.
        sets: Evaluation sets in the order of the original: those evaluated after every epoch before
            those evaluated only at the end.
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
        """Return the rows of an architecture, by ascending seed."""
        return range(self._first[index], self._end[index])

    def required(self, index: int) -> range:
        """Return the rows of an architecture, at least one.

        Raises:
            NoAnswerError: There are none.
        """
        rows = self.rows(index)
        if not rows:
            raise NoAnswerError(
                f"architecture {index} has no training on {self.dataset!r} with hp={self.hp!r}"
            )
        return rows

    def row(self, index: int, seed: object) -> int:
        """Return the row of an architecture and a seed.

        Raises:
            NoAnswerError: The seed is not recorded.
        """
        rows = self.rows(index)
        if isinstance(seed, int | np.integer) and not isinstance(seed, bool):
            for row in rows:
                if self.seeds[row] == seed:
                    return row
        seeds = [self.seeds[row] for row in rows]
        raise NoAnswerError(
            f"there is no seed {seed!r} of architecture {index} on {self.dataset!r} with "
            f"hp={self.hp!r}{one_of(seed, seeds)}"
        )

    def split(self, name: str) -> str:
        """Return the split in the column names of ``"train"`` or an evaluation set.

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
        """Return ``"train"`` and the evaluation sets with results after an epoch.

        The last of them is ``"ori-test"``.

        Raises:
            NoAnswerError: There is no such epoch.
        """
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
        """Return the mean results on a set after an epoch.

        Args:
            name: ``"train"`` or one of ``sets``.
            rows: At least one row.
            iepoch: Counted from 0; None for the last.

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
        """Return the seconds of the first ``n`` epochs, or of ``n`` evaluations on a set."""
        once = self._once.get(name) or self._load_seconds(name)
        if name == TRAIN and self._spent is not None:
            return float(self._spent[row, n - 1])
        return total(once[row], n)

    def step(self, name: str, row: int, iepoch: int) -> float:
        """Return the seconds of one epoch, or of the evaluation after it."""
        once = self._once.get(name) or self._load_seconds(name)
        if name == TRAIN and self._spent is not None and iepoch:
            return float(self._spent[row, iepoch] - self._spent[row, iepoch - 1])
        return float(once[row])

    def check_epoch(self, iepoch: int | None) -> int:
        """Return the epoch, counted from 0; the last for None.

        Raises:
            NoAnswerError: There is no such epoch.
        """
        if iepoch is None:
            return self.epochs - 1
        is_integer = isinstance(iepoch, int | np.integer) and not isinstance(iepoch, bool)
        if not is_integer or not 0 <= iepoch < self.epochs:
            raise NoAnswerError(
                f"iepoch = {iepoch!r} must be an integer in 0..{self.epochs - 1} for hp={self.hp!r}"
            )
        return int(iepoch)

    def curve(self, name: str, metric: str, row: int) -> dict[int, float]:
        """Return all recorded values of a metric of a training, by epoch.

        Args:
            name: ``"train"`` or one of ``sets``.
            metric: ``"loss"`` or ``"accuracy"``.
            row: Row of the training.
        """
        column = f"{self.split(name)}_{metric}"
        epochs = self._table.epochs(column, self.epochs)
        values = self._whole(column)
        return {epoch - 1: values[row, place] for place, epoch in enumerate(epochs)}

    def top5(self, row: int) -> dict[int, float] | None:
        """Return top-5 accuracies on the training set by epoch, None if the archive has none.

        Raises:
            NoAnswerError: The table is of version 1, which lacks them.
        """
        name, about = f"{TRAIN}_{_TOP5}", self._table.metadata
        if name in self._table.columns:
            recorded = self._table.epochs(name, self.epochs)
            return self.curve(TRAIN, _TOP5, row) if recorded else None
        if about.version < 2:
            raise NoAnswerError(
                f"version {about.version} of the table {about.id} lacks top-5 accuracies: import "
                "the archive again"
            )
        return None

    def published(self, name: str, row: int) -> float:
        """Return published ``parameters`` or ``macs`` (in millions) or ``latency`` (in seconds).

        All but ``macs`` are NumPy numbers in the archive, which ``sum`` may round differently.
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
        """Return values after the last epoch, which most questions need; shape ``(n_rows, 1)``."""
        if column not in self._last:
            self._last[column] = view(self._table.final(column, self.epochs)[:, None])
        return self._last[column]

    def _whole(self, column: str) -> memoryview:
        """Return values after every recorded epoch, shape ``(n_rows, n_epochs)``."""
        if column not in self._curves:
            self._curves[column] = view(self._table.curves(column, self.epochs))
        return self._curves[column]

    def _load_seconds(self, name: str) -> memoryview:
        """Return seconds of the first epoch, or of one evaluation, by row."""
        if name == TRAIN:
            spent = self._table.curves("seconds", self.epochs)
            once = np.ascontiguousarray(spent[:, 0])
            added = np.zeros_like(once)
            for _ in range(self.epochs):
                added += once
            if not np.array_equal(added, spent[:, -1]):  # else they follow from the first
                self._spent = view(spent)
        else:
            once = self._table.numbers(SECONDS[self.split(name)], self.epochs)
        self._once[name] = view(once)
        return self._once[name]
