"""What skeletons of the NAS-Bench-201 cell have in common: the cell, and all but the reductions.

Stem (3x3 convolution, BatchNorm), three stages of cells at C, 2C and 4C channels, a reduction
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
"""Side of the kernel of every option that is a convolution."""
FLOAT_BYTES = 4


class Cost(NamedTuple):
    """What a part of a network holds, and does to one image.

    Attributes:
        parameters: Trainable parameters.
        macs: Multiply-adds of convolutions and the linear layer; an added bias counts as one.
        kept: Numbers of the forward pass that the gradients are a function of: inputs of
            convolutions, of BatchNorms and of the linear layer, outputs of ReLUs. Sums and average
            pooling need none; the image itself and statistics of a batch do not count.
    """

    parameters: int
    macs: int
    kept: int


def total(costs: Iterable[Cost]) -> Cost:
    """The cost of all parts together."""
    return Cost(*map(sum, zip(*costs, strict=True)))


def convolution(inputs: int, outputs: int, kernel: int, before: int, after: int) -> Cost:
    """A convolution without bias, from ``before`` x ``before`` to ``after`` x ``after`` pixels."""
    weights = inputs * outputs * kernel**2
    return Cost(weights, weights * after**2, inputs * before**2)


def batch_norm(channels: int, side: int) -> Cost:
    """Scale and shift of every channel."""
    return Cost(2 * channels, 0, channels * side**2)


class ReluConvBatchNorm(nn.Module):
    """ReLU, convolution without bias, BatchNorm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Features at the resolution of ``x``, divided by the stride."""
        return self.norm(self.conv(F.relu(x)))  # type: ignore[no-any-return]


def operation(option: int, channels: int) -> nn.Module:
    """The operation of a live edge."""
    if option == SKIP:
        return nn.Identity()
    if option == POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReluConvBatchNorm(channels, channels, KERNELS[option])


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


class Skeleton201(nn.Module, ABC):
    """One trainable network; see :class:`data_builders.network.Network`.

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
    @abstractmethod
    def reduction(channels: int) -> nn.Module:
        """Halves the resolution and doubles the channels."""

    @staticmethod
    @abstractmethod
    def halved(side: int) -> int:
        """Pixels a side after a reduction."""

    @staticmethod
    @abstractmethod
    def reduction_cost(channels: int, before: int, after: int) -> Cost:
        """The cost of a reduction from ``before`` to ``after`` pixels a side."""

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
        """The cost of the network whose cell has these operations, without building it.

        Args:
            options: Options of the space, one an edge; their order does not matter.
            channels: Channels of the first stage.
            cells: Cells a stage.
            image_channels: Channels of an image.
            n_classes: Number of classes.
            size: Pixels a side of an image.
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
        """Values of :attr:`arch_columns`."""
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
