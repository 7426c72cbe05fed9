"""The Triton kernels: interpreted where there is no GPU, and compiled for one without running.

``tests/conftest.py`` turns the interpreter on.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

pytest.importorskip("triton", reason="needs the package triton")

from data_builders.images.datasets import load_split
from data_builders.recipe import ImageRecipe
from data_builders.training.batched import triton_convolution
from data_builders.training.batched.convolutions import CONVOLUTIONS, convolutions_of
from data_builders.training.batched.grid import Grid
from data_builders.training.batched.group import Group
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TOLERANCE = {torch.float64: 1e-12, torch.float32: 5e-5, torch.float16: 3e-2}
if DEVICE == "cuda":  # the interpreter is wrong in bfloat16
    TOLERANCE[torch.bfloat16] = 0.25
RECIPE = ImageRecipe(
    network="lite201",
    channels=4,
    cells=1,
    dataset="digits",
    train=4,
    valid=2,
    test=2,
    epochs=1,
    batch=4,
)


def random(*shape: int, dtype: torch.dtype) -> Tensor:
    numbers = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return numbers.to(DEVICE, dtype)


def of_list(
    rows: Tensor, chosen: slice | Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid
) -> Tensor:
    """The kernels of the suite; the gradient of the rows comes through a stand-in."""
    part = rows[:, chosen]
    stand_in = part + torch.nan if isinstance(chosen, Tensor) else part
    return triton_convolution.of_list(stand_in, rows, chosen, kernels, bias, grid)


def separately(
    rows: Tensor, chosen: slice | Tensor, kernels: Tensor, bias: Tensor | None, grid: Grid
) -> Tensor:
    """One PyTorch convolution a model, in double precision: on a GPU single may be TF32."""
    dtype, rows, kernels = rows.dtype, rows.double(), kernels.double()
    bias = None if bias is None else bias.double()
    images = F.relu(rows[:, chosen]).unbind(1)
    biases = [None] * len(kernels) if bias is None else bias.view(len(kernels), -1).unbind()
    return torch.cat(
        [
            F.conv2d(
                one.view(grid.batch, grid.height, grid.width, -1).permute(0, 3, 1, 2),
                kernel.permute(0, 3, 1, 2),
                added,
                padding=kernel.shape[1] // 2,
            )
            for one, kernel, added in zip(images, kernels, biases, strict=True)
        ],
        dim=1,
    ).to(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("chosen", [[4, 1, 1], slice(1, 4)])
@pytest.mark.parametrize(("inputs", "outputs", "side"), [(3, 5, 3), (8, 8, 1), (20, 17, 3)])
def test_a_work_list_is_one_convolution_a_model(
    inputs: int, outputs: int, side: int, chosen: list[int] | slice, dtype: torch.dtype
) -> None:
    grid = Grid(3, 5, 4, channels_last=True)
    rows = random(3 * 5 * 4, 5, inputs, dtype=dtype).requires_grad_()
    kernels = random(3, outputs, side, side, inputs, dtype=dtype).requires_grad_()
    bias = random(3 * outputs, dtype=dtype).requires_grad_()
    models = chosen if isinstance(chosen, slice) else torch.tensor(chosen, device=DEVICE)
    leaves, results = (rows, kernels, bias), []
    for way in (of_list, separately):
        y = way(rows, models, kernels, bias, grid)
        upstream = random(*y.shape, dtype=dtype)
        results.append([y, *torch.autograd.grad(y, leaves, upstream)])
    scale = float(np.sqrt(inputs * side**2))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=scale * TOLERANCE[dtype])


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_stay_in_their_model(broken: float) -> None:
    grid, others = Grid(2, 4, 4, channels_last=True), [0, 2]

    def outcome(factor: float) -> list[Tensor]:
        rows = random(32, 3, 5, dtype=torch.float32)
        kernels = random(3, 5, 3, 3, 5, dtype=torch.float32)
        rows[:, 1] *= factor
        kernels[1] *= factor
        rows, kernels = rows.requires_grad_(), kernels.requires_grad_()
        y = triton_convolution.of_rows(rows, kernels, None, grid).unflatten(1, (3, 5))
        by_rows, by_kernels = torch.autograd.grad(y.sum(), (rows, kernels))
        assert y[:, 1].isfinite().all() == (factor == 1)
        return [y[:, others], by_rows[:, others], by_kernels[others]]

    for sound, beside in zip(outcome(1.0), outcome(broken), strict=True):
        assert torch.equal(sound, beside)


CELLS = [
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|skip_connect~1|avg_pool_3x3~2|",
    "|skip_connect~0|+|avg_pool_3x3~0|skip_connect~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|",
]


def test_a_group_computes_the_same_with_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(triton_convolution.PIXELS, 8, 256)  # few programs, for the interpreter
    archs, split = [NB201().from_text(cell) for cell in CELLS], load_split(RECIPE)
    figures = []
    for convolution in ("triton", "matmul"):
        group = Group(archs, 0, RECIPE, split, convolution, dtype=torch.float64, device=DEVICE)
        figures.append(
            (group.epoch(0), torch.cat([p.flatten() for p in group.network.parameters()]))
        )
    (ours, our_weights), (theirs, their_weights) = figures
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11)
    torch.testing.assert_close(our_weights, their_weights, rtol=0, atol=1e-11)


def test_where_there_is_no_gpu_the_kernels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert "triton" in CONVOLUTIONS
    assert "triton" not in convolutions_of("cpu")
    archs = [NB201().from_text(CELLS[0])]
    with pytest.raises(InvalidArgumentError, match="'triton' needs a GPU and the package triton"):
        Group(archs, 0, RECIPE, load_split(RECIPE), "triton")


COMPILE = """
import itertools
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from data_builders.training.batched import triton_convolution as ours

SUMS = {"bf16": "fp32", "fp32": "fp32", "fp64": "fp64"}
for kernel, (dtype, summed), channels in itertools.product(
    (ours.convolve, ours.correlate), SUMS.items(), (64,)
):
    size = int(dtype[-2:]) // 8
    flags = ("LISTED", "RELU", "BIASED", "GATED", "GATE_LISTED", "TURNED")
    constants = dict.fromkeys(flags, True) | {
        "INPUTS": channels, "OUTPUTS": channels, "SIDE": 3, "INPUT_TILE": channels,
        "OUTPUT_TILE": channels, "TILE": ours.PIXELS[size], "TILES": 8,
        "SUM": tl.float64 if summed == "fp64" else tl.float32,
    }
    tensors = {"models": "*i64", "gate_models": "*i64", "parts": f"*{summed}"} | dict.fromkeys(
        ("x", "kernels", "bias", "gate", "y", "gradients"), f"*{dtype}"
    )
    types = {n: "constexpr" if n in constants else tensors.get(n, "i32") for n in kernel.arg_names}
    source = ASTSource(kernel, types, {n: v for n, v in constants.items() if n in types})
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32))
    assert compiled.metadata.shared <= 227 * 1024, (dtype, channels, compiled.metadata.shared)
    assert ("mma" in compiled.asm["ptx"]) == (dtype != "fp32"), (dtype, channels)
"""
"""Every kernel for an H100 or H200: it fits into its shared memory and uses its tensor cores."""


@pytest.mark.slow
def test_the_kernels_compile_for_a_gpu(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
