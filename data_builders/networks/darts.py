"""The ``darts`` network: the evaluation network of DARTS with one reduction instead of two.

Stem (3x3 convolution to 3C channels, BatchNorm), normal cells, a reduction cell that halves the
resolution and doubles the channels, as many normal cells again, global mean, linear. It has no
auxiliary head and no drop path. The published networks use C = 36 and two reductions among 18
normal cells. Liu, Simonyan and Yang (2019), https://arxiv.org/abs/1806.09055
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasbench.space import Arch
from nasbench.spaces.darts import CELLS, OPERATIONS, Cell, to_genotype

STEM = 3
"""Channels of the stem, in multiples of C."""
NODES = 4
"""Nodes of a cell; the cell concatenates their outputs."""
TRAINS_STRIDES = torch.backends.cpu.get_cpu_capability() == "AVX512"
"""Whether 1x1 convolutions of stride 2 can be trained: without AVX-512, their gradient in the
oneDNN of PyTorch 2.13 writes out of bounds."""


class Convolution(NamedTuple):
    """A depthwise convolution followed by a 1x1 convolution.

    Attributes:
        kernel: Side of the depthwise kernel.
        dilation: Distance in pixels between neighbouring weights of the kernel.
        times: How often the pair is applied, each time with its own weights.
    """

    kernel: int
    dilation: int
    times: int


CONVOLUTIONS: Mapping[str, Convolution] = {
    "sep_conv_3x3": Convolution(3, 1, 2),
    "sep_conv_5x5": Convolution(5, 1, 2),
    "dil_conv_3x3": Convolution(3, 2, 1),
    "dil_conv_5x5": Convolution(5, 2, 1),
}


class Place(NamedTuple):
    """Position of a cell in the network.

    Attributes:
        reduces: Whether the cell is a reduction cell.
        after_reduction: Whether the previous cell is a reduction cell.
        channels: Channels of each node of the cell.
        inputs: Output channels of the cell before the previous one, and of the previous one.
    """

    reduces: bool
    after_reduction: bool
    channels: int
    inputs: tuple[int, int]


class Layer(NamedTuple):
    """Convolutions followed by a BatchNorm.

    Attributes:
        weights: Number of weights of the convolutions, whose outputs share one resolution.
        channels: Channels of the BatchNorm.
        side: Side of the output in pixels.
    """

    weights: int
    channels: int
    side: int


class ReluConvBatchNorm(nn.Module):
    """ReLU, 1x1 convolution, BatchNorm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return features at the resolution of ``x``."""
        return self.norm(self.conv(F.relu(x)))  # type: ignore[no-any-return]


class FactorizedReduce(nn.Module):
    """ReLU, two 1x1 convolutions of stride 2 from (0, 0) and (1, 1), concatenated, BatchNorm.

    On processors that cannot train stride 2, convolutions of stride 1 on every second row and
    column replace them; the results differ only by rounding.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.every = 1 if TRAINS_STRIDES else 2
        stride = 2 // self.every
        self.even = nn.Conv2d(inputs, outputs // 2, 1, stride, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return features at half the resolution of ``x``, rounded up, with zero padding."""
        x = F.relu(x)
        height, width = x.shape[2:]
        shifted = F.pad(x[:, :, 1:, 1:], (0, width % 2, 0, height % 2))
        x, shifted = (y[:, :, :: self.every, :: self.every] for y in (x, shifted))
        both = torch.cat([self.even(x), self.odd(shifted)], dim=1)
        return self.norm(both)  # type: ignore[no-any-return]


class Depthwise(nn.Module):
    """ReLU, depthwise convolution, 1x1 convolution, BatchNorm.

    If dilation and stride are equal, the convolution has neither and runs on every second row and
    column instead: the same result, much faster.
    """

    def __init__(self, channels: int, kernel: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.every = stride if stride == dilation else 1
        stride, dilation = stride // self.every, dilation // self.every
        self.depthwise = nn.Conv2d(
            channels,
            channels,
            kernel,
            stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return features at the resolution of ``x`` divided by the stride, rounded up."""
        x = F.relu(x[:, :, :: self.every, :: self.every])
        return self.norm(self.pointwise(self.depthwise(x)))  # type: ignore[no-any-return]


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """Return the module of one of the seven operations."""
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, padding=1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    kernel, dilation, times = CONVOLUTIONS[name]
    strides = (stride, 1)[:times]
    return nn.Sequential(*(Depthwise(channels, kernel, s, dilation) for s in strides))


class DartsCell(nn.Module):
    """A cell: projects its inputs to its channels and resolution, then applies the operations."""

    def __init__(self, cell: Cell, place: Place) -> None:
        super().__init__()
        before_last = FactorizedReduce if place.after_reduction else ReluConvBatchNorm
        self.before_last = before_last(place.inputs[0], place.channels)
        self.last = ReluConvBatchNorm(place.inputs[1], place.channels)
        self.sources = [source for _, source in cell]
        self.operations = nn.ModuleList(
            operation(name, place.channels, _stride(place.reduces, source)) for name, source in cell
        )

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """Return the four nodes concatenated, shape ``(batch, 4 * channels, height, width)``."""
        nodes = [self.before_last(before_last), self.last(last)]
        for i in range(0, 2 * NODES, 2):
            a, b = (self.operations[k](nodes[self.sources[k]]) for k in (i, i + 1))
            nodes.append(a + b)
        return torch.cat(nodes[2:], dim=1)


class DartsNetwork(nn.Module):
    """A trainable DARTS network; see :class:`data_builders.network.Network`.

    Args:
        arch: An architecture of the space ``darts``.
        channels: Channels C of a node of the first cell.
        cells: Normal cells before, between and after the reductions.
        image_channels: Channels of an image.
        n_classes: Number of classes.

    Attributes:
        reductions: Number of reduction cells.
    """

    space: ClassVar[str] = "darts"
    description: ClassVar[str] = """\
The evaluation network of DARTS (Liu et al., 2019, https://arxiv.org/abs/1806.09055) with one \
reduction cell instead of two, between `cells` normal cells before and `cells` after it. Stem: 3x3 \
convolution to 3 `channels` channels, BatchNorm. Tail: mean over pixels, linear layer with bias. A \
node has `channels` channels before the reduction, twice as many from it on; the four nodes of a \
cell are concatenated. Both inputs of a cell pass through ReLU, 1x1 convolution, BatchNorm; the \
older one, where it is twice as large, and a skip of stride 2 through the factorized reduction: \
ReLU, two 1x1 convolutions of stride 2 from pixels (0, 0) and (1, 1), concatenated, BatchNorm. \
Separable convolutions are (ReLU, depthwise, 1x1, BatchNorm) twice, dilated ones once. Average \
pooling is the mean of those pixels of the window that lie inside the image. Every BatchNorm has a \
scale and a shift, epsilon 1e-5, and running statistics that move by 0.1 of the difference a step. \
No bias in convolutions, no auxiliary head, no drop path"""
    arch_columns: ClassVar[Mapping[str, str]] = {
        "parameters": "trainable parameters of the network",
        "macs": "multiply-adds of one image through convolutions and the linear layer",
    }
    reductions: ClassVar[int] = 1

    def __init__(
        self, arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, STEM * channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(STEM * channels),
        )
        normal, reduce = to_genotype(arch)
        places = list(self.places(channels, cells))
        self.cells = nn.ModuleList(
            DartsCell(reduce if place.reduces else normal, place) for place in places
        )
        self.head = nn.Linear(NODES * places[-1].channels, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits.

        Args:
            x: Images, shape ``(batch, channels, height, width)``.

        Returns:
            Shape ``(batch, n_classes)``.
        """
        before_last = last = self.stem(x).contiguous(memory_format=torch.channels_last)
        for cell in self.cells:
            before_last, last = last, cell(before_last, last)
        return self.head(last.mean(dim=(2, 3)))  # type: ignore[no-any-return]

    @classmethod
    def places(cls, channels: int, cells: int) -> Iterator[Place]:
        """Yield the position of every cell, first to last.

        Args:
            channels: Channels of a node of the first cell.
            cells: Normal cells before, between and after the reductions.
        """
        inputs, after_reduction = (STEM * channels, STEM * channels), False
        for reduces in ([False] * cells + [True]) * cls.reductions + [False] * cells:
            channels *= 2 if reduces else 1
            yield Place(reduces, after_reduction, channels, inputs)
            inputs, after_reduction = (inputs[1], NODES * channels), reduces

    @staticmethod
    def trains(arch: Arch) -> bool:
        """Return True: with any operations, every cell passes a signal on."""
        return True

    @staticmethod
    def cost_terms(arch: Arch) -> dict[str, float]:
        """Return 1 for the network, and the number of operations by cell, kind and stride."""
        written = zip(CELLS, to_genotype(arch), strict=True)
        counts = Counter(_term(kind, *pair) for kind, cell in written for pair in cell)
        names = [_term(*key) for key in product(CELLS, OPERATIONS, (NODES, 0))]
        return {"network": 1.0} | {name: float(counts[name]) for name in names}

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
    ) -> dict[str, int]:
        """Return the values of :attr:`arch_columns`."""
        normal, reduce = to_genotype(arch)
        stem = STEM * channels
        layers = [Layer(9 * image_channels * stem, stem, size)]
        width = channels
        for place in cls.places(channels, cells):
            after = (size + 1) // 2 if place.reduces else size
            layers += [Layer(n * place.channels, place.channels, size) for n in place.inputs]
            layers += _layers(reduce if place.reduces else normal, place, after)
            size, width = after, place.channels
        head = (NODES * width + 1) * n_classes
        return {
            "parameters": head + sum(layer.weights + 2 * layer.channels for layer in layers),
            "macs": head + sum(layer.weights * layer.side**2 for layer in layers),
        }


def _layers(cell: Cell, place: Place, side: int) -> list[Layer]:
    """Return the layers of a cell's operations, for an output of ``side`` x ``side`` pixels."""
    layers, c = [], place.channels
    for name, source in cell:
        if name in CONVOLUTIONS:
            kernel, _, times = CONVOLUTIONS[name]
            layers += [Layer(kernel**2 * c + c * c, c, side)] * times
        elif name == "skip_connect" and _stride(place.reduces, source) == 2:
            layers.append(Layer(c * c, c, side))
    return layers


def _stride(reduces: bool, source: int) -> int:
    """Return the stride of an operation on an input (0, 1) or a node (2, 3, 4) of a cell."""
    return 2 if reduces and source < 2 else 1


def _term(kind: str, name: str, source: int) -> str:
    strided = _stride(kind == "reduce", source) == 2
    return f"{kind} {name}{' with stride 2' if strided else ''}"
