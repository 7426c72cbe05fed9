"""Where shards are trained: in processes of this machine, or on a cluster of Ray or Dask.

A shard is one joblib task. All that its worker shares with the process that ordered it is the
folder of the build, and the images. A shard whose worker is lost is trained again.
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
from nasbench.registry import Registry

BACKENDS = Registry(
    "nasbench.backends",
    "backend",
    {
        "loky": "data_builders.builds.workers:on_loky",
        "ray": "data_builders.builds.ray_workers:on_ray",
        "dask": "data_builders.builds.dask_workers:on_dask",
    },
)
"""What trains shards for an :class:`Order` and gives each as soon as it is done, in any order."""

LOSSES = 3
"""How often a shard may lose its worker, or all workers may be lost, with none done in between."""

ONE_BY_ONE: Mapping[str, Any] = {"return_as": "generator_unordered", "batch_size": 1}
Done: TypeAlias = Iterator[tuple[Shard, bool]]
_slowest: dict[str, float] = {}  # seconds of the slowest shard of a build in this process


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is told of a build.

    Attributes:
        recipe: How to train.
        folder: The folder of the build, absolute: the same on every machine.
        manifest: The trainer, and what it chose.
        until: When everything must have ended, in seconds since 1970; None for whenever it does.
    """

    recipe: Recipe
    folder: Path
    manifest: Mapping[str, Any]
    until: float | None = None


def train_in_time(shard: Shard, order: Order) -> tuple[Shard, bool]:
    """Train a shard, unless somebody has done so or it is not expected to end in time.

    The first shard of a process is started if there is any time left; those after it are expected
    to take as long as the slowest so far.

    Returns:
        The shard, and whether its file is there.

    Raises:
        BuildError: The folder of the build is not there, or the images have changed.
    """
    folder = order.folder
    if not (folder / CLAIM).exists():
        raise BuildError(
            f"{folder} is not there on {platform.node()}: all workers need the folder of the "
            "build under the same path, on a file system that their machines share"
        )
    if (folder / shard.name).exists():
        return shard, True
    expected = _slowest.get(folder.name, 0.0)
    if order.until is not None and time.time() + expected >= order.until:
        return shard, False
    start = time.perf_counter()
    train_shard(shard, order.recipe, folder, order.manifest)
    _slowest[folder.name] = max(expected, time.perf_counter() - start)
    return shard, True


def on_loky(shards: Sequence[Shard], order: Order, processes: int | None) -> Done:
    """Train in processes of this machine: as many as given, or one a core, or one for its GPU.

    Raises:
        BuildError: Processes were lost again and again.
    """
    left, losses = dict.fromkeys(shards), 0
    if processes is None:
        processes = 1 if order.manifest.get("device") == "cuda" else joblib.cpu_count()
    while left:
        parallel = joblib.Parallel(processes, pre_dispatch="n_jobs", **ONE_BY_ONE)
        try:
            for shard, done in parallel(tasks(train_in_time, tuple(left), order)):
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
    """The shards as tasks of joblib."""
    return (joblib.delayed(function)(shard, order) for shard in shards)


def lost(order: Order, error: Exception) -> BuildError:
    """What to say when there is no use in trying on."""
    return BuildError(
        f"{order.folder}: workers were lost again and again, perhaps for want of memory; the same "
        f"command goes on ({in_a_line(error)[:300]})"
    )


def in_a_line(error: Exception) -> str:
    """What an error of a library says, which may take several lines for it."""
    return " ".join(str(error).split())
