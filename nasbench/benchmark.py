"""The contract of a benchmark: every answer depends only on the arguments of the question.

Two classes keep it: :class:`nasbench.TableBenchmark` answers from recorded trainings, and
:class:`nasbench.SurrogateBenchmark` from a fitted model. :func:`nasbench.load` opens either.

>>> import nasbench
>>> benchmark = nasbench.load("lite201-digits")
>>> benchmark.space.name, benchmark.objectives, benchmark.seeds
('nb201', ('valid_accuracy',), (0, 1, 2))
>>> arch = (3, 3, 3, 1, 3, 2)
>>> answer = benchmark.query(arch, epoch=4, seed=0)
>>> round(answer["valid_accuracy"], 2), round(answer["test_accuracy"], 2)
(90.65, 91.2)
>>> evaluation = benchmark.evaluate(arch, epoch=4, seed=0)
>>> round(evaluation.losses[0], 2), round(evaluation.seconds, 2)
(9.35, 0.34)
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import InvalidArgumentError, shown
from nasbench.space import AnyArch, Arch, SearchSpace


class Evaluation(NamedTuple):
    """What a search learns from one training.

    Attributes:
        losses: One loss per objective, lower is better; ``inf`` if the training diverged.
        seconds: Seconds of training from scratch plus one validation.
        validation_seconds: The part of ``seconds`` spent on the validation.
    """

    losses: tuple[float, ...]
    seconds: float
    validation_seconds: float = 0.0


class Trainings(NamedTuple):
    """The trainings that answer for an architecture.

    Attributes:
        key: Rank of the architecture that owns the trainings; equal for architectures that share
            them.
        seeds: Recorded training seeds, ascending; empty if any integer is a seed.
    """

    key: int
    seeds: tuple[int, ...]


def check_integer(name: str, value: object) -> int:
    """Return a training seed or an epoch, which must be a Python or NumPy integer.

    What only equals one is none: ``True`` is not seed 1, nor ``"0"`` seed 0.

    Args:
        name: What the number is, for the message.
        value: The number.

    Raises:
        InvalidArgumentError: It is of another type.
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    try:
        guess = f"; did you mean {shown(int(value))}?"  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        guess = ""
    raise InvalidArgumentError(f"{name} = {shown(value)} must be an integer{guess}")


def check_text(name: str, value: object) -> None:
    """Refuse what is no text where a column is to be named.

    Raises:
        InvalidArgumentError: It is of another type.
    """
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{name} = {shown(value)} must be a text")


def check_benchmark(thing: object) -> None:
    """Refuse what is no open benchmark, such as its name.

    Raises:
        InvalidArgumentError: It is none.
    """
    if not hasattr(thing, "require_objectives"):
        raise InvalidArgumentError(
            f"benchmark = {shown(thing)} must be a benchmark that nasbench.load has opened"
        )


class Benchmark(Protocol):
    """A search space with results of its trainings; stateless, so several threads may ask it.

    Where a benchmark holds several schedules, a fidelity is the end of one of them.

    Attributes:
        name: Id of the table or surrogate.
        version: Version of the table or surrogate.
        content_hash: Hash of its numbers.
        space: The search space.
        schedules: Planned lengths of the recorded trainings in epochs, ascending.
        fidelities: Epochs that a search may ask for, ascending.
        seeds: Recorded training seeds, ascending; empty if any integer is a seed.
        complete_seeds: The seeds recorded for every architecture.
        objectives: Columns that a search optimises; :meth:`evaluate` converts them into losses.
        known: Columns that a search may see before training.
        constraints: What every architecture of the space meets, such as ``"parameters<=500000"``.
        family: Kind of model of a surrogate; empty for a table.
        default_objective: The column optimised by default; None if the caller must name one.
        columns: Meaning of every column that comes out of a training.
        is_clocked: Whether seconds are recorded at every fidelity. If not, no training time is
            charged.
    """

    name: str
    version: int
    content_hash: str
    schedules: tuple[int, ...]
    fidelities: tuple[int, ...]
    objectives: tuple[str, ...]
    known: tuple[str, ...]
    constraints: tuple[str, ...]

    @property
    def family(self) -> str: ...

    @property
    def default_objective(self) -> str | None: ...

    @property
    def columns(self) -> Mapping[str, Column]: ...

    @property
    def is_clocked(self) -> bool: ...

    @property
    def space(self) -> SearchSpace: ...

    @property
    def seeds(self) -> tuple[int, ...]: ...

    @property
    def complete_seeds(self) -> tuple[int, ...]: ...

    def query(
        self,
        arch: AnyArch,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> dict[str, float]:
        """Return everything recorded for an architecture at an epoch.

        Args:
            arch: What :meth:`SearchSpace.read <nasbench.languages.Reading.read>` takes, such as a
                tuple or a text.
            epoch: Number of trained epochs; default: all epochs of the schedule.
            schedule: Planned length of the training in epochs; default: the longest.
            seed: A training seed; default: the mean over the recorded seeds.

        Returns:
            Value by column name.
        """
        ...

    def curve(
        self, arch: AnyArch, metric: str, *, schedule: int | None = None, seed: int | None = None
    ) -> NDArray[np.floating]:
        """Return a metric after epochs 1, 2, …, shape ``(schedule,)``; NaN where not recorded."""
        ...

    def evaluate(
        self, arch: AnyArch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Return the losses and the cost of one training.

        Args:
            arch: As in :meth:`query`.
            epoch: One of ``fidelities``; default: the last.
            seed: A training seed; default: the mean over the recorded seeds.
        """
        ...

    def query_many(
        self,
        archs: NDArray[Any],
        metric: str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """Return one metric of many architectures.

        Args:
            archs: Integers of shape ``(n, d)``.
            metric: Name of a column.
            epoch: As in :meth:`query`.
            schedule: As in :meth:`query`.
            seed: As in :meth:`query`.

        Returns:
            Values of shape ``(n,)``.
        """
        ...

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Return which trainings of an architecture are recorded."""
        ...

    def column(self, name: str) -> Column:
        """Return the meaning of a column, also of one that no training produced."""
        ...

    def require_objectives(self) -> None:
        """Check that there is an objective to search for.

        Raises:
            NotRecordedError: There is none.
        """
        ...

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        """Return the values of the ``known`` columns and the seconds that computing them took."""
        ...
