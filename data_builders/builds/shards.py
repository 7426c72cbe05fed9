"""Units of work: a space is cut into shards, each trained and written as a whole.

A shard is a block of classes with one seed. It ends as one Parquet file, written atomically, so a
build that is stopped at any moment, killed included, goes on with the shards that are missing and
ends in the same table.
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
from data_builders.costs.calibration import timed_sample
from data_builders.images.datasets import Split, load_split
from data_builders.network import Network
from data_builders.recipe import Recipe
from data_builders.training import reference as training
from data_builders.training.batched.group import fastest_convolution, train_group
from data_builders.training.memory import keep_freed_memory
from data_builders.training.reference import one_thread
from nasbench import splitmix
from nasbench.errors import BuildError, InvalidArgumentError, UnknownNameError, one_of
from nasbench.space import Arch, SearchSpace
from nasbench.spaces import SPACES

SHARD_CLASSES = 32
GPU_SHARD_CLASSES = 256
"""Large enough that the kernels of a group are not waiting for each other to be launched."""
LISTABLE = 1_000_000
"""Architectures of the largest space whose classes are listed."""


def is_listable(space: SearchSpace) -> bool:
    """Whether all architectures of a space can be gone through."""
    return space.size is not None and space.size <= LISTABLE


def all_classes(network: Network) -> list[Arch]:
    """Representatives of every class of the network's space, in the order of their ranks.

    Raises:
        InvalidArgumentError: There are too many.
    """
    space: SearchSpace = SPACES.load(network.space)()
    if not is_listable(space):
        raise InvalidArgumentError(
            f"{space.name!r} has too many architectures to train them all: let the plan say "
            "architectures = 100, or take those that searches propose, with "
            "'nasbench study trajectories'"
        )
    archs = np.array(list(space.archs()))
    ranks = np.unique(space.rank_many(space.canonical_many(archs)))
    return [space.unrank(rank) for rank in ranks.tolist()]


def trainable_classes(network: Network) -> list[Arch]:
    """Representatives of every class with something to train, in the order of their ranks."""
    return [arch for arch in all_classes(network) if network.trains(arch)]


def sample_classes(network: Network, n: int) -> list[Arch]:
    """``n`` trainable classes drawn at random, always the same, in the order of their ranks.

    Every class is drawn with equal chance, in a space that cannot be listed every architecture.

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
    """At most ``n`` random classes, and where all are listed the smallest, to calibrate with."""
    if not is_listable(SPACES.load(network.space)()):
        return sample_classes(network, n)
    classes = trainable_classes(network)
    return timed_sample(network, sample_classes(network, min(n, len(classes))), classes)


def classes_a_shard(manifest: Mapping[str, Any]) -> int:
    """How many classes a shard of a build with some manifest has."""
    return GPU_SHARD_CLASSES if manifest.get("device") == "cuda" else SHARD_CLASSES


def cut(classes: Sequence[Arch], seeds: Sequence[int], size: int) -> list[Shard]:
    """All shards of at most ``size`` classes, seed by seed."""
    blocks = [tuple(classes[i : i + size]) for i in range(0, len(classes), size)]
    return [Shard(seed, n, block) for seed in seeds for n, block in enumerate(blocks)]


def one_by_one(
    shard: Shard, recipe: Recipe, split: Split, manifest: Mapping[str, Any]
) -> list[training.Training]:
    """Train a shard by the reference loop, which has no choices."""
    return [training.train(arch, shard.seed, recipe, split) for arch in shard.archs]


def in_a_group(
    shard: Shard,
    recipe: Recipe,
    split: Split,
    manifest: Mapping[str, Any],
    activations: torch.dtype | None = None,
) -> list[training.Training]:
    """Train the classes of a shard together, on the device and with the convolution named there.

    The type of features is that of :class:`data_builders.training.batched.group.Group`.
    """
    keep_freed_memory()
    return train_group(
        shard.archs,
        shard.seed,
        recipe,
        split,
        device=manifest["device"],
        convolution=manifest["convolution"],
        activations=activations,
    )


Trainer: TypeAlias = Callable[[Shard, Recipe, Split, Mapping[str, Any]], list[training.Training]]
TRAINERS: Mapping[str, Trainer] = {"reference": one_by_one, "batched": in_a_group}
"""What trains a shard, by the name in the manifest: one training for each class, in their order."""


def check_trainer(name: str) -> None:
    """Raise UnknownNameError for what is not in :data:`TRAINERS`."""
    if name not in TRAINERS:
        raise UnknownNameError(f"no trainer is called {name!r}{one_of(name, TRAINERS)}")


def choices(
    manifest: Mapping[str, Any], archs: Sequence[Arch], recipe: Recipe, split: Split
) -> dict[str, Any]:
    """A manifest with all choices of its trainer: those given, else the fastest here.

    Args:
        manifest: Names a trainer.
        archs: What will be trained.
        recipe: How.
        split: The images.
    """
    if manifest["trainer"] != "batched":
        return dict(manifest)
    device = manifest.get("device", "cuda" if torch.cuda.is_available() else "cpu")
    chosen = {**manifest, "device": device}
    size = classes_a_shard(chosen)
    group = archs[:: max(1, len(archs) // size)][:size]
    with one_thread():
        return {"convolution": fastest_convolution(group, recipe, split, device=device)} | chosen


def train_shard(
    shard: Shard, recipe: Recipe, folder: Path, manifest: Mapping[str, Any] = REFERENCE
) -> int:
    """Train and write one shard on one thread.

    Args:
        shard: What to train.
        recipe: How.
        folder: The folder of the build, whose name ends with the digest of recipe and images.
        manifest: The trainer, and what it chose.

    Returns:
        The number of trainings.

    Raises:
        BuildError: The images have changed since the build began.
        InvalidArgumentError: The file cannot be written.
    """
    split = _images(recipe, folder)
    with one_thread():
        trainings = TRAINERS[manifest["trainer"]](shard, recipe, split, manifest)
    write_shard(shard, recipe, trainings, folder)
    return len(trainings)


@lru_cache(maxsize=1)
def _images(recipe: Recipe, folder: Path) -> Split:
    """The images that a folder was begun with, kept for the next shard of this process.

    Raises:
        BuildError: The images have changed since the build began.
    """
    split = load_split(recipe)
    if not folder.name.endswith(digest := recipe.digest(split.digest)[:12]):
        raise BuildError(
            f"{folder} was begun with other images in {recipe.dataset!r}: they now give {digest}"
        )
    return split


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
