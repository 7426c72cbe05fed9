"""Benchmarks that answer from a table of recorded trainings."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Evaluation, Trainings, check_integer, check_text
from nasbench.benchmarks.answer import Answer, read_only
from nasbench.benchmarks.constraints.constraint import check_constraints
from nasbench.benchmarks.constraints.feasible_space import feasible
from nasbench.benchmarks.evaluator import evaluator, is_clocked
from nasbench.benchmarks.lookup import Lookup, Memo
from nasbench.benchmarks.many_answers import ManyAnswers
from nasbench.benchmarks.numbers import Numbers
from nasbench.benchmarks.objectives import check_known, check_objectives, fidelities_of
from nasbench.benchmarks.recorded_space import searched
from nasbench.column import Column
from nasbench.errors import ContentHashError, NotRecordedError, listed
from nasbench.space import AnyArch, Arch, SearchSpace
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table

_EVALUATIONS = 2**16
_T = TypeVar("_T")


class TableBenchmark(ManyAnswers):
    """A benchmark that answers from a table; see :class:`nasbench.benchmark.Benchmark`.

    Args:
        table: The table.
        objectives: Columns to optimise; default: the table's own objective, or none if it has no
            validation column.
        known: Columns of architectures that a search may see before training.
        constraints: What an architecture has to meet to be seen by a search, such as
            ``"parameters<=500000"``.

    Attributes:
        table: As given.

    Raises:
        UnknownNameError: There is no such column.
        InvalidArgumentError: A column cannot be known before training, a list of columns is a text
            or empty, or a constraint is malformed or met by no architecture.
        NotRecordedError: The table holds no trainings.
    """

    def __init__(
        self,
        table: Table,
        objectives: Sequence[str] | None = None,
        known: Sequence[str] = (),
        constraints: Sequence[str] = (),
    ) -> None:
        metadata = table.metadata
        self.name = metadata.id
        self.version = metadata.version
        self.content_hash = metadata.content_hash
        self.schedules = table.schedules
        if not self.schedules:
            raise NotRecordedError(
                f"{self.name!r} holds no trainings, only {listed(table.arch_columns)} of "
                "architectures; join it to a table of trainings with 'nasbench merge'"
            )
        self._default_schedule = self.schedules[-1]
        self._one_schedule = len(self.schedules) == 1
        lookup = Lookup(table)
        super().__init__(table, lookup, Numbers(table, lookup))
        columns = {**table.columns, **table.arch_columns}
        self.objectives = check_objectives(
            objectives,
            benchmark=self.name,
            default=metadata.default_objective,
            possible=[name for name, column in columns.items() if column.goal],
            referral=metadata.referral,
        )
        self.fidelities = fidelities_of(table, self.objectives)
        self.known = check_known(table, known, self._numbers.of_archs)
        self._constraints = check_constraints(table, constraints, self._numbers.of_archs)
        self.constraints = tuple(map(str, self._constraints))
        self._read = self._lookup.read
        self._position = self._lookup.position
        self._arch_position = self._lookup.arch_position
        if constraints:
            self.space  # noqa: B018 (raises where no architecture meets them)
            self._position = Memo(self._of_feasible(self._position.__getitem__))
            self._arch_position = Memo(self._of_feasible(self._arch_position.__getitem__))
        self._trainings = {
            schedule: Memo(partial(self._find_trainings, schedule)) for schedule in self.schedules
        }
        self._evaluations: dict[tuple[int | None, int | None], Memo[Evaluation]] = {}

    @cached_property
    def space(self) -> SearchSpace:
        """What a search sees: the space, or of it what is recorded and meets the constraints."""
        space = searched(self.table, self._lookup)
        if not self._constraints:
            return space
        return feasible(space, self._constraints, self.name, self._lookup, self._numbers)

    family = ""

    @property
    def default_objective(self) -> str | None:
        """The column that a search optimises by default; None if there is no validation column."""
        return self.table.metadata.default_objective

    @property
    def description(self) -> Metadata:
        """What the table says about itself."""
        return self.table.metadata

    @property
    def columns(self) -> Mapping[str, Column]:
        """Meaning of every column that comes out of a training."""
        return self.table.columns

    def __repr__(self) -> str:
        seeds = f"{len(self.seeds)} seed{'s' if len(self.seeds) != 1 else ''}"
        epochs = "+".join(map(str, self.schedules))
        keys = "classes" if self.table.metadata.key == "class" else "architectures"
        return (
            f"<TableBenchmark {self.name}@{self.version}: {len(self._lookup.keys):,} {keys} of "
            f"{self._space.name}, {epochs} epochs, {seeds}, {', '.join(self.objectives) or 'none'}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path; the copy opens the table again."""
        path, hash_ = self.table.path.resolve(), self.content_hash
        return _reopen, (path, hash_, self.objectives or None, self.known, self.constraints)

    def verify(self) -> None:
        """Compute the content hash, which queries trust, once for every table in a process.

        Raises:
            TableError: The content does not match the hash in the metadata, or is damaged.
        """
        self.table.verify()

    def query(
        self,
        arch: AnyArch,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> Answer:
        """Return everything recorded for an architecture.

        Args:
            arch: What :meth:`SearchSpace.read <nasbench.languages.Reading.read>` takes, such as a
                tuple or a text; or a module hash, where the table records them.
            epoch: Number of trained epochs; default: the end of the training. In a table with
                several schedules and without ``schedule``, epoch e means the end of schedule e.
            schedule: Planned length of the training in epochs; default: the longest.
            seed: A recorded training seed; default: the mean over the recorded seeds.

        Returns:
            Number by column name; texts of the architecture are read by name too. Reading a column
            that is not recorded raises :class:`NotRecordedError`, which says why.

        Raises:
            IllegalArchError: The architecture is not in the space.
            NotRecordedError: The architecture, epoch, schedule or seed is not recorded.
            InvalidArgumentError: The epoch, schedule or seed is not an integer.
        """
        columns, arch_columns, row_of, question = self._numbers.answer(epoch, schedule, seed)
        if arch.__class__ is not tuple:
            arch = self._read(arch)
        try:
            p = self._position[arch]
            if row_of is not None and row_of[p] < 0:
                raise self._refusals.no_seed(arch, self._refusals.resolve(epoch, schedule)[0], seed)
            values = {name: v for name, column in columns if (v := column[p]) == v}
            if arch_columns:
                q = self._arch_position[arch]
                if q >= 0:
                    values |= {name: v for name, column in arch_columns if (v := column[q]) == v}
        except TypeError:
            raise self._refusals.no_arch(arch) from None
        answer = Answer(values)
        answer.source, answer.arch = question, arch
        return answer

    def curve(
        self, arch: AnyArch, metric: str, *, schedule: int | None = None, seed: int | None = None
    ) -> NDArray[np.floating]:
        """Return a metric after epochs 1, 2, …; NaN where not recorded.

        Args:
            arch: As in :meth:`query`.
            metric: A column with a value for every recorded epoch.
            schedule: As in :meth:`query`.
            seed: As in :meth:`query`.

        Returns:
            Array of shape ``(schedule,)``, of the table's precision (float32 or float64).

        Raises:
            NotRecordedError: There is no such curve, or the architecture, schedule or seed is not
                recorded.
            IllegalArchError: The architecture is not in the space.
            InvalidArgumentError: The schedule or seed is not an integer.
        """
        _, schedule, seed = self._refusals.integers(None, schedule, seed)
        schedule = self._refusals.schedule(schedule)
        check_text("metric", metric)
        if metric in self.table.arch_columns:
            raise self._refusals.no_training(metric)
        if metric not in self.table.columns:
            raise self._refusals.not_recorded(metric)
        epochs = self.table.epochs(metric, schedule)
        if not self.table.is_curve(metric) or len(epochs) <= 1:
            only = (
                f"only its value at epoch {epochs[-1]}"
                if epochs
                else f"nor a value in schedule {schedule}"
            )
            raise NotRecordedError(
                f"{self.name!r} has no curve of {metric!r}, {only}{self.table.metadata.referral}"
            )
        arch = self._read(arch)
        p = self._position[arch]
        runs = self._lookup.runs(schedule)
        first, last = runs.first[p : p + 2]
        rows = np.arange(first, last)
        if seed is not None:
            rows = rows[runs.seeds[first:last] == seed]
        if not rows.size:
            raise self._refusals.no_seed(arch, schedule, seed)
        values = self._numbers.curves(metric, schedule)
        curve = np.full(schedule, np.nan, dtype=values.dtype)
        curve[np.array(epochs) - 1] = values[rows].mean(axis=0, dtype=np.float64)
        return read_only(curve)

    def evaluate(
        self, arch: AnyArch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Return the losses and the cost of one training.

        Args:
            arch: As in :meth:`query`.
            epoch: One of ``fidelities``; default: the last.
            seed: A recorded training seed; default: the mean over the recorded seeds, where a loss
                is ``inf`` if one training diverged.

        Raises:
            IllegalArchError: The architecture is not in the space.
            NotRecordedError: The architecture, epoch or seed is not recorded, or no objective was
                given and the table has no validation column.
            InvalidArgumentError: The epoch or seed is not an integer.
        """
        if not (
            (seed is None or seed.__class__ is int) and (epoch is None or epoch.__class__ is int)
        ):
            epoch, _, seed = self._refusals.integers(epoch, None, seed)
        try:
            evaluations = self._evaluations[epoch, seed]
        except KeyError:
            evaluations = self._evaluations_of(epoch, seed)
        if arch.__class__ is not tuple:
            arch = self._read(arch)
        try:
            return evaluations[arch]
        except TypeError:
            raise self._refusals.no_arch(arch) from None

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Return the key and the recorded seeds of an architecture.

        Args:
            arch: A tuple of the space.
            epoch: In a table with several schedules, the end of the schedule; default: the longest.

        Raises:
            IllegalArchError: The architecture is not in the space.
            NotRecordedError: The architecture or schedule is not recorded.
            InvalidArgumentError: The epoch is not an integer.
        """
        if epoch is not None and type(epoch) is not int:
            epoch = check_integer("epoch", epoch)
        one = self._one_schedule or epoch is None
        schedule = self._default_schedule if one else self._refusals.schedule(epoch)
        try:
            return self._trainings[schedule][arch]
        except TypeError:
            raise self._refusals.no_arch(arch) from None

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        """Return the values of the ``known`` columns, and the seconds that computing them took.

        A value is NaN if its computation is recorded but gave no number.

        Raises:
            IllegalArchError: The architecture is not in the space.
            NotRecordedError: A number is not recorded.
        """
        try:
            q = self._arch_position[arch]
        except TypeError:
            raise self._refusals.no_arch(arch) from None
        if q < 0:
            raise self._refusals.no_numbers(arch)
        return self._numbers.known(self.known, q)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """All recorded training seeds, ascending."""
        return tuple(np.unique(self.table.seed).tolist())

    @cached_property
    def complete_seeds(self) -> tuple[int, ...]:
        """Training seeds recorded for every architecture and schedule, ascending."""
        wanted = len(self._lookup.keys) * len(self.schedules)
        seeds, counts = np.unique(self.table.seed, return_counts=True)
        return tuple(seeds[counts == wanted].tolist())

    def column(self, name: str) -> Column:
        """Return the meaning of a column.

        Raises:
            NotRecordedError: There is no such column.
        """
        if found := self.table.columns.get(name) or self.table.arch_columns.get(name):
            return found
        raise self._refusals.not_recorded(name)

    def _evaluations_of(self, epoch: int | None, seed: int | None) -> Memo[Evaluation]:
        self.require_objectives()
        find = evaluator(self.table, self._lookup, self._numbers, self.objectives, epoch, seed)
        found = self._evaluations[epoch, seed] = Memo(self._of_feasible(find), _EVALUATIONS)
        return found

    def _of_feasible(self, find: Callable[[Arch], _T]) -> Callable[[Arch], _T]:
        """Refuse the architectures that a search does not see."""
        if not self._constraints:
            return find
        return lambda arch: find(self.space.check(arch))

    def _find_trainings(self, schedule: int, arch: Arch) -> Trainings:
        p = self._position[arch]
        seeds = self._lookup.seeds(schedule, p)
        if not seeds:
            raise self._refusals.no_seed(arch, schedule, None)
        return Trainings(int(self._lookup.keys[p]), seeds)

    @cached_property
    def is_clocked(self) -> bool:
        """Whether seconds are recorded at every fidelity. If not, no training time is charged."""
        return is_clocked(self.table, self.fidelities)

    def require_objectives(self) -> None:
        """Check that there is an objective to search for.

        Raises:
            NotRecordedError: No objective was given, and the table has no validation column.
        """
        if not self.objectives:
            raise self._refusals.no_objective()


def _reopen(
    path: Path,
    content_hash: str,
    objectives: Sequence[str] | None,
    known: Sequence[str],
    constraints: Sequence[str],
) -> TableBenchmark:
    table = Table(path)
    if table.metadata.content_hash != content_hash:
        raise ContentHashError(f"{path} was replaced by another table while it was in use")
    return TableBenchmark(table, objectives, known, constraints)
