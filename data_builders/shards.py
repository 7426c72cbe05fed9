"""Building a table: a space is cut into shards, each trained and written as a whole, then merged.

A shard is a block of classes with one seed. It ends as one Parquet file, written atomically, so a build that is
stopped at any moment, killed included, goes on with the shards that are missing and ends in the same table.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data_builders import NETWORKS
from data_builders.calibration import TERMS, Calibration, calibrate
from data_builders.datasets import Split, load_split
from data_builders.recipe import Plan, Recipe
from nasbench import splitmix
from nasbench.errors import BuildError, InvalidArgumentError
from nasbench.files import atomic, writable_folder
from nasbench.schema import Column, Metadata
from nasbench.space import Arch
from nasbench.spaces import SPACES
from nasbench.spaces.nb201 import live_edges, published_string
from nasbench.table import write_table

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

    def path(self, folder: Path) -> Path:
        return folder / f"seed{self.seed}-{self.number:04d}.parquet"


def trainable_classes(space_name: str) -> list[Arch]:
    """Representatives of every class with something to train, in the order of their ranks."""
    space = SPACES.load(space_name)()
    archs = np.array(list(space.archs()))
    representatives = np.unique(space.rank_many(space.canonical_many(archs)))
    return [arch for arch in map(space.unrank, representatives.tolist()) if any(live_edges(arch))]


def sample_classes(space_name: str, n: int) -> list[Arch]:
    """``n`` classes drawn at random, always the same, in the order of their ranks.

    Raises:
        InvalidArgumentError: ``n`` is not in 1..number of classes.
    """
    classes = trainable_classes(space_name)
    if not 1 <= n <= len(classes):
        raise InvalidArgumentError(f"architectures = {n} is outside 1..{len(classes)}")
    order = splitmix.permutation(splitmix.key("classes", space_name), len(classes))
    return sorted(classes[i] for i in order[:n].tolist())


class Build:
    """The work of one plan in one folder.

    Args:
        plan: What to build.
        work: Folder for the shards; made if need be.

    Attributes:
        plan: As given.
        folder: The plan's own folder inside ``work``: table id and recipe digest.
        digest: Digest of the recipe and its images.
        shards: All shards, seeds in the order of the plan.

    Raises:
        BuildError: The folder belongs to another plan.
    """

    def __init__(self, plan: Plan, work: Path) -> None:
        self.plan = plan
        self.split = load_split(plan.recipe)
        self.digest = plan.recipe.digest(self.split.digest)
        self.space_name: str = NETWORKS.load(plan.recipe.network).space
        space = self.space_name
        self.classes = (
            trainable_classes(space)
            if plan.architectures is None
            else sample_classes(space, plan.architectures)
        )
        blocks = [
            self.classes[i : i + SHARD_CLASSES] for i in range(0, len(self.classes), SHARD_CLASSES)
        ]
        self.shards = [
            Shard(seed, n, tuple(block)) for seed in plan.seeds for n, block in enumerate(blocks)
        ]
        self.folder = writable_folder(work / f"{plan.id}-{self.digest[:12]}")

    def missing(self) -> list[Shard]:
        """Shards that have no file yet."""
        return [shard for shard in self.shards if not shard.path(self.folder).exists()]

    def calibration(self) -> Calibration:
        """The calibration part; measured now if there is none."""
        path = self.folder / "calibration.json"
        if not path.exists():
            archs = sample_classes(self.space_name, CALIBRATED_CLASSES)
            calibrate(archs, self.plan.recipe, self.split).save(path)
        return Calibration.load(path)

    def run(self, processes: int, progress: Callable[[int], None] = lambda _: None) -> None:
        """Calibrate, then train every missing shard.

        Args:
            processes: Shards trained at a time, each on one thread.
            progress: Called with the number of trainings of every shard that is done.
        """
        import joblib

        self.calibration()
        missing = self.missing()
        parallel = joblib.Parallel(n_jobs=processes, return_as="generator_unordered")
        jobs: Iterator[int] = parallel(
            joblib.delayed(train_shard)(shard, self.plan.recipe, self.folder) for shard in missing
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
        runs = pa.concat_tables(_read_shard(shard, self.folder) for shard in self.shards)
        if self.plan.architectures is None:
            runs = pa.concat_tables([runs, self._disconnected()])
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
        return self._metadata(calibration), runs, self._arch_numbers(), _described(calibration)

    def write(self, path: Path) -> Metadata:
        """Merge all shards into the table at ``path``."""
        metadata, runs, archs, columns = self.table()
        return write_table(path, metadata, runs, archs, columns)

    def _disconnected(self) -> pa.Table:
        """Rows of the class that carries no signal: it needs no training and answers every class alike."""
        space = SPACES.load(self.space_name)()
        (arch,) = {space.canonical(a) for a in space.archs() if not any(live_edges(a))}
        chance, loss = 100.0 / self.split.n_classes, math.log(self.split.n_classes)
        curves = {
            name: [loss if name.endswith("loss") else chance] * self.plan.recipe.epochs
            for name in _curves()
        }
        rows = [_row(arch, seed, self.plan.recipe, "untrained", curves) for seed in self.plan.seeds]
        return pa.Table.from_pylist(rows, schema=_shard_schema(len(arch)))

    def _arch_numbers(self) -> pa.Table:
        """Parameters and MACs of the live network, and the published string, of every cell of the built classes."""
        space = SPACES.load(self.space_name)()
        network, recipe = NETWORKS.load(self.plan.recipe.network), self.plan.recipe
        shape = {
            "channels": recipe.channels,
            "cells": recipe.cells,
            "image_channels": self.split.train.x.shape[3],
            "n_classes": self.split.n_classes,
        }
        size = self.split.train.x.shape[1]
        built = set(self.classes)
        rows = []
        for arch in space.archs():
            representative = space.canonical(arch)
            if self.plan.architectures is None or representative in built:
                rows.append(
                    {
                        "arch": list(arch),
                        "parameters": network.parameter_count(representative, **shape),
                        "macs": network.macs(representative, **shape, size=size),
                        "published_string": published_string(arch),
                    }
                )
        return pa.Table.from_pylist(rows)

    def _metadata(self, calibration: Calibration) -> Metadata:
        import torch

        plan, recipe = self.plan, self.plan.recipe
        return Metadata(
            id=plan.id,
            version=plan.version,
            space=self.space_name,
            key="class",
            dataset=recipe.dataset
            if not recipe.dataset.endswith(".npz")
            else Path(recipe.dataset).stem,
            epochs={recipe.epochs: list(range(1, recipe.epochs + 1))},
            default_objective="valid_accuracy",
            title=f"{recipe.network} on {Path(recipe.dataset).stem}, trained by this suite",
            description=plan.description,
            seeds="seeds of initial values and data order",
            elsewhere="a new recipe can be trained with: nasbench build PLAN.toml",
            recipe=asdict(recipe)
            | {
                "dataset": Path(recipe.dataset).name,
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
    """Train and write one shard; the number of trainings."""
    import torch

    from data_builders.training import train

    torch.set_num_threads(1)
    split: Split = load_split(recipe)
    rows = []
    for arch in shard.archs:
        training = train(arch, shard.seed, recipe, split)
        curves = {name: values.tolist() for name, values in training.curves.items()}
        rows.append(_row(arch, shard.seed, recipe, training.status, curves))
    with atomic(shard.path(folder)) as temporary:
        pq.write_table(
            pa.Table.from_pylist(rows, schema=_shard_schema(len(shard.archs[0]))), temporary
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


def _read_shard(shard: Shard, folder: Path) -> pa.Table:
    path = shard.path(folder)
    try:
        table = pq.read_table(path, schema=_shard_schema(len(shard.archs[0])))
    except (OSError, pa.ArrowException) as error:
        raise BuildError(
            f"{path} is damaged ({str(error).splitlines()[0]}): delete it to train the shard again"
        ) from error
    if [tuple(arch) for arch in table.column("arch").to_pylist()] != list(shard.archs):
        raise BuildError(
            f"{path} holds other architectures than its shard: delete it to train the shard again"
        )
    return table


def _until_failure(seconds: Any, finished: Any) -> Any:
    """Seconds stop growing with the first epoch of a diverged training, which was still paid for."""
    last = int(finished.sum())
    return seconds if last == len(seconds) else np.minimum(seconds, seconds[last])


def _described(calibration: Calibration) -> list[Column]:
    fit = (
        f"linear in {', '.join(TERMS)}, fitted on {calibration.classes} classes timed alone on one thread; "
        f"median error {100 * calibration.step_error:.0f} % (step), {100 * calibration.validation_error:.0f} % (validation)"
    )
    return [
        Column.of("seconds", f"training seconds from the start to the end of the epoch; {fit}"),
        Column.of("validation_seconds", f"one pass over the validation images; {fit}"),
        Column.of("parameters", "trainable parameters of the network without dead edges"),
        Column.of("macs", "multiply-adds of one image through the network without dead edges"),
        Column.of("published_string", "string by which the authors of the space identify cells"),
    ]


__all__ = ["Build", "Shard", "sample_classes", "train_shard", "trainable_classes"]
