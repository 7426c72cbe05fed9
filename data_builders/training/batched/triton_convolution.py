"""Convolutions of many models as Triton kernels that read a work list's features in place.

Each program handles one *item* of a work list: a model among the rows, with its convolution kernel.
An item needs only offsets into the rows, so nothing is copied first, and the ReLU before a
convolution is applied while reading. The order of sums depends on the shapes alone, and no addition
is atomic.

With ``TRITON_INTERPRET=1`` in the environment before this module is imported, the kernels run
without a GPU, slowly. The interpreter does not know bfloat16 and computes it wrongly.
https://triton-lang.org/main/programming-guide/chapter-3/debugging.html
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function

from data_builders.training.batched.grid import Grid

PIXELS = {2: 128, 4: 32, 8: 32}
"""Pixels of a tile, by bytes per number."""
SUMMED_PIXELS = 4096
"""Pixels over which one program sums a gradient of kernels."""
SMALLEST = 16
"""Smallest side of a matrix that tensor cores accept."""


@triton.jit
def neighbours(
    x,
    pixels,
    tap,
    n_pixels,
    height,
    width,
    x_pixel,
    INPUTS: tl.constexpr,
    INPUT_TILE: tl.constexpr,
    SIDE: tl.constexpr,
    RELU: tl.constexpr,
):
    """Load what one tap of a kernel sees at some pixels, shape ``(TILE, INPUT_TILE)``."""
    down, right = tap // SIDE - SIDE // 2, tap % SIDE - SIDE // 2
    row, column = (pixels // width) % height + down, pixels % width + right
    there = (pixels < n_pixels) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    places = (pixels + down * width + right).to(tl.int64) * x_pixel
    inputs = tl.arange(0, INPUT_TILE)
    seen = tl.load(
        x + places[:, None] + inputs[None, :],
        mask=there[:, None] & (inputs < INPUTS)[None, :],
        other=0.0,
    )
    return tl.where(seen <= 0.0, 0.0, seen).to(seen.dtype) if RELU else seen


@triton.jit(do_not_specialize=["n_items"])
def convolve(
    x,
    models,
    kernels,
    bias,
    gate,
    gate_models,
    y,
    n_items,
    n_pixels,
    height,
    width,
    x_pixel,
    x_model,
    gate_pixel,
    gate_model,
    kernel_input,
    kernel_output,
    kernel_tap,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    SIDE: tl.constexpr,
    TILE: tl.constexpr,
    INPUT_TILE: tl.constexpr,
    OUTPUT_TILE: tl.constexpr,
    SUM: tl.constexpr,
    LISTED: tl.constexpr,
    RELU: tl.constexpr,
    BIASED: tl.constexpr,
    GATED: tl.constexpr,
    GATE_LISTED: tl.constexpr,
    TURNED: tl.constexpr,
):
    """Convolve a tile of pixels of one item; the launch grid has ``tiles * n_items`` programs.

    ``TURNED`` rotates the kernels by 180 degrees and ``GATED`` writes zeros where ``gate`` is not
    positive: the gradient of the input is a convolution of the gradient of the output.
    """
    item = tl.program_id(0) % n_items
    pixels = (tl.program_id(0) // n_items) * TILE + tl.arange(0, TILE)
    inputs, outputs = tl.arange(0, INPUT_TILE), tl.arange(0, OUTPUT_TILE)
    model = tl.load(models + item) if LISTED else item
    x += model.to(tl.int64) * x_model
    kernels += item.to(tl.int64) * INPUTS * OUTPUTS * SIDE * SIDE
    total = tl.zeros((TILE, OUTPUT_TILE), dtype=SUM)
    for tap in range(SIDE * SIDE):
        a = neighbours(
            x, pixels, tap, n_pixels, height, width, x_pixel, INPUTS, INPUT_TILE, SIDE, RELU
        )
        number = SIDE * SIDE - 1 - tap if TURNED else tap
        b = tl.load(
            kernels
            + inputs[:, None] * kernel_input
            + outputs[None, :] * kernel_output
            + number * kernel_tap,
            mask=(inputs < INPUTS)[:, None] & (outputs < OUTPUTS)[None, :],
            other=0.0,
        )
        total = tl.dot(a, b, total, input_precision="ieee", out_dtype=SUM)
    written = (pixels < n_pixels)[:, None] & (outputs < OUTPUTS)[None, :]
    if BIASED:
        added = tl.load(bias + item * OUTPUTS + outputs, mask=outputs < OUTPUTS, other=0.0)
        total += added.to(SUM)[None, :]
    if GATED:
        model = tl.load(gate_models + item) if GATE_LISTED else item
        places = pixels.to(tl.int64) * gate_pixel + model.to(tl.int64) * gate_model
        opening = tl.load(gate + places[:, None] + outputs[None, :], mask=written, other=0.0)
        total = tl.where(opening <= 0.0, 0.0, total)
    places = (pixels.to(tl.int64) * n_items + item) * OUTPUTS
    tl.store(y + places[:, None] + outputs[None, :], total.to(y.dtype.element_ty), mask=written)


@triton.jit(do_not_specialize=["n_items"])
def correlate(
    x,
    models,
    gradients,
    parts,
    n_items,
    n_pixels,
    height,
    width,
    x_pixel,
    x_model,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    SIDE: tl.constexpr,
    TILE: tl.constexpr,
    TILES: tl.constexpr,
    INPUT_TILE: tl.constexpr,
    OUTPUT_TILE: tl.constexpr,
    SUM: tl.constexpr,
    LISTED: tl.constexpr,
    RELU: tl.constexpr,
):
    """Compute one tap of the gradient of one item's kernel, summed over some tiles of pixels.

    The launch grid has ``(parts * n_items, SIDE * SIDE)`` programs.
    """
    item, part, tap = tl.program_id(0) % n_items, tl.program_id(0) // n_items, tl.program_id(1)
    inputs, outputs = tl.arange(0, INPUT_TILE), tl.arange(0, OUTPUT_TILE)
    model = tl.load(models + item) if LISTED else item
    x += model.to(tl.int64) * x_model
    total = tl.zeros((OUTPUT_TILE, INPUT_TILE), dtype=SUM)
    for tile in range(TILES):
        pixels = (part * TILES + tile) * TILE + tl.arange(0, TILE)
        a = neighbours(
            x, pixels, tap, n_pixels, height, width, x_pixel, INPUTS, INPUT_TILE, SIDE, RELU
        )
        places = (pixels.to(tl.int64) * n_items + item) * OUTPUTS
        arriving = tl.load(
            gradients + places[:, None] + outputs[None, :],
            mask=(pixels < n_pixels)[:, None] & (outputs < OUTPUTS)[None, :],
            other=0.0,
        )
        total = tl.dot(tl.trans(arriving), a, total, input_precision="ieee", out_dtype=SUM)
    kernel = (part.to(tl.int64) * n_items + item) * OUTPUTS + outputs
    places = (kernel * SIDE * SIDE + tap) * INPUTS
    tl.store(
        parts + places[:, None] + inputs[None, :],
        total,
        mask=(outputs < OUTPUTS)[:, None] & (inputs < INPUTS)[None, :],
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """The features that a work list reads.

    Attributes:
        rows: Shape ``(pixels, models, channels)``, with contiguous channels.
        models: Numbers of the models to read, on the same device; None for all in order.
        relu: Whether to read negative numbers as zeros.
    """

    rows: Tensor
    models: Tensor | None
    relu: bool

    def convolved(
        self, kernels: Tensor, bias: Tensor | None, grid: Grid, gate: "Listed | None" = None
    ) -> Tensor:
        """Return the convolution's rows or, given its ``gate``, those of its input's gradient."""
        channels = kernels.shape[4], kernels.shape[1]
        strides = kernels.stride(4), kernels.stride(1)
        if gate is not None:
            channels, strides = channels[::-1], strides[::-1]
        (inputs, outputs), (n_items, _, side, *_) = channels, kernels.shape
        n_pixels = len(self.rows)
        y = self.rows.new_empty(n_pixels, n_items, outputs)
        pixels = PIXELS[y.itemsize]
        behind = gate or self
        convolve[(triton.cdiv(n_pixels, pixels) * n_items,)](
            self.rows,
            self.models,
            kernels,
            bias,
            behind.rows,
            behind.models,
            y,
            n_items,
            n_pixels,
            grid.height,
            grid.width,
            *self.rows.stride()[:2],
            *behind.rows.stride()[:2],
            *strides,
            kernels.stride(3),
            INPUTS=inputs,
            OUTPUTS=outputs,
            SIDE=side,
            TILE=pixels,
            INPUT_TILE=_tile_side(inputs),
            OUTPUT_TILE=_tile_side(outputs),
            SUM=_sum_type(y.dtype)[1],
            LISTED=self.models is not None,
            RELU=self.relu,
            BIASED=bias is not None,
            GATED=gate is not None and gate.relu,
            GATE_LISTED=behind.models is not None,
            TURNED=gate is not None,
        )
        return y

    def correlated(self, gradients: Tensor, shape: torch.Size, grid: Grid) -> Tensor:
        """Return the gradient of kernels of ``shape``, from the gradient of the convolved rows."""
        n_items, outputs, side, _, inputs = shape
        n_pixels, pixels = len(self.rows), PIXELS[gradients.itemsize]
        n_parts = triton.cdiv(n_pixels, SUMMED_PIXELS)
        dtype, summed = _sum_type(gradients.dtype)
        parts = gradients.new_empty(n_parts, *shape, dtype=dtype)
        correlate[(n_parts * n_items, side * side)](
            self.rows,
            self.models,
            gradients,
            parts,
            n_items,
            n_pixels,
            grid.height,
            grid.width,
            *self.rows.stride()[:2],
            INPUTS=inputs,
            OUTPUTS=outputs,
            SIDE=side,
            TILE=pixels,
            TILES=triton.cdiv(min(SUMMED_PIXELS, n_pixels), pixels),
            INPUT_TILE=_tile_side(inputs),
            OUTPUT_TILE=_tile_side(outputs),
            SUM=summed,
            LISTED=self.models is not None,
            RELU=self.relu,
        )
        return parts.sum(dim=0).to(gradients.dtype)


class _Convolve(Function):
    """Convolves the features of a work list and passes the gradient to ``part``."""

    @staticmethod
    def forward(
        ctx: Any, part: Tensor, kernels: Tensor, bias: Tensor | None, listed: Listed, grid: Grid
    ) -> Tensor:
        ctx.save_for_backward(listed.rows, kernels)
        ctx.models, ctx.relu, ctx.grid = listed.models, listed.relu, grid
        return listed.convolved(kernels, bias, grid)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, kernels = ctx.saved_tensors
        listed, gradient = Listed(rows, ctx.models, ctx.relu), gradient.contiguous()
        by_input, by_kernels, by_bias, *_ = ctx.needs_input_grad
        arriving = Listed(gradient, None, relu=False)
        return (
            arriving.convolved(kernels, None, ctx.grid, gate=listed) if by_input else None,
            listed.correlated(gradient, kernels.shape, ctx.grid) if by_kernels else None,
            gradient.sum(dim=0).flatten() if by_bias else None,
            None,
            None,
        )


def of_rows(rows: Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid) -> Tensor:
    """Convolve rows; see ``apply`` in the module ``convolutions``."""
    rows = rows if rows.stride(2) == 1 else rows.contiguous()
    return _images(rows, Listed(rows.detach(), None, relu=False), kernels, bias, grid)


def of_list(
    part: Tensor,
    rows: Tensor,
    chosen: slice | Tensor,
    kernels: Tensor,
    bias: Tensor | None,
    grid: Grid,
) -> Tensor:
    """Convolve a work list; see ``of_list`` in the module ``convolutions``."""
    rows, models = rows.detach(), None
    if isinstance(chosen, Tensor):
        models = chosen
    else:
        rows = rows[:, chosen]
    return _images(part, Listed(rows, models, relu=True), kernels, bias, grid)


def _images(
    part: Tensor, listed: Listed, kernels: Tensor, bias: Tensor | None, grid: Grid
) -> Tensor:
    y: Tensor = _Convolve.apply(part, kernels.contiguous(), bias, listed, grid)  # type: ignore[no-untyped-call]
    return grid.images(y)


def _tile_side(channels: int) -> int:
    """Return the side of the smallest matrix tile that holds this many channels."""
    return max(SMALLEST, 1 << (channels - 1).bit_length())


def _sum_type(dtype: torch.dtype) -> tuple[torch.dtype, Any]:
    """Return the type in which sums of a type are taken, for PyTorch and for Triton."""
    double = dtype == torch.float64
    return (torch.float64, tl.float64) if double else (torch.float32, tl.float32)
