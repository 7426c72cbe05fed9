"""Cut a space into shards, and train and write each shard as a whole.

A shard is a block of classes with one seed. It becomes one Parquet file, written atomically: a
build that is interrupted or killed resumes with the missing shards and ends in the same table.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from data_builders.builds.claim import REFERENCE
from data_builders.builds.shard_files import Shard, write_shard
from data_builders.costs.fit import timed_sample
from data_builders.network import Network
from data_builders.origin import Origin
from data_builders.recipe import Recipe
from data_builders.training.course import Course
from data_builders.training.courses import course_of
from data_builders.training.devices import one_thread
from data_builders.training.memory import keep_freed_memory
from data_builders.training.outcome import Training
from nasbench import splitmix
from nasbench.errors import BuildError, InvalidArgumentError, UnknownNameError, one_of
from nasbench.space import Arch, SearchSpace
from nasbench.spaces import SPACES

SHARD_CLASSES = 32
GPU_SHARD_CLASSES = 256
"""Large enough to keep a GPU busy: with small groups, launching the kernels takes longest."""
LISTABLE = 1_000_000
"""Largest size of a space whose classes are listed."""


def is_listable(space: SearchSpace) -> bool:
    """Return whether a space is small enough to enumerate its architectures."""
    return space.size is not None and space.size <= LISTABLE


def all_classes(network: Network) -> list[Arch]:
    """Return the representatives of all classes of the network's space, sorted by rank.

    Raises:
        InvalidArgumentError: The space is too large to enumerate.
    """
    space: SearchSpace = SPACES.load(network.space)()
    if not is_listable(space):
        raise InvalidArgumentError(
            f"{space.name!r} has too many architectures to train them all: set "
            "architectures = 100 in the plan, or train what searches propose with "
            "'nasbench study trajectories'"
        )
    archs = np.array(list(space.archs()))
    ranks = np.unique(space.rank_many(space.canonical_many(archs)))
    return [space.unrank(rank) for rank in ranks.tolist()]


def trainable_classes(network: Network) -> list[Arch]:
    """Return the representatives of all classes that can be trained, sorted by rank."""
    return [arch for arch in all_classes(network) if network.trains(arch)]


def sample_classes(network: Network, n: int) -> list[Arch]:
    """Return ``n`` random trainable classes, the same in every call, sorted by rank.

    Every class is equally likely; in a space that cannot be listed, every architecture is.

    Raises:
        InvalidArgumentError: ``n`` is not in 1..number of classes.
    """
    space: SearchSpace = SPACES.load(network.space)()
    if not is_listable(space) and n >= 1:
        rng = random.Random(splitmix.key("classes", network.space))
        drawn: set[Arch] = set()
        while len(drawn) < n:
            arch = space.canonical(space.sample(rng))
            if network.trains(arch):
                drawn.add(arch)
        return sorted(drawn)
    classes = trainable_classes(network)
    if not 1 <= n <= len(classes):
        raise InvalidArgumentError(f"architectures = {n} is outside 1..{len(classes)}")
    order = splitmix.permutation(splitmix.key("classes", network.space), len(classes))
    return sorted(classes[i] for i in order[:n].tolist())


def calibrated_classes(network: Network, n: int) -> list[Arch]:
    """Return at most ``n`` random classes to calibrate with, plus the smallest if listable."""
    if not is_listable(SPACES.load(network.space)()):
        return sample_classes(network, n)
    classes = trainable_classes(network)
    return timed_sample(network, sample_classes(network, min(n, len(classes))), classes)


def classes_a_shard(manifest: Mapping[str, Any]) -> int:
    """Return how many classes form a shard of a build with this manifest."""
    return GPU_SHARD_CLASSES if manifest.get("device") == "cuda" else SHARD_CLASSES


def cut(classes: Sequence[Arch], seeds: Sequence[int], size: int) -> list[Shard]:
    """Return all shards of at most ``size`` classes, seed by seed."""
    blocks = [tuple(classes[i : i + size]) for i in range(0, len(classes), size)]
    return [Shard(seed, n, block) for seed in seeds for n, block in enumerate(blocks)]


def one_by_one(shard: Shard, course: Course, manifest: Mapping[str, Any]) -> list[Training]:
    """Train a shard with the reference loop, which has no choices to make."""
    return [course.train(arch, shard.seed) for arch in shard.archs]


def in_a_group(
    shard: Shard,
    course: Course,
    manifest: Mapping[str, Any],
    activations: torch.dtype | None = None,
) -> list[Training]:
    """Train the classes of a shard together, with the choices of the manifest.

    ``activations`` is the type of features, as in
    :meth:`data_builders.training.course.Course.train_group`.
    """
    keep_freed_memory()
    return course.train_group(shard.archs, shard.seed, manifest, activations)


Trainer: TypeAlias = Callable[[Shard, Course, Mapping[str, Any]], list[Training]]
TRAINERS: Mapping[str, Trainer] = {"reference": one_by_one, "batched": in_a_group}
"""Functions that train a shard, by the trainer's name in the manifest; one Training per class."""


def check_trainer(name: str) -> None:
    """Raise UnknownNameError unless the name is in :data:`TRAINERS`."""
    if name not in TRAINERS:
        raise UnknownNameError(f"no trainer is called {name!r}{one_of(name, TRAINERS)}")


def choices(manifest: Mapping[str, Any], archs: Sequence[Arch], course: Course) -> dict[str, Any]:
    """Return a manifest with all choices of its trainer: those given, else the fastest here.

    Args:
        manifest: Names a trainer, and any choices already made.
        archs: The architectures to train.
        course: How to train them.
    """
    if manifest["trainer"] != "batched":
        return dict(manifest)
    device = manifest.get("device", "cuda" if torch.cuda.is_available() else "cpu")
    chosen = {**manifest, "device": device}
    size = classes_a_shard(chosen)
    group = archs[:: max(1, len(archs) // size)][:size]
    with one_thread():
        return course.choices(group, device) | chosen


def train_shard(
    shard: Shard, recipe: Recipe, folder: Path, manifest: Mapping[str, Any] = REFERENCE
) -> int:
    """Train and write one shard on one thread.

    Args:
        shard: What to train.
        recipe: How to train.
        folder: The folder of the build; its name ends with the digest of recipe and data.
        manifest: The trainer and its choices.

    Returns:
        The number of trainings.

    Raises:
        BuildError: The data have changed since the build began.
        InvalidArgumentError: The file cannot be written.
    """
    course = _course(recipe, folder)
    with one_thread():
        trainings = TRAINERS[manifest["trainer"]](shard, course, manifest)
    origin = Origin(recipe.digest(course.data_digest), manifest)
    write_shard(shard, recipe, origin, trainings, folder)
    return len(trainings)


@lru_cache(maxsize=1)
def _course(recipe: Recipe, folder: Path) -> Course:
    """Load the data that a build began with; this process keeps them for its next shard.

    Raises:
        BuildError: The data have changed since the build began.
    """
    course = course_of(recipe)
    if not folder.name.endswith(digest := recipe.digest(course.data_digest)[:12]):
        raise BuildError(
            f"{folder} was begun with other data of {recipe.data!r}: they now give {digest}"
        )
    return course


__all__ = [
    "TRAINERS",
    "Trainer",
    "all_classes",
    "calibrated_classes",
    "check_trainer",
    "choices",
    "classes_a_shard",
    "cut",
    "is_listable",
    "sample_classes",
    "train_shard",
    "trainable_classes",
]
