"""Ways to compute one convolution per model for many models at once, with their memory layouts.

All of them compute the same numbers up to rounding; which is fastest depends on the machine and the
shapes. Features of all models are held as *rows*, shape ``(outer, models, inner)``, so that
selecting models and merging results works alike in every layout.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from data_builders.training.batched.grid import Grid

BLOCK = 4

ListedConvolution: TypeAlias = Callable[
    [Tensor, Tensor, slice | Tensor, Tensor, Tensor | None, Grid], Tensor
]


@dataclass(frozen=True, slots=True)
class Convolution:
    """A way to compute the convolutions of many models.

    Attributes:
        apply: Function of rows, kernels of shape ``(models, outputs, side, side, inputs)``, a bias
            of shape ``(models * outputs,)`` or None, and the grid; it returns images of the same
            size, as it pads with zeros.
        channels_last: Layout of its rows.
        isolates: Whether a non-finite number of one model never reaches another model.
        of_list: Function that applies a ReLU and then the convolutions of a work list's models,
            without copying their rows first. It takes a stand-in for these rows, through which the
            gradient flows; the rows of all models; the selection of models, as in
            :class:`data_builders.training.batched.worklists.WorkList`; and the last three arguments
            of ``apply``. None if the models must be selected first.
    """

    apply: Callable[[Tensor, Tensor, Tensor | None, Grid], Tensor]
    channels_last: bool
    isolates: bool
    of_list: ListedConvolution | None = None


def grouped(rows: Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid) -> Tensor:
    """Apply one grouped convolution with a group per model."""
    models, side = len(kernels), kernels.shape[2]
    weight = kernels.flatten(0, 1).permute(0, 3, 1, 2)
    if not grid.channels_last:  # .contiguous() would leave 1x1 kernels channels last
        weight = weight.clone(memory_format=torch.contiguous_format)
    return F.conv2d(grid.images(rows), weight, bias, padding=side // 2, groups=models)


def matmul(rows: Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid) -> Tensor:
    """Turn every neighbourhood into a vector, then take one matrix product per model."""
    y = torch.bmm(neighbourhoods(rows, kernels.shape[2], grid), kernels.flatten(2).mT)
    if bias is not None:
        y = y + bias.view(len(kernels), 1, -1)
    return grid.images(y.transpose(0, 1).contiguous())


def neighbourhoods(rows: Tensor, side: int, grid: Grid) -> Tensor:
    """Return the ``side`` x ``side`` pixels around every pixel, with zeros outside of the image.

    Args:
        rows: Channels last, shape ``(pixels, models, channels)``.
        side: 1 or 3.
        grid: The grid of the rows.

    Returns:
        Shape ``(models, pixels, side * side * channels)``.
    """
    if side == 1:
        return rows.transpose(0, 1)
    x = rows.view(grid.batch, grid.height, grid.width, *rows.shape[1:])
    x = F.pad(x, (0, 0, 0, 0, 1, 1, 1, 1))
    shifted = [
        x[:, top : top + grid.height, left : left + grid.width]
        for top in range(side)
        for left in range(side)
    ]
    return torch.stack(shifted, dim=4).permute(3, 0, 1, 2, 4, 5).flatten(4).flatten(1, 3)


def shared_input(images: Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid) -> Tensor:
    """Apply the convolutions of all models to the same images, as one matrix product.

    Args:
        images: Shape ``(batch, inputs, height, width)``.
        kernels: As in :class:`Convolution`.
        bias: One number per model and output, or None.
        grid: The grid of the images.

    Returns:
        Images of all models.
    """
    pixels = replace(grid, channels_last=True)
    x = neighbourhoods(pixels.rows(images, 1), kernels.shape[2], pixels)[0]
    y = F.linear(x, kernels.flatten(0, 1).flatten(1), bias)
    return pixels.images(y)


def block_diagonal(rows: Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid) -> Tensor:
    """Apply a grouped convolution with a group per four models, on block-diagonal kernels."""
    models, outputs, inputs = len(kernels), kernels.shape[1], kernels.shape[4]
    whole = models // BLOCK * BLOCK
    parts = []
    for start, end in ((0, whole), (whole, models)):
        if start == end:
            continue
        size = min(BLOCK, end - start)
        blocks = kernels[start:end].view(-1, size, *kernels.shape[1:])
        diagonal = [F.pad(blocks[:, i], (i * inputs, (size - 1 - i) * inputs)) for i in range(size)]
        weight = torch.stack(diagonal, dim=1).flatten(1, 2)
        shift = None if bias is None else bias[start * outputs : end * outputs]
        parts.append(grouped(rows[:, start:end], weight, shift, grid))
    return torch.cat(parts, dim=1)


def work_lists(rows: Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid) -> Tensor:
    """Apply Triton kernels."""
    from data_builders.training.batched import triton_convolution

    return triton_convolution.of_rows(rows, kernels, bias, grid)


def work_lists_in_place(
    part: Tensor,
    rows: Tensor,
    chosen: slice | Tensor,
    kernels: Tensor,
    bias: Tensor | None,
    grid: Grid,
) -> Tensor:
    """Apply Triton kernels that read the features in place."""
    from data_builders.training.batched import triton_convolution

    return triton_convolution.of_list(part, rows, chosen, kernels, bias, grid)


CONVOLUTIONS: Mapping[str, Convolution] = {
    "channels_last": Convolution(grouped, channels_last=True, isolates=True),
    "grouped": Convolution(grouped, channels_last=False, isolates=True),
    "matmul": Convolution(matmul, channels_last=True, isolates=True),
    "block_diagonal": Convolution(block_diagonal, channels_last=True, isolates=False),
    "triton": Convolution(
        work_lists, channels_last=True, isolates=True, of_list=work_lists_in_place
    ),
}


def convolutions_of(device: str) -> list[str]:
    """Return the names of the convolutions available on a device; Triton needs a GPU."""
    kernels = device.startswith("cuda") and find_spec("triton") is not None
    return [name for name in CONVOLUTIONS if kernels or name != "triton"]
