"""Makes the supernets of a benchmark for a search; see :class:`nasbench.supernet.Supernets`."""

from pathlib import Path

import torch

from data_builders.supernets.checkpoint import Checkpoint
from data_builders.supernets.recorded import recorded
from data_builders.supernets.table_supernet import TableSupernet, check_space
from data_builders.training.devices import check_device
from data_builders.training.initial_values import initialise
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
        recipe = benchmark.table.metadata.recipe
        self._ingredients, self._calibration = recorded(recipe, benchmark.name)
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
        ingredients = self._ingredients
        width = channels or ingredients.width
        network = ingredients.network(width, partial)
        check_space(self._benchmark.space, network.shape)
        network.to(device=device, dtype=self._dtype)
        initialise(network, (), seed)
        batch = ingredients.recipe.batch if batch_size is None else batch_size
        made = TableSupernet(
            self._benchmark.space,
            network,
            ingredients.halves(seed, batch, self._dtype, device),
            ingredients.recipe,
            self._calibration,
            _scale(width / ingredients.width),
            seed,
            self._checkpoint,
        )
        self._made.append(made)
        return made

    @property
    def code(self) -> tuple[type, ...]:
        """Classes on which results depend, beside what their files import."""
        return type(self), type(self._ingredients), *self._ingredients.code

    def take_due(self) -> float:
        """Return the seconds to charge since the last ``take_due``."""
        seconds = sum(made.seconds for made in self._made)
        due, self._charged = seconds - self._charged, seconds
        return due


def _scale(width: float) -> float:
    """Return how many times dearer all is in a network of another width.

    Multiply-adds grow with its square. With fewer channels than in the table, seconds hardly fall:
    what a step takes is then its operations, not their sizes. So they cost as much.

    Args:
        width: As a multiple of the table's.
    """
    return max(1.0, width) ** 2
