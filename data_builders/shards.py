"""Building a table: a space is cut into shards, each trained and written as a whole, then merged.

A shard is a block of classes with one seed. It ends as one Parquet file, written atomically, so a
build that is stopped at any moment, killed included, goes on with the shards that are missing and
ends in the same table.
"""

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data_builders import NETWORKS
from data_builders.calibration import Calibration, calibrate, timed_sample
from data_builders.datasets import load_split
from data_builders.networks import Network
from data_builders.recipe import Plan, Recipe
from nasbench import splitmix
from nasbench.errors import BuildError, InvalidArgumentError
from nasbench.files import atomic, writable_folder
from nasbench.schema import Column, Metadata
from nasbench.space import Arch, SearchSpace
from nasbench.spaces import SPACES
from nasbench.table import write_table
from nasbench.validation import STATUSES

SHARD_CLASSES = 32
CALIBRATED_CLASSES = 96


@dataclass(frozen=True, slots=True)
class Shard:
    """A unit of work.

    Attributes:
        seed: Training seed.
        number: Number of the block of classes.
        archs: Representatives of the block's classes.
    """

    seed: int
    number: int
    archs: tuple[Arch, ...]

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"seed{self.seed}-{self.number:04d}.parquet"


def all_classes(network: Network) -> list[Arch]:
    """Representatives of every class of the network's space, in the order of their ranks."""
    space: SearchSpace = SPACES.load(network.space)()
    archs = np.array(list(space.archs()))
    ranks = np.unique(space.rank_many(space.canonical_many(archs)))
    return [space.unrank(rank) for rank in ranks.tolist()]


def trainable_classes(network: Network) -> list[Arch]:
    """Representatives of every class with something to train, in the order of their ranks."""
    return [arch for arch in all_classes(network) if network.trains(arch)]


def sample_classes(network: Network, n: int) -> list[Arch]:
    """``n`` trainable classes drawn at random, always the same, in the order of their ranks.

    Raises:
        InvalidArgumentError: ``n`` is not in 1..number of classes.
    """
    classes = trainable_classes(network)
    if not 1 <= n <= len(classes):
        raise InvalidArgumentError(f"architectures = {n} is outside 1..{len(classes)}")
    order = splitmix.permutation(splitmix.key("classes", network.space), len(classes))
    return sorted(classes[i] for i in order[:n].tolist())


class Build:
    """The work of one plan in one folder.

    Args:
        plan: What to build.
        work: Folder for the builds; made if need be.

    Attributes:
        plan: As given.
        folder: The plan's own folder inside ``work``: table id and recipe digest.
        split: The images.
        digest: Digest of the recipe and its images.
        network: Class of the networks.
        classes: Representatives of the classes to train.
        untrained: Representatives of the classes without anything to train.
        shards: All shards, seeds in the order of the plan.

    Raises:
        BuildError: The folder belongs to another plan.
    """

    def __init__(self, plan: Plan, work: Path) -> None:
        self.plan = plan
        self.split = load_split(plan.recipe)
        self.digest = plan.recipe.digest(self.split.digest)
        self.network: Network = NETWORKS.load(plan.recipe.network)
        self.untrained: list[Arch] = []
        if plan.architectures is None:
            everything = all_classes(self.network)
            self.classes = [arch for arch in everything if self.network.trains(arch)]
            self.untrained = [arch for arch in everything if not self.network.trains(arch)]
        else:
            self.classes = sample_classes(self.network, plan.architectures)
        blocks = [
            self.classes[i : i + SHARD_CLASSES] for i in range(0, len(self.classes), SHARD_CLASSES)
        ]
        self.shards = [
            Shard(seed, n, tuple(block)) for seed in plan.seeds for n, block in enumerate(blocks)
        ]
        self.folder = writable_folder(work / f"{plan.id}-{self.digest[:12]}")
        self._claim()

    def missing(self) -> list[Shard]:
        """Shards that have no file yet."""
        present = set(os.listdir(self.folder))
        return [shard for shard in self.shards if shard.name not in present]

    def calibration(self) -> Calibration:
        """The calibration part; measured now if there is none."""
        path = self.folder / "calibration.json"
        if not path.exists():
            classes = trainable_classes(self.network)
            drawn = sample_classes(
                self.network, min(CALIBRATED_CLASSES, 4 * len(self.classes), len(classes))
            )
            archs = timed_sample(self.network, drawn, classes)
            calibrate(archs, self.plan.recipe, self.split).save(path)
        return Calibration.load(path)

    def run(self, processes: int, progress: Callable[[int], None] = lambda _: None) -> None:
        """Calibrate, then train every missing shard.

        Args:
            processes: Shards trained at a time, each on one thread.
            progress: Called with the number of trainings of every shard that is done.

        Raises:
            BuildError: The images have changed since the build began.
        """
        import joblib

        self.calibration()
        parallel = joblib.Parallel(n_jobs=processes, return_as="generator_unordered")
        jobs: Iterator[int] = parallel(
            joblib.delayed(train_shard)(shard, self.plan.recipe, self.folder)
            for shard in self.missing()
        )
        for trained in jobs:
            progress(trained)

    def table(self) -> tuple[Metadata, pa.Table, pa.Table, list[Column]]:
        """Merge all shards: arguments of :func:`nasbench.table.write_table`.

        Raises:
            BuildError: Shards are missing or damaged.
        """
        if missing := self.missing():
            raise BuildError(
                f"{self.folder}: {len(missing)} of {len(self.shards)} shards are not trained yet"
            )
        recipe, calibration = self.plan.recipe, self.calibration()
        parts = [_read_shard(shard, recipe, self.folder) for shard in self.shards]
        runs = pa.concat_tables([*parts, self._untrained_rows()])
        archs = [tuple(arch) for arch in runs.column("arch").to_pylist()]
        seconds = {arch: calibration.seconds(arch, recipe) for arch in set(archs)}
        finished = np.isfinite(np.array(runs.column("train_loss").to_pylist()))
        curves = [
            _until_failure(seconds[arch][0], ok) for arch, ok in zip(archs, finished, strict=True)
        ]
        runs = runs.append_column(
            "seconds", pa.array([c.tolist() for c in curves], pa.list_(pa.float32()))
        )
        validation = [seconds[arch][1] for arch in archs]
        runs = runs.append_column("validation_seconds", pa.array(validation, pa.float32()))
        return self._metadata(calibration), runs, self._arch_numbers(), self._columns(calibration)

    def write(self, path: Path) -> Metadata:
        """Merge all shards into the table at ``path``.

        Raises:
            BuildError: Shards are missing or damaged.
        """
        metadata, runs, archs, columns = self.table()
        return write_table(path, metadata, runs, archs, columns)

    def _claim(self) -> None:
        """Write what the folder belongs to, or refuse the folder if it belongs to something else.

        Seeds are free: a plan with one seed more goes on where the one before it ended.
        """
        path = self.folder / "build.json"
        ours = {
            "recipe": self._recipe(),
            "digest": self.digest,
            "architectures": self.plan.architectures,
            "shard_classes": SHARD_CLASSES,
        }
        if not path.exists():
            with atomic(path) as temporary:
                temporary.write_text(json.dumps(ours, indent=1))
        try:
            theirs = dict(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise BuildError(f"{path} is damaged ({error}): build in another folder") from error
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                raise BuildError(
                    f"{self.folder} belongs to another build: {name} is {theirs.get(name)!r} "
                    f"there, {ours.get(name)!r} in this plan; build in another folder"
                )

    def _recipe(self) -> dict[str, Any]:
        """The recipe as published: of a data set's path only the name."""
        return asdict(self.plan.recipe) | {"dataset": Path(self.plan.recipe.dataset).name}

    def _untrained_rows(self) -> pa.Table:
        """Rows of the classes that need no training: they answer every image class alike."""
        recipe, n_classes = self.plan.recipe, self.split.n_classes
        curves = {
            name: [math.log(n_classes) if name.endswith("loss") else 100.0 / n_classes]
            * recipe.epochs
            for name in _curves()
        }
        rows = [
            _row(arch, seed, recipe, "untrained", curves)
            for arch in self.untrained
            for seed in self.plan.seeds
        ]
        return pa.Table.from_pylist(rows, schema=_shard_schema(len(self.classes[0])))

    def _arch_numbers(self) -> pa.Table:
        """The network's own numbers of every architecture of the built classes."""
        space: SearchSpace = SPACES.load(self.network.space)()
        recipe, images = self.plan.recipe, self.split.train.x
        built = {*self.classes, *self.untrained}
        rows: list[dict[str, Any]] = [
            {
                "arch": list(arch),
                **self.network.arch_numbers(
                    arch,
                    channels=recipe.channels,
                    cells=recipe.cells,
                    image_channels=images.shape[3],
                    n_classes=self.split.n_classes,
                    size=images.shape[1],
                ),
            }
            for arch in space.archs()
            if space.canonical(arch) in built
        ]
        return pa.Table.from_pylist(rows)

    def _columns(self, calibration: Calibration) -> list[Column]:
        fit = (
            f"linear in {', '.join(self.network.cost_terms(self.classes[0]))}, fitted on "
            f"{calibration.classes} classes timed alone on one thread; median error "
            f"{100 * calibration.step_error:.0f} % (step), "
            f"{100 * calibration.validation_error:.0f} % (validation)"
        )
        return [
            Column.of("seconds", f"training seconds from the start to the end of the epoch; {fit}"),
            Column.of("validation_seconds", f"one pass over the validation images; {fit}"),
            *(Column.of(name, text) for name, text in self.network.arch_columns.items()),
        ]

    def _metadata(self, calibration: Calibration) -> Metadata:
        import torch

        plan, recipe = self.plan, self.plan.recipe
        dataset = Path(recipe.dataset).name.removesuffix(".npz")
        return Metadata(
            id=plan.id,
            version=plan.version,
            space=self.network.space,
            key="class",
            dataset=dataset,
            epochs={recipe.epochs: list(range(1, recipe.epochs + 1))},
            complete=plan.architectures is None,
            default_objective="valid_accuracy",
            title=f"{recipe.network} on {dataset}, trained by this suite",
            description=plan.description,
            seeds="seeds of initial values and data order",
            elsewhere="a new recipe can be trained with: nasbench build PLAN.toml",
            recipe=self._recipe()
            | {
                "digest": self.digest,
                "split_digest": self.split.digest,
                "optimizer": "SGD, Nesterov momentum, cosine to 0 by step",
                "calibration": asdict(calibration),
            },
            source=plan.source,
            licence=plan.licence,
            citation=plan.citation,
            software={"torch": str(torch.__version__)},
        )


def train_shard(shard: Shard, recipe: Recipe, folder: Path) -> int:
    """Train and write one shard on one thread.

    Args:
        shard: What to train.
        recipe: How.
        folder: The folder of the build, whose name ends with the digest of recipe and images.

    Returns:
        The number of trainings.

    Raises:
        BuildError: The images have changed since the build began.
    """
    import torch

    from data_builders.training import train

    split = load_split(recipe)
    if not folder.name.endswith(digest := recipe.digest(split.digest)[:12]):
        raise BuildError(
            f"{folder} was begun with other images in {recipe.dataset!r}: they now give {digest}"
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trainings = [train(arch, shard.seed, recipe, split) for arch in shard.archs]
    finally:
        torch.set_num_threads(threads)
    rows = [
        _row(
            arch,
            shard.seed,
            recipe,
            training.status,
            {name: values.tolist() for name, values in training.curves.items()},
        )
        for arch, training in zip(shard.archs, trainings, strict=True)
    ]
    with atomic(folder / shard.name) as temporary:
        pq.write_table(
            pa.Table.from_pylist(rows, schema=_shard_schema(len(shard.archs[0]))),
            temporary,
            write_page_checksum=True,
        )
    return len(rows)


def _curves() -> tuple[str, ...]:
    from data_builders.training import CURVES

    return CURVES


def _row(
    arch: Arch, seed: int, recipe: Recipe, status: str, curves: dict[str, list[float]]
) -> dict[str, Any]:
    return {"arch": list(arch), "schedule": recipe.epochs, "seed": seed, "status": status, **curves}


def _shard_schema(n_decisions: int) -> pa.Schema:
    keys = [
        ("arch", pa.list_(pa.uint8(), n_decisions)),
        ("schedule", pa.int32()),
        ("seed", pa.int32()),
        ("status", pa.string()),
    ]
    return pa.schema([*keys, *((name, pa.list_(pa.float32())) for name in _curves())])


def _read_shard(shard: Shard, recipe: Recipe, folder: Path) -> pa.Table:
    """The rows of a shard.

    Raises:
        BuildError: The file is damaged or is not this shard.
    """
    path, schema = folder / shard.name, _shard_schema(len(shard.archs[0]))
    advice = "delete it to train the shard again"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read()
        if table.schema.names != schema.names:
            raise pa.ArrowInvalid(f"its columns are {table.schema.names}")
        table = table.cast(schema)
    except (OSError, pa.ArrowException) as error:
        raise BuildError(f"{path} is damaged ({str(error).splitlines()[0]}): {advice}") from error
    expected = [(list(arch), recipe.epochs, shard.seed) for arch in shard.archs]
    columns = (table.column(name).to_pylist() for name in ("arch", "schedule", "seed"))
    if list(zip(*columns, strict=True)) != expected:
        raise BuildError(f"{path} holds other trainings than its shard: {advice}")
    lengths = {
        None if curve is None else len(curve)
        for name in _curves()
        for curve in table.column(name).to_pylist()
    }
    statuses = set(table.column("status").to_pylist())
    if lengths != {recipe.epochs} or not statuses <= set(STATUSES):
        raise BuildError(f"{path} is damaged (a training of another form): {advice}")
    return table


def _until_failure(
    seconds: NDArray[np.float32], finished: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Seconds stop growing with the first epoch of a diverged training, which was still paid for.

    Both arrays have shape ``(epochs,)``.
    """
    last = int(finished.sum())
    return seconds if last == len(seconds) else np.minimum(seconds, seconds[last])


__all__ = ["Build", "Shard", "all_classes", "sample_classes", "train_shard", "trainable_classes"]
