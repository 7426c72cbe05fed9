"""Surrogate benchmarks: fitted models that answer like a table."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Evaluation, Trainings, check_integer
from nasbench.benchmarks.answer import Answer, read_only
from nasbench.benchmarks.objectives import as_loss, check_objectives, no_objective
from nasbench.benchmarks.surrogate.answers import (
    SurrogateAnswer,
    SurrogateAnswers,
    check_seed,
    open_predictor,
    single,
)
from nasbench.benchmarks.surrogate.folder import Description
from nasbench.column import Column
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    NotRecordedError,
    SchemaError,
    SurrogateError,
    one_of,
)
from nasbench.space import AnyArch, Arch
from nasbench.tables.columns import load_space

STD = "_std"
"""Suffix of the name of a metric's uncertainty."""


class SurrogateBenchmark:
    """A benchmark that answers from a fitted model; see :class:`nasbench.benchmark.Benchmark`.

    Without a training seed, it answers with the mean over all possible trainings. With one, any
    nonnegative integer, it answers with one noisy training, always the same for the same seed. If
    it was fitted to single trainings, no noise is known and every seed gives the mean; see
    ``description.noise``.

    Args:
        path: Folder of the surrogate.
        objectives: Metrics to optimise; default: the surrogate's own, if it has one.
        known: Must be empty, since a surrogate only knows results of trainings.

    Raises:
        SurrogateError: The folder is damaged.
        UnknownNameError: There is no such metric.
        InvalidArgumentError: ``known`` is not empty, or ``objectives`` is a text or empty.
    """

    seeds: tuple[int, ...] = ()
    complete_seeds: tuple[int, ...] = ()
    known: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()

    def __init__(
        self, path: Path, objectives: Sequence[str] | None = None, known: Sequence[str] = ()
    ) -> None:
        self.path = path.absolute()
        self.description = description = Description.read(self.path)
        description.check_name(self.path)
        self.name = description.id
        self.version = description.version
        self.content_hash = description.content_hash
        self._columns = {
            name: Column(name=name, **fields_)  # type: ignore[arg-type]
            for name, fields_ in description.columns.items()
        }
        try:
            self.space = load_space(description.space, str(path))
        except SchemaError as error:
            raise SurrogateError(str(error)) from error
        self.epochs = tuple(description.epochs)
        self.schedules: tuple[int, ...] = (description.schedule,)
        self.fidelities = self.epochs
        self.objectives = check_objectives(
            objectives,
            benchmark=self.name,
            default=description.default_objective,
            possible=self._columns,
        )
        if known:
            raise InvalidArgumentError(
                f"known = {list(known)}: {self.name!r} is a surrogate and has no columns of "
                "architectures"
            )
        ranges = np.array([column.range for column in self._columns.values()], dtype=np.float64)
        self._answers = SurrogateAnswers(
            self.space, lambda: self.predictor, np.repeat(ranges, len(self.epochs), axis=0)
        )

    @property
    def is_clocked(self) -> bool:
        """Whether it predicts the seconds of a training."""
        return self.description.clocked

    @property
    def family(self) -> str:
        """Kind of model, see :class:`nasbench.regressor.Regressor`."""
        return self.description.family

    @property
    def default_objective(self) -> str | None:
        """The metric that a search optimises by default; None if none is of validation."""
        return self.description.default_objective

    @property
    def columns(self) -> Mapping[str, Column]:
        """Meaning of every metric."""
        return self._columns

    def __repr__(self) -> str:
        about = self.description
        return (
            f"<SurrogateBenchmark {self.name}@{self.version}: {about.regressor} fitted to "
            f"{about.table['id']} of {self.space.name}, {', '.join(self.objectives)}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path; the copy opens the folder again."""
        return type(self), (self.path, self.objectives or None)

    def verify(self) -> None:
        """Check all files against their hashes, once for every benchmark.

        Raises:
            SurrogateError: A file is missing or damaged.
            MissingExtraError: The regressor needs a package that is not installed.
        """
        self.predictor  # noqa: B018

    @cached_property
    def predictor(self) -> Any:
        """The fitted model, read and checked against its hashes on first use.

        Raises:
            SurrogateError: A file is missing or damaged.
            MissingExtraError: The regressor needs a package that is not installed.
        """
        level = self._place(self.description.judged_column, self.epochs[-1])
        return open_predictor(self.path, self.description, self.space, level)

    def query(
        self,
        arch: AnyArch,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> Answer:
        """Return everything that is predicted for an architecture.

        Args:
            arch: What :meth:`SearchSpace.read <nasbench.languages.Reading.read>` takes, such as a
                tuple or a text.
            epoch: Number of trained epochs; default: the last that is predicted.
            schedule: Planned length of the training; a surrogate has only one.
            seed: A training seed, any nonnegative integer; default: the mean over all trainings.

        Returns:
            Value by name: the metrics, and seconds if predicted. Without ``seed`` also
            ``<metric>_std``, the uncertainty of the model, if it has one. Reading a missing name
            raises :class:`NotRecordedError`.

        Raises:
            IllegalArchError: The architecture is not in the space.
            NotRecordedError: There is no such epoch or schedule.
            InvalidArgumentError: The seed is not a nonnegative integer.
        """
        self._check_schedule(schedule)
        epoch = self._check_epoch(epoch)
        if arch.__class__ is not tuple:
            arch = self.space.read(arch)
        answer = self._answer(arch)
        values = answer.values if seed is None else self._draw(arch, answer, seed)
        found = {name: float(values[self._place(name, epoch)]) for name in self._columns}
        if seed is None and answer.std.any():
            found |= {n + STD: float(answer.std[self._place(n, epoch)]) for n in self._columns}
        if answer.seconds is not None:
            found["seconds"] = answer.seconds[self.epochs.index(epoch)]
        if answer.validation_seconds is not None:
            found["validation_seconds"] = answer.validation_seconds
        made = Answer(found)
        made.source, made.arch = self, arch
        return made

    def curve(
        self, arch: AnyArch, metric: str, *, schedule: int | None = None, seed: int | None = None
    ) -> NDArray[np.floating]:
        """Return a predicted metric after epochs 1, 2, …, float32 of shape ``(schedule,)``.

        Args:
            arch: What :meth:`SearchSpace.read <nasbench.languages.Reading.read>` takes, such as a
                tuple or a text.
            metric: One of the metrics, or ``"seconds"``; NaN at epochs that are not predicted.
            schedule: As in :meth:`query`.
            seed: As in :meth:`query`.

        Raises:
            NotRecordedError: There is no such metric or schedule.
            IllegalArchError: The architecture is not in the space.
            InvalidArgumentError: The seed is not a nonnegative integer.
        """
        self._check_schedule(schedule)
        if arch.__class__ is not tuple:
            arch = self.space.read(arch)
        answer = self._answer(arch)
        curve = np.full(self.schedules[0], np.nan, dtype=np.float32)
        places = np.array(self.epochs) - 1
        if metric == "seconds" and answer.seconds is not None:
            curve[places] = answer.seconds
            return read_only(curve)
        if metric not in self._columns:
            raise self._no_metric(metric, [*self._columns])
        values = answer.values if seed is None else self._draw(arch, answer, seed)
        first = self._place(metric, self.epochs[0])
        curve[places] = values[first : first + len(self.epochs)]
        return read_only(curve)

    def evaluate(
        self, arch: AnyArch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Return the losses and the cost of one training.

        Args:
            arch: As in :meth:`query`.
            epoch: One of ``fidelities``; default: the last.
            seed: A training seed, any nonnegative integer; default: the mean over all trainings.

        Raises:
            IllegalArchError: The architecture is not in the space.
            NotRecordedError: There is no such epoch, or no objective.
            InvalidArgumentError: The seed is not a nonnegative integer.
        """
        epoch = self.epochs[-1] if epoch is None else epoch
        if type(epoch) is not int:
            epoch = check_integer("epoch", epoch)
        places = self._objective_places.get(epoch)
        if places is None:
            places = self._objective_places[epoch] = self._find_objectives(epoch)
        if arch.__class__ is not tuple:
            arch = self.space.read(arch)
        answer = self._answer(arch)
        values = answer.values if seed is None else self._draw(arch, answer, seed)
        losses = tuple([base + sign * float(values[at]) for at, base, sign in places])
        validation = answer.validation_seconds or 0.0
        seconds = 0.0 if answer.seconds is None else answer.seconds[self.epochs.index(epoch)]
        return Evaluation(losses, seconds + validation, validation)

    def query_many(
        self,
        archs: NDArray[np.integer],
        metric: str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """Return one metric of many architectures, shape ``(n,)``.

        Args:
            archs: Integers of shape ``(n, d)``.
            metric: One of the metrics, ``"<metric>_std"``, ``"seconds"`` or
                ``"validation_seconds"``.
            epoch: As in :meth:`query`.
            schedule: As in :meth:`query`.
            seed: As in :meth:`query`.

        Raises:
            IllegalArchError: The array has a wrong shape, or an architecture is not in the space.
            NotRecordedError: There is no such metric, epoch or schedule; ``"<metric>_std"`` of a
                single training is none.
            InvalidArgumentError: The seed is not a nonnegative integer.
        """
        self._check_schedule(schedule)
        epoch = self._check_epoch(epoch)
        if seed is not None:
            check_seed(seed)
        archs = self.space.check_many(archs)
        if not len(archs):
            return read_only(np.empty(0))
        for arch in np.unique(archs, axis=0).tolist() if self.space.has_rules else ():
            self.space.check(arch)
        canonical = self.space.canonical_many(archs)
        answers = self._answers.of_many(canonical, seconds=metric not in self.columns)
        if metric == "seconds" and answers.seconds is not None:
            return single(answers.seconds[:, self.epochs.index(epoch)])
        if metric == "validation_seconds" and answers.validation_seconds is not None:
            return single(answers.validation_seconds)
        name = metric.removesuffix(STD)
        if name not in self._columns:
            raise self._no_metric(metric, [*self._columns])
        place = self._place(name, epoch)
        if name != metric:
            if seed is not None or not answers.std.any(axis=1).all():
                raise self._no_metric(metric, [*self._columns])
            return single(answers.std[:, place])
        values = answers.values
        if seed is not None:
            values = self._answers.draw_many(canonical, answers.centers, seed)
        return single(self._columns[name].clip(values[:, place]))

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Return the rank of the network and no seeds, since any nonnegative integer is one."""
        return Trainings(self._answer(arch).rank, ())

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        """Return nothing, since a surrogate has no columns of architectures."""
        return (), 0.0

    def texts(self, arch: Arch) -> Mapping[str, str]:
        """Return nothing, since a surrogate has no columns of architectures."""
        return {}

    def missing(self, name: str, answer: Answer) -> NotRecordedError:
        """Make the error for a name that an answer lacks."""
        return self._no_metric(name, [*answer])

    def column(self, name: str) -> Column:
        """Return the meaning of a number.

        Raises:
            NotRecordedError: There is no such number.
        """
        metric = name.removesuffix(STD)
        if metric in self._columns:
            column = self._columns[metric]
            if name == metric:
                return column
            return Column(name, column.unit, "", column.split, "how uncertain the model is")
        if name in ("seconds", "validation_seconds"):
            return Column.of(name)
        raise self._no_metric(name, [*self._columns])

    def require_objectives(self) -> None:
        """Raise :class:`NotRecordedError` if none was given and no validation is predicted."""
        if not self.objectives:
            raise no_objective(self.name, self._columns)

    def _answer(self, arch: Arch) -> SurrogateAnswer:
        if not isinstance(arch, tuple):
            raise IllegalArchError(
                f"{arch!r} must be a tuple of integers to be an architecture of {self.space.name!r}"
            )
        return self._answers.of[arch]

    def _draw(self, arch: Arch, answer: SurrogateAnswer, seed: int) -> NDArray[np.float32]:
        if type(seed) is not int:
            seed = check_integer("seed", seed)
        found = self._answers.drawn.get((arch, seed))
        if found is None:
            check_seed(seed)
            found = self._answers.draw(arch, answer, seed)
        return found

    @cached_property
    def _objective_places(self) -> dict[int, list[tuple[int, float, float]]]:
        return {}

    def _find_objectives(self, epoch: int) -> list[tuple[int, float, float]]:
        """Return the place of each objective at an epoch, and base and sign that make it a loss."""
        self.require_objectives()
        epoch = self._check_epoch(epoch)
        found = []
        for name in self.objectives:
            at_0, at_1 = as_loss(self._columns[name], np.array([0.0, 1.0])).tolist()
            found.append((self._place(name, epoch), at_0, at_1 - at_0))
        return found

    def _place(self, metric: str, epoch: int) -> int:
        return [*self._columns].index(metric) * len(self.epochs) + self.epochs.index(epoch)

    def _check_schedule(self, schedule: int | None) -> None:
        if schedule is not None and check_integer("schedule", schedule) not in self.schedules:
            raise NotRecordedError(
                f"{self.name!r} has no schedule of {schedule} epochs"
                f"{one_of(schedule, self.schedules)}"
            )

    def _check_epoch(self, epoch: int | None) -> int:
        if epoch is None:
            return self.epochs[-1]
        check_integer("epoch", epoch)
        if epoch not in self.epochs:
            raise NotRecordedError(
                f"{self.name!r} does not answer for epoch {epoch}{one_of(epoch, self.epochs)}"
            )
        return int(epoch)

    def _no_metric(self, name: str, possible: list[str]) -> NotRecordedError:
        return NotRecordedError(
            f"{self.name!r} does not answer for {name!r}{one_of(name, possible)}"
        )
