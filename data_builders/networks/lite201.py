"""The ``lite201`` skeleton: the NAS-Bench-201 cell where only the cell mixes pixels non-linearly.

Stem (3x3 convolution, BatchNorm), three stages of cells at C, 2C and 4C channels, and a tail
(BatchNorm, ReLU, global mean, linear). It differs from the skeleton of NAS-Bench-201 in its
reductions: 2x2 average pooling, 1x1 convolution, BatchNorm, so that the cell and not the skeleton
decides the result.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from nasbench.space import Arch
from nasbench.spaces.nb201 import (
    CONV1,
    CONV3,
    EDGES,
    OPERATIONS,
    POOL,
    SKIP,
    live_edges,
    published_string,
)


class ReluConvBatchNorm(nn.Module):
    """ReLU, convolution without bias, BatchNorm: both convolutions of the cell."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same shape."""
        return self.norm(self.conv(F.relu(x)))  # type: ignore[no-any-return]


def operation(option: int, channels: int) -> nn.Module:
    """The operation of a live edge."""
    if option == SKIP:
        return nn.Identity()
    if option == POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReluConvBatchNorm(channels, {CONV1: 1, CONV3: 3}[option])


class Cell(nn.Module):
    """A cell with its live edges only; node 3 is the output."""

    def __init__(self, arch: Arch, channels: int) -> None:
        super().__init__()
        live = [edge for edge, is_live in enumerate(live_edges(arch)) if is_live]
        self.edges = nn.ModuleDict({str(edge): operation(arch[edge], channels) for edge in live})

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same shape: those of node 3."""
        nodes = {0: x}
        for edge, layer in self.edges.items():
            source, target = EDGES[int(edge)]
            y = layer(nodes[source])
            nodes[target] = nodes[target] + y if target in nodes else y
        return nodes[3]


def reduction(channels: int) -> nn.Sequential:
    """Halves the resolution and doubles the channels."""
    return nn.Sequential(
        nn.AvgPool2d(2),
        nn.Conv2d(channels, 2 * channels, 1, bias=False),
        nn.BatchNorm2d(2 * channels),
    )


class Lite201(nn.Module):
    """One trainable network; see :class:`data_builders.networks.Network`.

    Args:
        arch: A connected architecture of the space ``nb201``; dead edges are not built.
        channels: Channels C of the first stage.
        cells: Cells a stage.
        image_channels: Channels of an image.
        n_classes: Number of classes.
    """

    space: ClassVar[str] = "nb201"
    arch_columns: ClassVar[Mapping[str, str]] = {
        "parameters": "trainable parameters of the network without dead edges",
        "macs": "multiply-adds of one image through the network without dead edges",
        "published_string": "string by which the authors of the space identify cells",
    }

    def __init__(
        self, arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        widths = (channels, 2 * channels, 4 * channels)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Cell(arch, w) for _ in range(cells))) for w in widths
        )
        self.reductions = nn.ModuleList(reduction(w) for w in widths[:-1])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(widths[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits.

        Args:
            x: Images, shape ``(batch, channels, height, width)``.

        Returns:
            Shape ``(batch, n_classes)``.
        """
        x = self.stem(x)
        for stage, reduce in zip(self.stages, [*self.reductions, nn.Identity()], strict=True):
            x = reduce(stage(x))
        return self.head(F.relu(self.norm(x)).mean(dim=(2, 3)))  # type: ignore[no-any-return]

    @staticmethod
    def trains(arch: Arch) -> bool:
        """Whether any edge carries a signal from the cell's input to its output."""
        return any(live_edges(arch))

    @staticmethod
    def cost_terms(arch: Arch) -> dict[str, float]:
        """The fixed part of the network and the number of live edges of every operation."""
        live = _live_options(arch)
        counts = {o: float(live.count(o)) for o in (SKIP, CONV1, CONV3, POOL)}
        return {"network": 1.0} | {f"live {OPERATIONS[o]}": n for o, n in counts.items()}

    @staticmethod
    def arch_numbers(
        arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int, size: int
    ) -> dict[str, int | str]:
        """Values of :attr:`arch_columns`."""
        parameters = Lite201.parameter_count(
            arch,
            channels=channels,
            cells=cells,
            image_channels=image_channels,
            n_classes=n_classes,
        )
        macs = Lite201.macs(
            arch,
            channels=channels,
            cells=cells,
            image_channels=image_channels,
            n_classes=n_classes,
            size=size,
        )
        return {"parameters": parameters, "macs": macs, "published_string": published_string(arch)}

    @staticmethod
    def parameter_count(
        arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int
    ) -> int:
        """Trainable parameters, without building the network; ``arch`` may be disconnected."""
        kernels = _live_kernels(arch)
        widths = (channels, 2 * channels, 4 * channels)
        total = 9 * image_channels * channels + 2 * channels
        total += sum(cells * (area * width**2 + 2 * width) for width in widths for area in kernels)
        total += sum(2 * width**2 + 4 * width for width in widths[:-1])
        return total + 2 * widths[-1] + widths[-1] * n_classes + n_classes

    @staticmethod
    def macs(
        arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int, size: int
    ) -> int:
        """Multiply-adds of one image of ``size`` x ``size`` pixels.

        Convolutions and the linear layer count, an added bias as one.
        """
        area = sum(_live_kernels(arch))
        stages = [(channels << s, (size >> s) ** 2) for s in range(3)]
        total = 9 * image_channels * channels * size**2
        total += sum(cells * area * width**2 * pixels for width, pixels in stages)
        total += sum(2 * width**2 * pixels for (width, _), (_, pixels) in pairwise(stages))
        return total + stages[-1][0] * n_classes + n_classes


def _live_options(arch: Arch) -> list[int]:
    return [option for option, live in zip(arch, live_edges(arch), strict=True) if live]


def _live_kernels(arch: Arch) -> list[int]:
    """Areas of the kernels of the live convolutions."""
    area = {CONV1: 1, CONV3: 9}
    return [area[option] for option in _live_options(arch) if option in area]
