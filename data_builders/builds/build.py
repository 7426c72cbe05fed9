"""Building a table: the shards of a plan are trained, or taken from elsewhere, and merged."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import pyarrow as pa

from data_builders import NETWORKS
from data_builders.builds import merged_table as build_table
from data_builders.builds.claim import CLAIM, REFERENCE, begin, check_claim, read_claim
from data_builders.builds.shard_files import Shard, read_shard
from data_builders.builds.shards import (
    all_classes,
    calibrated_classes,
    check_trainer,
    choices,
    classes_a_shard,
    cut,
    sample_classes,
)
from data_builders.builds.workers import BACKENDS, Order
from data_builders.costs.calibration import Calibration
from data_builders.costs.fit import calibrate
from data_builders.network import Network
from data_builders.origin import Origin
from data_builders.plan import Plan
from data_builders.training.course import Course
from data_builders.training.courses import course_of
from nasbench.errors import BuildError
from nasbench.space import Arch
from nasbench.storage.files import atomic, writable_folder
from nasbench.storage.locks import locked_if_free, wait_for_holder
from nasbench.storage.temporary import lock_beside, sweep
from nasbench.tables.draft import Draft
from nasbench.tables.hashes import numbers_hash
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

_LOG = logging.getLogger(__name__)

CALIBRATED_CLASSES = 96
CALIBRATION = "calibration.json"


class Build:
    """The work of one plan in one folder; several processes and machines may share the folder.

    Args:
        plan: What to build.
        work: Folder for the builds; made if need be.
        manifest: The trainer, and what it chooses that a number may depend on. Choices that are
            not given are those that the folder was begun with, else those of ``others``, else the
            fastest here.
        others: Other folders of builds whose shards shall be taken: each is ``work`` there, or the
            plan's own folder in it.

    Attributes:
        plan: As given.
        manifest: The trainer with all its choices.
        origin: What every part is made from, and says of itself.
        folder: The plan's own folder inside ``work``: table id and recipe digest.
        course: What the recipe trains on, and how.
        digest: Digest of the recipe and its data.
        network: Class of the networks.
        classes: Representatives of the classes to train.
        untrained: Representatives of the classes without anything to train.
        shard_classes: Classes a shard.
        shards: All shards, seeds in the order of the plan.

    Raises:
        BuildError: The folder belongs to another plan, or was begun with another manifest; or one
            of ``others`` was, or has no build of this plan.
        UnknownNameError: There is no such trainer.
    """

    def __init__(
        self,
        plan: Plan,
        work: Path,
        manifest: Mapping[str, Any] = REFERENCE,
        others: Sequence[Path] = (),
    ) -> None:
        check_trainer(manifest["trainer"])
        self.plan = plan
        self.course: Course = course_of(plan.recipe)
        self.digest = plan.recipe.digest(self.course.data_digest)
        self.network: Network = NETWORKS.load(plan.recipe.network)
        self.untrained: list[Arch] = []
        if plan.architectures is None:
            everything = all_classes(self.network)
            self.classes = [arch for arch in everything if self.network.trains(arch)]
            self.untrained = [arch for arch in everything if not self.network.trains(arch)]
        else:
            self.classes = sample_classes(self.network, plan.architectures)
        name = f"{plan.id}-{self.digest[:12]}"
        self._others = [_folder(other, name) for other in others]
        self.folder = work.resolve() / name
        self._choose(manifest)
        for other in self._others:
            check_claim(other, self._claim())
        begin(writable_folder(self.folder), self._claim())
        self._choose(manifest)  # as whoever began the folder while this was measuring
        check_claim(self.folder, self._claim())
        sweep(self.folder)
        self.shards = cut(self.classes, plan.seeds, self.shard_classes)

    def part(self, i: int, n: int) -> list[Shard]:
        """The ``i``-th of ``n`` disjoint sets of shards of about the same cost; ``i`` is 1 to n."""
        return self.shards[i - 1 :: n]

    def missing(self, among: Sequence[Shard] | None = None) -> list[Shard]:
        """Shards that have no file yet: of all, or of some."""
        return [
            shard
            for shard in (self.shards if among is None else among)
            if not (self.folder / shard.name).exists()
        ]

    def calibration(self) -> Calibration:
        """The calibration part; measured now if there is none and no other build measures it."""
        path = self.folder / CALIBRATION
        while not path.exists():
            with locked_if_free(lock_beside(path)) as free:
                if free and not path.exists():
                    most = min(CALIBRATED_CLASSES, max(4, 2 * len(self.classes)))
                    archs = calibrated_classes(self.network, most)
                    measured = calibrate(archs, self.course, self.manifest.get("device", "cpu"))
                    measured.save(path, self.origin, first=True)
            if not free:
                wait_for_holder(lock_beside(path))
        return Calibration.load(path, self.origin)

    def check(self, among: Sequence[Shard] | None = None) -> None:
        """Read the parts that are there: the calibration, and all finished shards or some.

        Args:
            among: Which shards to read, from :meth:`part`; None for all.

        Raises:
            BuildError: One is damaged, was edited, or belongs to another build.
        """
        if (self.folder / CALIBRATION).exists():
            self.calibration()
        for shard in self.shards if among is None else among:
            if (self.folder / shard.name).exists():
                self._read(shard, self.folder)

    def run(
        self,
        processes: int | None,
        progress: Callable[[int], None] = lambda _: None,
        *,
        among: Sequence[Shard] | None = None,
        until: float | None = None,
        backend: str = "loky",
    ) -> None:
        """Train the missing shards; whoever has the first of all calibrates before.

        Builds in one folder share the work: what another one trains is waited for, and trained here
        if that one ends without it. With a deadline it is left to the other.

        Args:
            processes: Shards trained at a time, each on one thread; None for as many as there are
                cores, or as the cluster has room for, and one on a GPU.
            progress: Called with the number of trainings of every shard that is done.
            among: Which shards to train, from :meth:`part`; None for all.
            until: When to have ended, in seconds since 1970 (``time.time()``). No shard is started
                that is not expected to end before.
            backend: One of :data:`data_builders.builds.workers.BACKENDS`.

        Raises:
            BuildError: The data have changed since the build began, a part that is there is not to
                be used, or workers are lost again and again.
            UnknownNameError: There is no such backend.
            MissingExtraError: The backend is not installed.
            InvalidArgumentError: A file cannot be written.
        """
        train = BACKENDS.load(backend)
        self.check(among)
        missing = self.missing(among)
        if not missing or (until is not None and time.time() >= until):
            return
        if among is None or self.shards[0] in among:
            self.calibration()
        order = Order(self.plan.recipe, self.folder, dict(self.manifest), until)
        while missing:
            elsewhere = []
            for shard, done in train(missing, order, processes):
                if done:
                    progress(len(shard.archs))
                else:
                    elsewhere.append(shard)
            if until is not None:
                return
            missing = elsewhere
            if missing:
                _LOG.warning(
                    "%s: waiting for the last shards (%d), which other builds train",
                    self.folder,
                    len(missing),
                )
                wait_for_holder(lock_beside(self.folder / missing[0].name))

    def take(self) -> int:
        """Take the finished shards of the other folders, and where there is none a calibration.

        Returns:
            How many shards were new.

        Raises:
            BuildError: A part is damaged, was edited or belongs to another build, or a shard that
                is also here has other numbers.
            InvalidArgumentError: A file cannot be written.
        """
        return sum(self._take(theirs) for theirs in self._others)

    def _take(self, theirs: Path) -> int:
        if (theirs / CALIBRATION).exists():
            Calibration.load(theirs / CALIBRATION, self.origin)
        new = 0
        for shard in self.shards:
            if not (theirs / shard.name).exists():
                continue
            numbers = self._read(shard, theirs)
            if (self.folder / shard.name).exists():
                ours = self._read(shard, self.folder)
                if numbers_hash(ours) != numbers_hash(numbers):
                    raise BuildError(
                        f"{theirs / shard.name} and {self.folder / shard.name} hold different "
                        "numbers of the same trainings: delete the one not to be believed"
                    )
            else:
                self._copy(theirs / shard.name)
                new += 1
        if (theirs / CALIBRATION).exists() and not (self.folder / CALIBRATION).exists():
            self._copy(theirs / CALIBRATION)
        return new

    def scores(self, path: Path) -> Table:
        """Zero-cost scores of the planned networks, from :mod:`data_builders.builds.score_table`.

        Raises:
            BuildError: They are of another recipe or other data, or some are not there.
            TableError: The file is no table, or its content does not match its hash.
        """
        scores = Table(path)
        scores.verify()
        recipe = scores.metadata.recipe
        if recipe.get("digest") != self.digest or "initial_values" not in recipe:
            raise BuildError(f"{path} holds no scores of {self.plan.id} with these data")
        archs = build_table.as_written(self.network, {*self.classes, *self.untrained})
        if {*archs} - {*map(tuple, scores.written_archs.tolist())}:
            raise BuildError(f"{path} lacks scores of architectures of {self.plan.id}")
        return scores

    def draft(self, scores: Table | None = None) -> Draft:
        """Merge all shards into the content of the table.

        Args:
            scores: Zero-cost scores to join, from :meth:`scores`.

        Raises:
            BuildError: Shards are missing or damaged.
        """
        if missing := self.missing():
            raise BuildError(
                f"{self.folder}: {len(missing)} of {len(self.shards)} shards are not trained yet"
            )
        parts = [self._read(shard, self.folder) for shard in self.shards]
        return build_table.merged(self, parts, self.calibration(), scores)

    def write(self, path: Path, scores: Table | None = None, *, replace: bool = False) -> Metadata:
        """Merge all shards, and scores, into the table at ``path``.

        Raises:
            BuildError: Shards are missing or damaged.
            InvalidArgumentError: Another table is there, and ``replace`` is not said.
        """
        return write_table(path, self.draft(scores), replace=replace)

    def _choose(self, manifest: Mapping[str, Any]) -> None:
        self.manifest = self._chosen(manifest)
        self.origin = Origin(self.digest, self.manifest)
        self.shard_classes = classes_a_shard(self.manifest)

    def _chosen(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest with all choices of its trainer."""
        chosen = self.course.chosen
        if manifest["trainer"] != "batched" or {*chosen} <= {*manifest}:
            return dict(manifest)
        for folder in (self.folder, *self._others):
            if (folder / CLAIM).exists():
                begun = read_claim(folder)
                return {name: begun.get(name) for name in chosen} | {**manifest}
        return choices(manifest, self.classes, self.course)

    def _claim(self) -> dict[str, Any]:
        """What the folder belongs to.

        Seeds are free: a plan with one seed more goes on where the one before it ended.
        """
        return {
            "recipe": self.plan.recipe.published(),
            "digest": self.digest,
            "architectures": self.plan.architectures,
            "shard_classes": self.shard_classes,
            **self.manifest,
        }

    def _read(self, shard: Shard, folder: Path) -> pa.Table:
        return read_shard(shard, self.plan.recipe, self.origin, folder)

    def _copy(self, path: Path) -> None:
        with atomic(self.folder / path.name, first=True) as temporary:
            copyfile(path, temporary)


def _folder(work: Path, name: str) -> Path:
    """The folder of a build inside ``work``, which may be that folder itself.

    Raises:
        BuildError: It is not there.
    """
    folder = work if work.name == name else work / name
    if not folder.is_dir():
        id_ = name.rpartition("-")[0]
        others = ", ".join(sorted(path.name for path in work.glob(f"{id_}-*")))
        raise BuildError(
            f"{work} has no {name}, which is the name of this recipe with these data; there is "
            f"{others or 'no build of this plan'}"
        )
    return folder
