"""Errors for questions that a table cannot answer."""

import numpy as np

from nasbench.benchmarks.lookup import Lookup
from nasbench.errors import IllegalArchError, InvalidArgumentError, NotRecordedError, one_of
from nasbench.space import Arch
from nasbench.tables.table import Table


class Refusals:
    """Finds the schedule and epoch that a question means, and makes errors for other questions.

    Args:
        table: The table.
        lookup: Its index.
        numbers: Names of its numeric columns of architectures.
    """

    def __init__(self, table: Table, lookup: Lookup, numbers: list[str]) -> None:
        self._table = table
        self._lookup = lookup
        self._numbers = numbers
        self._name = table.metadata.id
        self._space = table.space

    def schedule(self, schedule: int | None) -> int:
        """Return the given schedule, or the longest if None.

        Raises:
            NotRecordedError: The table has no such schedule.
        """
        if schedule is None:
            return self._table.schedules[-1]
        if schedule not in self._table.metadata.epochs:
            raise NotRecordedError(
                f"{self._name!r} has no schedule of {schedule} epochs"
                f"{one_of(schedule, self._table.schedules)}{self._table.metadata.referral}"
            )
        return schedule

    def resolve(self, epoch: int | None, schedule: int | None) -> tuple[int, int]:
        """Return the schedule, and the place of the epoch among its recorded epochs.

        Raises:
            InvalidArgumentError: The epoch is not a number.
            NotRecordedError: The table does not record this epoch or schedule.
        """
        if schedule is None and len(self._table.schedules) > 1 and epoch is not None:
            if epoch not in self._table.schedules:
                raise NotRecordedError(
                    f"{self._name!r} has no schedule that ends at epoch {epoch}"
                    f"{one_of(epoch, self._table.schedules)}. To ask for an earlier point of a "
                    "curve, give schedule="
                )
            schedule = epoch
        schedule = self.schedule(schedule)
        epochs = self._table.metadata.epochs[schedule]
        if epoch is None:
            return schedule, len(epochs) - 1
        if epoch not in epochs:
            if not isinstance(epoch, int | float | np.number):
                raise InvalidArgumentError(f"epoch = {epoch!r} must be an integer")
            nearest = min(epochs, key=lambda e: abs(e - epoch))
            recorded = (
                f"{epochs[0]}..{epochs[-1]}" if len(epochs) > 12 else ", ".join(map(str, epochs))
            )
            raise NotRecordedError(
                f"{self._name!r} does not record epoch {epoch}; did you mean {nearest}? Recorded: "
                f"{recorded}{self._table.metadata.referral}"
            )
        return schedule, epochs.index(epoch)

    def no_arch(self, arch: object) -> IllegalArchError:
        """Make the error for an object that is not an architecture."""
        try:
            self._space.check(arch)  # type: ignore[arg-type]
        except IllegalArchError as error:
            return error
        return IllegalArchError(
            f"{arch!r} must be a tuple of integers to be an architecture of {self._space.name!r}"
        )

    def no_numbers(self, arch: Arch) -> NotRecordedError:
        """Make the error for an architecture without numbers of its own."""
        return NotRecordedError(f"{self._name!r} holds no numbers of {self._space.to_text(arch)}")

    def no_seed(self, arch: Arch | None, schedule: int, seed: int | None) -> NotRecordedError:
        """Make the error for an architecture (None: for all) without a training of this seed."""
        runs = self._lookup.runs(schedule)
        if arch is None:
            possible, of = np.unique(runs.seeds).tolist(), ""
        else:
            p = self._lookup.position[arch]
            possible = list(self._lookup.seeds(schedule, p))
            of = f" of {self._space.to_text(arch)}"
            if not possible:
                others = [s for s in self._table.schedules if self._lookup.seeds(s, p)]
                return NotRecordedError(
                    f"{self._name!r} has no training{of} for {schedule} epochs"
                    f"{one_of(schedule, others)}{self._table.metadata.referral}"
                )
        return NotRecordedError(
            f"{self._name!r} has no training with seed {seed}{of} for {schedule} epochs"
            f"{one_of(seed, possible)}{self._table.metadata.referral}"
        )

    def not_recorded(self, name: str) -> NotRecordedError:
        """Make the error for a column that the table lacks, or that is empty here."""
        recorded = [
            *self._table.columns,
            *self._numbers,
        ]
        if name in recorded:
            return NotRecordedError(
                f"{self._name!r} does not record {name!r} for this architecture at this epoch"
            )
        return NotRecordedError(
            f"{self._name!r} does not record {name!r}{one_of(name, recorded)}"
            f"{self._table.metadata.referral}"
        )
