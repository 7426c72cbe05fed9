"""The common parts of networks around a NAS-Bench-201 cell: all but the reductions.

Stem (3x3 convolution, BatchNorm), three stages of cells with C, 2C and 4C channels, a reduction
between stages, and a tail (BatchNorm, ReLU, global mean, linear). Dong and Yang (2020),
https://openreview.net/forum?id=HJxyZkBKDr
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple

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

KERNELS: Mapping[int, int] = {CONV1: 1, CONV3: 3}
"""Kernel side of every option that is a convolution."""
FLOAT_BYTES = 4
DESCRIPTION = """\
Stem: 3x3 convolution to `channels` channels, BatchNorm. Three stages of `cells` cells; channels \
double and pixels halve in a reduction after the first and the second. Tail: BatchNorm, ReLU, mean \
over pixels, linear layer with bias. In a cell, node 0 is the input, node 3 the output, and a node \
the sum of its live edges: those on a way from node 0 to node 3 without `none`; others are not \
built. nor_conv: ReLU, convolution, BatchNorm, in this order. avg_pool_3x3: mean of those pixels \
of the window that lie inside the image, stride 1. skip_connect: the source as it is. Convolutions \
have stride 1, zero padding that keeps the size, and no bias. BatchNorm has a scale and a shift, \
epsilon 1e-5, and running statistics that move by 0.1 of the difference a step, the variance \
unbiased. Names of parameters: stem.0.weight (the kernel), stem.1.weight, stem.1.bias (scale and \
shift), stages.<stage>.<cell>.edges.<edge>.conv.weight, .norm.weight and .norm.bias (edges 0->1, \
0->2, 1->2, 0->3, 1->3, 2->3, all counted from 0), norm.weight, norm.bias, head.weight, head.bias"""
"""What the skeletons share, in words; see :class:`data_builders.network.Network`."""


class Cost(NamedTuple):
    """Size of a part of a network, and its work on one image.

    Attributes:
        parameters: Trainable parameters.
        macs: Multiply-adds of convolutions and the linear layer; adding a bias counts as one.
        kept: Numbers of the forward pass that the gradients depend on: inputs of convolutions,
            BatchNorms and the linear layer, and outputs of ReLUs. Sums and average pooling need
            none; the image itself and batch statistics do not count.
    """

    parameters: int
    macs: int
    kept: int


def total(costs: Iterable[Cost]) -> Cost:
    """Return the sum of costs."""
    return Cost(*map(sum, zip(*costs, strict=True)))


def convolution(inputs: int, outputs: int, kernel: int, before: int, after: int) -> Cost:
    """Return the cost of a convolution without bias; ``before``, ``after``: sides in pixels."""
    weights = inputs * outputs * kernel**2
    return Cost(weights, weights * after**2, inputs * before**2)


def batch_norm(channels: int, side: int) -> Cost:
    """Return the cost of a BatchNorm: a scale and a shift per channel."""
    return Cost(2 * channels, 0, channels * side**2)


class ReluConvBatchNorm(nn.Module):
    """ReLU, convolution without bias, BatchNorm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return features at the resolution of ``x`` divided by the stride."""
        return self.norm(self.conv(F.relu(x)))  # type: ignore[no-any-return]


def operation(option: int, channels: int) -> nn.Module:
    """Return the module of a live edge."""
    if option == SKIP:
        return nn.Identity()
    if option == POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReluConvBatchNorm(channels, channels, KERNELS[option])


class Cell(nn.Module):
    """The live edges of a cell; node 3 is the output."""

    def __init__(self, arch: Arch, channels: int) -> None:
        super().__init__()
        live = [edge for edge, is_live in enumerate(live_edges(arch)) if is_live]
        self.edges = nn.ModuleDict({str(edge): operation(arch[edge], channels) for edge in live})

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of node 3, which have the shape of ``x``."""
        nodes = {0: x}
        for edge, layer in self.edges.items():
            source, target = EDGES[int(edge)]
            y = layer(nodes[source])
            nodes[target] = nodes[target] + y if target in nodes else y
        return nodes[3]


class Skeleton201(nn.Module, ABC):
    """A trainable network around a cell; see :class:`data_builders.network.Network`.

    Args:
        arch: A connected architecture of the space ``nb201``; dead edges are not built.
        channels: Channels C of the first stage.
        cells: Cells per stage.
        image_channels: Channels of an image.
        n_classes: Number of classes.
    """

    space: ClassVar[str] = "nb201"
    arch_columns: ClassVar[Mapping[str, str]] = {
        "parameters": "trainable parameters of the network without dead edges",
        "macs": "multiply-adds of one image through the network without dead edges",
        "activation_bytes": "float32 bytes of one image that a training step of the network "
        "without dead edges must keep for the gradients",
        "written_parameters": "parameters with every convolution of the cell as written",
        "written_macs": "macs with every convolution of the cell as written",
        "written_activation_bytes": "activation_bytes with every convolution as written",
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
        self.reductions = nn.ModuleList(self.reduction(w) for w in widths[:-1])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(widths[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits.

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
    @abstractmethod
    def reduction(channels: int) -> nn.Module:
        """Return a module that halves the resolution and doubles the channels."""

    @staticmethod
    @abstractmethod
    def halved(side: int) -> int:
        """Return the side in pixels after a reduction."""

    @staticmethod
    @abstractmethod
    def reduction_cost(channels: int, before: int, after: int) -> Cost:
        """Return the cost of a reduction; ``before`` and ``after`` are sides in pixels."""

    @staticmethod
    def trains(arch: Arch) -> bool:
        """Return whether any edge carries a signal from the cell's input to its output."""
        return any(live_edges(arch))

    @staticmethod
    def cost_terms(arch: Arch) -> dict[str, float]:
        """Return 1 for the network, and the number of live edges of every operation."""
        live = _live_options(arch)
        counts = {o: float(live.count(o)) for o in (SKIP, CONV1, CONV3, POOL)}
        return {"network": 1.0} | {f"live {OPERATIONS[o]}": n for o, n in counts.items()}

    @classmethod
    def cost(
        cls,
        options: Iterable[int],
        *,
        channels: int,
        cells: int,
        image_channels: int,
        n_classes: int,
        size: int,
    ) -> Cost:
        """Return the cost of the network whose cell has these operations, without building it.

        Args:
            options: Options of the space, one per edge, in any order.
            channels: Channels of the first stage.
            cells: Cells per stage.
            image_channels: Channels of an image.
            n_classes: Number of classes.
            size: Side of an image in pixels.
        """
        kernels = [KERNELS[option] for option in options if option in KERNELS]
        parts = [
            convolution(image_channels, channels, 3, size, size)._replace(kept=0),
            batch_norm(channels, size),
        ]
        width, side = channels, size
        for stage in range(3):
            if stage:
                parts.append(cls.reduction_cost(width, side, cls.halved(side)))
                width, side = 2 * width, cls.halved(side)
            for kernel in kernels:
                layer = (convolution(width, width, kernel, side, side), batch_norm(width, side))
                parts += layer * cells
        head = (width + 1) * n_classes
        parts += [batch_norm(width, side), Cost(head, head, width * side**2 + width)]
        return total(parts)

    @classmethod
    def arch_numbers(
        cls,
        arch: Arch,
        *,
        channels: int,
        cells: int,
        image_channels: int,
        n_classes: int,
        size: int,
    ) -> dict[str, int | str]:
        """Return the values of :attr:`arch_columns`."""
        live, written = (
            cls.cost(
                options,
                channels=channels,
                cells=cells,
                image_channels=image_channels,
                n_classes=n_classes,
                size=size,
            )
            for options in (_live_options(arch), arch)
        )
        return {
            "parameters": live.parameters,
            "macs": live.macs,
            "activation_bytes": FLOAT_BYTES * live.kept,
            "written_parameters": written.parameters,
            "written_macs": written.macs,
            "written_activation_bytes": FLOAT_BYTES * written.kept,
            "published_string": published_string(arch),
        }


def _live_options(arch: Arch) -> list[int]:
    return [option for option, live in zip(arch, live_edges(arch), strict=True) if live]
