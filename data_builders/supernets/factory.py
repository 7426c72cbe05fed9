"""Makes the supernets of a benchmark for a search; see :class:`nasbench.supernet.Supernets`."""

from pathlib import Path
from typing import Any

import torch

from data_builders import NETWORKS
from data_builders.images.datasets import Split, load_split
from data_builders.networks.seqmix import SeqMixNetwork
from data_builders.networks.skeleton201 import Skeleton201
from data_builders.recipe import ImageRecipe, Recipe
from data_builders.supernets.checkpoint import Checkpoint
from data_builders.supernets.halves import halves_of
from data_builders.supernets.recorded import recorded
from data_builders.supernets.shared201 import Shared201
from data_builders.supernets.shared_seqmix import SharedSeqMix
from data_builders.supernets.table_supernet import TableSupernet, check_space
from data_builders.task_recipe import TaskRecipe
from data_builders.training.devices import check_device
from data_builders.training.initial_values import initialise
from data_builders.training.task_reference import sizes
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError


class SupernetFactory:
    """Makes supernets, and keeps account of the seconds to charge.

    Args:
        benchmark: The benchmark that is searched.
        seed: Seed of the search, by which files beside the records are named.
        folder: Folder of the record for checkpoints and histories; None for none.
        dtype: Type of weights and features.

    Raises:
        InvalidArgumentError: The benchmark is no table that was trained by this suite.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        *,
        seed: int = 0,
        folder: Path | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if not isinstance(benchmark, TableBenchmark):
            raise InvalidArgumentError(
                f"{benchmark.name!r} is a surrogate, and has no supernet: weight sharing needs a "
                "table that was trained by this suite"
            )
        self._benchmark, self._dtype = benchmark, dtype
        self._recipe, self._calibration = recorded(benchmark.table.metadata.recipe, benchmark.name)
        self._checkpoint = None if folder is None else Checkpoint(folder, seed)
        self._made: list[TableSupernet] = []
        self._charged = 0.0

    def __call__(
        self,
        *,
        seed: int,
        batch_size: int | None = None,
        channels: int | None = None,
        partial: int = 1,
        device: str = "cpu",
    ) -> TableSupernet:
        check_device(device)
        if channels is not None and channels < 1:
            raise InvalidArgumentError(f"channels = {channels} must be at least 1")
        recipe, split = self._recipe, None
        if isinstance(recipe, ImageRecipe):
            split = load_split(recipe)
        network = _network(recipe, split, channels, partial)
        check_space(self._benchmark.space, network.shape)
        network.to(device=device, dtype=self._dtype)
        initialise(network, (), seed)
        batch = recipe.batch if batch_size is None else batch_size
        made = TableSupernet(
            self._benchmark.space,
            network,
            halves_of(recipe, split, seed, batch, self._dtype, device),
            recipe,
            self._calibration,
            _scale(recipe, channels),
            seed,
            self._checkpoint,
        )
        self._made.append(made)
        return made

    @property
    def code(self) -> tuple[type, ...]:
        """Classes on which results depend, beside what their files import.

        Networks and tasks are loaded by the names that the recipe gives, which no import shows.
        """
        task = (type(self._recipe.task),) if isinstance(self._recipe, TaskRecipe) else ()
        return type(self), NETWORKS.load(self._recipe.network), *task

    def take_due(self) -> float:
        """Return the seconds to charge since the last ``take_due``."""
        seconds = sum(made.seconds for made in self._made)
        due, self._charged = seconds - self._charged, seconds
        return due


def _network(
    recipe: Recipe, split: Split | None, channels: int | None, partial: int
) -> Shared201 | SharedSeqMix:
    kind = NETWORKS.load(recipe.network)
    if isinstance(recipe, ImageRecipe) and split is not None and issubclass(kind, Skeleton201):
        return Shared201(
            kind,
            channels=channels or recipe.channels,
            cells=recipe.cells,
            image_channels=split.train.x.shape[3],
            n_classes=split.n_classes,
            partial=partial,
        )
    if isinstance(recipe, TaskRecipe) and issubclass(kind, SeqMixNetwork):
        changes: dict[str, Any] = {"width": channels} if channels else {}
        return SharedSeqMix(**{**sizes(recipe), **changes}, partial=partial)
    raise InvalidArgumentError(f"networks of {recipe.network!r} have no supernet")


def _scale(recipe: Recipe, channels: int | None) -> float:
    """Return how many times dearer all is with another number of channels.

    Multiply-adds grow with its square. With fewer channels than in the table, seconds hardly fall:
    what a step takes is then its operations, not their sizes. So they cost as much.
    """
    own = recipe.channels if isinstance(recipe, ImageRecipe) else recipe.width  # type: ignore[attr-defined]
    return max(1.0, (channels or own) / own) ** 2
