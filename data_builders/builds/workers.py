"""Workers that train shards: processes of this machine, or a Ray or Dask cluster.

Each shard is one joblib task. A worker shares only the build folder and the images with the process
that gave the order. A shard whose worker is lost is trained again.
"""

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import joblib

from data_builders.builds.claim import CLAIM
from data_builders.builds.shard_files import Shard
from data_builders.builds.shards import train_shard
from data_builders.recipe import Recipe
from nasbench.errors import BuildError
from nasbench.parallel import parallel
from nasbench.registry import Registry
from nasbench.storage.locks import locked_if_free
from nasbench.storage.temporary import lock_beside

BACKENDS = Registry(
    "nasbench.backends",
    "backend",
    {
        "loky": "data_builders.builds.workers:on_loky",
        "ray": "data_builders.builds.ray_workers:on_ray",
        "dask": "data_builders.builds.dask_workers:on_dask",
    },
)
"""Functions that train the shards of an :class:`Order` and yield each when done, in any order."""

LOSSES = 3
"""Losses tolerated: of one shard's worker, or of all workers with no shard done in between."""

ONE_BY_ONE: Mapping[str, Any] = {"return_as": "generator_unordered", "batch_size": 1}
Done: TypeAlias = Iterator[tuple[Shard, bool]]
_slowest: dict[str, float] = {}  # seconds of the slowest shard of a build in this process


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker needs to know about a build.

    Attributes:
        recipe: How to train.
        folder: The folder of the build, as an absolute path that is the same on every machine.
        manifest: The trainer and its choices.
        until: Deadline for all work, in seconds since 1970; None for no deadline.
    """

    recipe: Recipe
    folder: Path
    manifest: Mapping[str, Any]
    until: float | None = None


def train_in_time(shard: Shard, order: Order) -> tuple[Shard, bool]:
    """Train a shard, unless its file exists, another build trains it, or it would end too late.

    A process starts its first shard if any time is left; it expects later ones to take as long as
    the slowest so far.

    Returns:
        The shard, and whether its file exists.

    Raises:
        BuildError: The build folder does not exist here, or the images have changed.
    """
    folder = order.folder
    if not (folder / CLAIM).exists():
        raise BuildError(
            f"{folder} does not exist on {platform.node()}: every worker needs the build folder "
            "under the same path, on a file system shared by all machines"
        )
    if (folder / shard.name).exists():
        return shard, True
    expected = _slowest.get(folder.name, 0.0)
    if order.until is not None and time.time() + expected >= order.until:
        return shard, False
    with locked_if_free(lock_beside(folder / shard.name)) as free:
        if not free or (folder / shard.name).exists():
            return shard, free
        start = time.perf_counter()
        train_shard(shard, order.recipe, folder, order.manifest)
        _slowest[folder.name] = max(expected, time.perf_counter() - start)
    return shard, True


def on_loky(shards: Sequence[Shard], order: Order, processes: int | None) -> Done:
    """Train in processes of this machine; by default one per CPU core, or one for its GPU.

    Raises:
        BuildError: Processes kept being lost.
    """
    left, losses = dict.fromkeys(shards), 0
    if processes is None:
        processes = 1 if order.manifest.get("device") == "cuda" else joblib.cpu_count()
    while left:
        crew = parallel(processes, pre_dispatch="n_jobs", **ONE_BY_ONE)
        try:
            for shard, done in crew(tasks(train_in_time, tuple(left), order)):
                losses = 0
                del left[shard]
                yield shard, done
        except BrokenProcessPool as error:
            losses += 1
            if losses > LOSSES:
                raise lost(order, error) from error


def tasks(
    function: Callable[[Shard, Order], tuple[Shard, bool]], shards: Sequence[Shard], order: Order
) -> Iterator[Any]:
    """Return the shards as joblib tasks."""
    return (joblib.delayed(function)(shard, order) for shard in shards)


def lost(order: Order, error: Exception) -> BuildError:
    """Return the error to raise once retrying is pointless."""
    return BuildError(
        f"{order.folder}: workers were lost repeatedly, perhaps for lack of memory; run the same "
        f"command to resume ({in_a_line(error)[:300]})"
    )


def in_a_line(error: Exception) -> str:
    """Return the message of a library's error on one line."""
    return " ".join(str(error).split())
