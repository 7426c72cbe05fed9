"""A benchmark that trains when it is asked, for spaces that cannot be trained as a whole.

Every training ends as one file of a folder, a shard of one class, and is never repeated. A search
is a function of its seed and of the answers: one that was killed and is run again gets its first
answers from the folder, proposes the same, and goes on where it was. Processes that share a folder
share its trainings; should two train the same class at once, the first file stays.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders import NETWORKS
from data_builders.builds import merged_table as build_table
from data_builders.builds.build import CALIBRATED_CLASSES, CALIBRATION
from data_builders.builds.claim import REFERENCE, begin, check_claim
from data_builders.builds.shard_files import Shard, read_shard
from data_builders.builds.shards import calibrated_classes, train_shard
from data_builders.costs.calibration import Calibration
from data_builders.costs.fit import calibrate
from data_builders.network import Network
from data_builders.origin import Origin
from data_builders.plan import Plan
from data_builders.training.course import Course
from data_builders.training.courses import course_of
from data_builders.training.memory import keep_freed_memory
from data_builders.training.outcome import CURVES
from nasbench.benchmark import Evaluation, Trainings
from nasbench.column import Column
from nasbench.errors import BuildError, NotRecordedError, one_of
from nasbench.space import Arch, SearchSpace
from nasbench.spaces import SPACES
from nasbench.storage.files import writable_folder
from nasbench.storage.temporary import sweep
from nasbench.tables.draft import Draft

_NUMBERS = (*CURVES, "seconds", "validation_seconds")
_course = lru_cache(maxsize=1)(course_of)  # kept for the next benchmark of this process


class OutOfTimeError(BuildError):
    """A training was asked for after the time for trainings had ended."""


class LiveBenchmark:
    """What a plan would give; see :class:`nasbench.benchmark.Benchmark` for the methods.

    Args:
        plan: How to train. The seeds of its trainings are the plan's; ``architectures`` is ignored.
        work: Folder for the builds, of which this is one; made if need be.
        until: When no training is begun any more, in seconds since 1970.

    Attributes:
        plan: As given.
        course: What the recipe trains on, and how.
        digest: Digest of the recipe and its data.
        network: Class of the networks.
        manifest: The trainer.
        origin: What every training is made from.
        folder: The plan's own folder inside ``work``.
        classes: Representatives of the classes that were asked for, in that order.
        untrained: Those without anything to train: none, they are refused.

    Raises:
        BuildError: The folder belongs to another build.
    """

    def __init__(self, plan: Plan, work: Path, *, until: float | None = None) -> None:
        self.plan = plan
        self.course: Course = _course(plan.recipe)
        self.digest = plan.recipe.digest(self.course.data_digest)
        self.network: Network = NETWORKS.load(plan.recipe.network)
        self.manifest = dict(REFERENCE)
        self.origin = Origin(self.digest, self.manifest)
        self.folder = writable_folder(work.resolve() / f"{plan.id}-{self.digest[:12]}")
        self.classes: list[Arch] = []
        self.untrained: list[Arch] = []
        claimed = {"recipe": plan.recipe.published(), "digest": self.digest}
        claimed |= {"searched": True} | self.manifest
        begin(self.folder, claimed)
        check_claim(self.folder, claimed)
        sweep(self.folder)
        self.name = plan.id
        self.version = plan.version
        self.content_hash = self.digest
        self.schedules: tuple[int, ...] = (plan.recipe.epochs,)
        self.fidelities = tuple(range(1, plan.recipe.epochs + 1))
        self.objectives: tuple[str, ...] = ("valid_accuracy",)
        self.known: tuple[str, ...] = ()
        self.constraints: tuple[str, ...] = ()
        self.family = ""
        self.default_objective = "valid_accuracy"
        self.is_clocked = True
        self._until = math.inf if until is None else until
        self._rows: dict[tuple[Arch, int], pa.Table] = {}
        keep_freed_memory()

    @cached_property
    def space(self) -> SearchSpace:
        """The search space."""
        made: SearchSpace = SPACES.load(self.network.space)()
        return made

    @property
    def seeds(self) -> tuple[int, ...]:
        """Training seeds of the plan, ascending."""
        return tuple(sorted(self.plan.seeds))

    @property
    def columns(self) -> Mapping[str, Column]:
        """Meaning of every number of a training."""
        return {name: Column.of(name) for name in _NUMBERS}

    def column(self, name: str) -> Column:
        """Return the meaning of a number of a training.

        Raises:
            NotRecordedError: A training gives no such number.
        """
        if name not in _NUMBERS:
            raise NotRecordedError(
                f"{self.name!r} does not record {name!r}{one_of(name, _NUMBERS)}"
            )
        return Column.of(name)

    def require_objectives(self) -> None:
        """A training always has a validation accuracy."""

    @property
    def complete_seeds(self) -> tuple[int, ...]:
        """All of them."""
        return self.seeds

    @cached_property
    def calibration(self) -> Calibration:
        """Seconds of a training; measured now if the folder has none."""
        path = self.folder / CALIBRATION
        if not path.exists():
            archs = calibrated_classes(self.network, CALIBRATED_CLASSES)
            calibrate(archs, self.course).save(path, self.origin, first=True)
        return Calibration.load(path, self.origin)

    def training(self, arch: Arch, seed: int) -> pa.Table:
        """The row of a training; trained now if the folder has it not.

        Raises:
            IllegalArchError: Not in the space.
            NotRecordedError: The seed is none of the plan's.
            OutOfTimeError: It would have to be trained after the end of the time.
            BuildError: There is nothing to train, the data have changed, or a file is damaged.
        """
        arch = self.space.canonical(self.space.check(arch))
        if seed not in self.plan.seeds:
            raise NotRecordedError(
                f"{self.name!r} has no training with seed {seed}{one_of(seed, self.seeds)}"
            )
        if (arch, seed) not in self._rows:
            self._rows[arch, seed] = self._row(arch, seed)
            if arch not in self.classes:
                self.classes.append(arch)
        return self._rows[arch, seed]

    def draft(self) -> Draft:
        """The table of all trainings that were asked for."""
        draft = build_table.merged(self, list(self._rows.values()), self.calibration)
        return replace(draft, metadata=replace(draft.metadata, complete=False))

    def query(
        self,
        arch: Arch | str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> dict[str, float]:
        """Everything that a training gives at an epoch, without what is NaN.

        Raises:
            NotRecordedError: No such epoch or schedule, or for the reasons of :meth:`training`.
        """
        at = self._index(epoch, schedule)
        numbers = self._numbers(arch, seed).items()
        return {name: value for name, v in numbers if (value := float(v[at])) == value}

    def curve(
        self, arch: Arch | str, metric: str, *, schedule: int | None = None, seed: int | None = None
    ) -> NDArray[np.floating]:
        """Values of a metric after epochs 1, 2, …, shape ``(epochs,)``.

        Raises:
            NotRecordedError: No such curve or schedule, or for the reasons of :meth:`training`.
        """
        self._index(None, schedule)
        return self._metric(arch, metric, seed)

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Loss and cost of one training, of the mean over the plan's seeds if none is given.

        Raises:
            NotRecordedError: No such epoch, or for the reasons of :meth:`training`.
        """
        at = self._index(epoch, None)
        numbers = self._numbers(arch, seed)
        loss = 100.0 - float(numbers["valid_accuracy"][at])
        validation = float(numbers["validation_seconds"][at])
        seconds = float(numbers["seconds"][at]) + validation
        return Evaluation((math.inf if math.isnan(loss) else loss,), seconds, validation)

    def query_many(
        self,
        archs: NDArray[Any],
        metric: str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """One metric of an ``(n, d)`` array of architectures, shape ``(n,)``.

        Raises:
            NotRecordedError: For the reasons of :meth:`curve` and :meth:`query`.
        """
        at = self._index(epoch, schedule)
        return np.array([self._metric(tuple(arch), metric, seed)[at] for arch in archs.tolist()])

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Rank of the representative, and the plan's seeds."""
        return Trainings(self.space.rank(self.space.canonical(arch)), self.seeds)

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        """Nothing, at no cost."""
        return (), 0.0

    def _row(self, arch: Arch, seed: int) -> pa.Table:
        if not self.network.trains(arch):
            raise BuildError(f"{self.space.to_text(arch)} has nothing to train")
        shard = Shard(seed, self.space.rank(arch), (arch,))
        if not (self.folder / shard.name).exists():
            if time.time() >= self._until:
                raise OutOfTimeError(f"{self.name!r}: no time is left to train {shard.name}")
            train_shard(shard, self.plan.recipe, self.folder, self.manifest)
        return read_shard(shard, self.plan.recipe, self.origin, self.folder)

    def _numbers(self, arch: Arch | str, seed: int | None) -> Mapping[str, NDArray[np.float64]]:
        """Every metric at every epoch: of a seed, or the mean over the plan's seeds."""
        arch = self.space.from_text(arch) if isinstance(arch, str) else arch
        recipe = self.plan.recipe
        rows = [self.training(arch, s) for s in (self.seeds if seed is None else [seed])]
        runs = build_table.with_seconds(pa.concat_tables(rows), recipe, self.calibration)
        found = {}
        for name in _NUMBERS:
            values = np.array(runs.column(name).to_pylist(), dtype=np.float64)
            values = values.reshape(len(rows), -1).mean(axis=0)
            found[name] = np.broadcast_to(values, recipe.epochs)
        return found

    def _metric(self, arch: Arch | str, metric: str, seed: int | None) -> NDArray[np.float64]:
        numbers = self._numbers(arch, seed)
        if metric not in numbers:
            raise NotRecordedError(
                f"{self.name!r} does not record {metric!r}{one_of(metric, numbers)}"
            )
        return numbers[metric]

    def _index(self, epoch: int | None, schedule: int | None) -> int:
        if schedule not in (None, *self.schedules):
            raise NotRecordedError(
                f"{self.name!r} has no schedule of {schedule} epochs"
                f"{one_of(schedule, self.schedules)}"
            )
        if epoch not in (None, *self.fidelities):
            raise NotRecordedError(
                f"{self.name!r} does not record epoch {epoch}{one_of(epoch, self.fidelities)}"
            )
        return (epoch or self.fidelities[-1]) - 1
