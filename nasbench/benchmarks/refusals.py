"""Errors for questions that a table cannot answer."""

from collections.abc import Sequence

import numpy as np

from nasbench.benchmark import check_integer
from nasbench.benchmarks.lookup import Lookup
from nasbench.benchmarks.objectives import no_objective
from nasbench.errors import IllegalArchError, NotRecordedError, one_of, shown
from nasbench.space import Arch
from nasbench.tables.table import Table


class Refusals:
    """Finds the schedule and epoch that a question means, and makes errors for other questions.

    Args:
        table: The table.
        lookup: Its index.
    """

    def __init__(self, table: Table, lookup: Lookup) -> None:
        self._table = table
        self._lookup = lookup
        self._name = table.metadata.id
        self._space = table.space

    def integers(
        self, epoch: int | None, schedule: int | None, seed: int | None
    ) -> tuple[int | None, int | None, int | None]:
        """Return the same epoch, schedule and seed as Python integers, None where none was given.

        Raises:
            InvalidArgumentError: One is not an integer.
        """
        asked = {"epoch": epoch, "schedule": schedule, "seed": seed}
        checked = [None if v is None else check_integer(name, v) for name, v in asked.items()]
        return checked[0], checked[1], checked[2]

    def schedule(self, schedule: int | None) -> int:
        """Return the given schedule, or the longest if None.

        Raises:
            NotRecordedError: The table has no such schedule.
        """
        if schedule is None:
            return self._table.schedules[-1]
        if schedule not in self._table.metadata.epochs:
            raise NotRecordedError(
                f"{self._name!r} has no schedule of {shown(schedule)} epochs"
                f"{one_of(schedule, self._table.schedules)}{self._table.metadata.referral}"
            )
        return schedule

    def resolve(self, epoch: int | None, schedule: int | None) -> tuple[int, int]:
        """Return the schedule, and the place of the epoch among its recorded epochs.

        Raises:
            NotRecordedError: The table does not record this epoch or schedule.
        """
        if schedule is None and len(self._table.schedules) > 1 and epoch is not None:
            if epoch not in self._table.schedules:
                raise NotRecordedError(
                    f"{self._name!r} has no schedule that ends at epoch {shown(epoch)}"
                    f"{one_of(epoch, self._table.schedules)}. To ask for an earlier point of a "
                    "curve, give schedule="
                )
            schedule = epoch
        schedule = self.schedule(schedule)
        epochs = self._table.metadata.epochs[schedule]
        if epoch is None:
            return schedule, len(epochs) - 1
        if epoch not in epochs:
            nearest = min(epochs, key=lambda e: abs(e - epoch))
            recorded = (
                f"{epochs[0]}..{epochs[-1]}" if len(epochs) > 12 else ", ".join(map(str, epochs))
            )
            raise NotRecordedError(
                f"{self._name!r} does not record epoch {shown(epoch)}; "
                f"did you mean {nearest}? Recorded: "
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
                    f"{self._name!r} has no training{of} for {shown(schedule)} epochs"
                    f"{one_of(schedule, others)}{self._table.metadata.referral}"
                )
        return NotRecordedError(
            f"{self._name!r} has no training with seed {shown(seed)}{of} "
            f"for {shown(schedule)} epochs"
            f"{one_of(seed, possible)}{self._table.metadata.referral}"
        )

    def no_value(
        self,
        name: str,
        arch: Arch,
        epoch: int,
        epochs: Sequence[int],
        *,
        diverged: Sequence[int],
        others: Sequence[int],
        is_mean: bool,
    ) -> NotRecordedError:
        """Make the error for a number that trainings of an architecture lack.

        Args:
            name: Column of the number.
            arch: The architecture.
            epoch: The epoch asked for.
            epochs: Epochs at which the column is recorded; all of them if it is no curve.
            diverged: Seeds of those trainings asked for that lack it since they diverged.
            others: Seeds of the architecture's trainings that have it.
            is_mean: Whether the mean over the seeds was asked for.
        """
        what = f"{self._name!r} does not record {name!r} of {self._space.to_text(arch)}"
        if self._table.is_curve(name) and epoch not in epochs:
            only = f"only at {', '.join(map(str, epochs))}" if epochs else "nor at any other"
            reason = f" at epoch {shown(epoch)}, {only}"
        elif diverged:
            seeds = ", ".join(map(str, diverged))
            reason = f": the training with seed {seeds} diverged"
            reason = reason if len(diverged) == 1 else reason.replace(" seed ", " seeds ")
        else:
            reason = f" at epoch {shown(epoch)}"
        if others:
            of = "A mean needs all of them" if is_mean else "Others have it"
            reason += f". {of}: ask with {' or '.join(f'seed={seed}' for seed in others)}"
        return NotRecordedError(what + reason)

    def no_numbers_but_texts(self, name: str) -> NotRecordedError:
        """Return the error for a column of texts that was asked for as numbers."""
        return NotRecordedError(
            f"{self._name!r} holds texts in {name!r}, not numbers: ask for one by one with "
            f"query(arch)[{name!r}]"
        )

    def no_training(self, name: str) -> NotRecordedError:
        """Return the error for a curve of a column of architectures."""
        return NotRecordedError(
            f"{self._name!r} has no curve of {name!r}, which no training produced"
        )

    def no_objective(self) -> NotRecordedError:
        """Return the error for a search without an objective."""
        return no_objective(self._name, self._table.columns)

    def not_recorded(self, name: str) -> NotRecordedError:
        """Make the error for a column that the table lacks, or that an architecture lacks."""
        recorded = [*self._table.columns, *self._table.arch_columns]
        if name in recorded:
            return NotRecordedError(
                f"{self._name!r} does not record {name!r} for this architecture"
            )
        return NotRecordedError(
            f"{self._name!r} does not record {name!r}{one_of(name, recorded)}"
            f"{self._table.metadata.referral}"
        )
