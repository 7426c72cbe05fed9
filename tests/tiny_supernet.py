"""A supernet of a few numbers, in double precision, on the space and the examples of nobody."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from toys import Square

from data_builders.supernets.shared_network import Mixture
from data_builders.supernets.table_supernet import TableSupernet
from nasbench.supernet import Batch

WIDTH, CLASSES = 4, 3


class TinyNetwork(nn.Module):
    """Every decision adds tanh of a linear map to the features; option 0 does nothing."""

    nothing = (0,)

    def __init__(self, shape: tuple[int, int], seed: int) -> None:
        super().__init__()
        self.shape = shape
        self.groups = ((0,), tuple(range(1, shape[0]))) if shape[0] > 1 else ((0,),)
        self.has_weights = (False, *[True] * (shape[1] - 1))
        generator = torch.Generator().manual_seed(seed)

        def made(*size: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(size, generator=generator, dtype=torch.float64))

        self.maps = made(*shape, WIDTH, WIDTH)
        self.head = made(WIDTH, CLASSES)

    def forward(self, x: Tensor, mixture: Mixture) -> Tensor:
        for decision, options in enumerate(mixture.active):
            added = torch.zeros_like(x)
            for option, is_active in enumerate(options):
                if is_active:
                    y = torch.tanh(x @ self.maps[decision, option])
                    added = added + y * mixture.gates[decision, option]
            added = mixture.kept(added, (len(x), 1), mixture.drop_path)
            if mixture.ghosts is not None:
                added = added + mixture.ghosts[decision]
            x = x + (added if mixture.edges is None else added * mixture.edges[decision])
        return x @ self.head

    def terms(self, active: list[list[bool]]) -> list[float]:
        return [1.0, float(np.sum(active))]


class TinyHalves:
    """Normal features with labels that a linear map of them says, two batches of eight."""

    steps = 2

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(64, WIDTH))
        y = (np.tanh(x) @ rng.normal(size=(WIDTH, CLASSES))).argmax(axis=1)
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)

    def batches(self, half: str, epoch: int) -> Any:
        first = 32 * (half == "gates")
        for step in range(self.steps):
            places = torch.arange(8) + first + 8 * ((2 * epoch + step) % 4)
            yield Batch(self._x[places], self._y[places])

    def judged(self) -> Batch:
        return Batch(self._x[32:], self._y[32:])


class TinySupernets:
    """Makes tiny supernets for a space with equally many options of every decision."""

    code = ()

    def __init__(self, space: Any = None, folder: Any = None, seed: int = 0) -> None:
        from data_builders.supernets.checkpoint import Checkpoint

        self._space = Square() if space is None else space
        self._checkpoint = None if folder is None else Checkpoint(folder, seed)
        self.made: list[TableSupernet] = []
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
        options = self._space.options
        network = TinyNetwork((len(options), options[0]), seed)
        costs = SimpleNamespace(step=(0.01, 0.001), validation=(0.004, 0.0005))
        made = TableSupernet(
            self._space,
            network,
            TinyHalves(seed),
            SimpleNamespace(batch=8, valid=32),
            costs,
            1.0,
            seed,
            self._checkpoint,
        )
        self.made.append(made)
        return made

    def take_due(self) -> float:
        seconds = sum(made.seconds for made in self.made)
        due, self._charged = seconds - self._charged, seconds
        return due
