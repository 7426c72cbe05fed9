"""Every way of doing the convolutions of many models, against one convolution a model."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from data_builders.training.batched.convolutions import (
    CONVOLUTIONS,
    Grid,
    convolutions_of,
    shared_input,
)

NAMES = convolutions_of("cpu")
SHAPES = [(1, 1), (3, 3), (4, 3), (5, 1), (9, 3)]


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def separately(x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """Images of all models and their kernels, one after the other."""
    models, outputs = kernels.shape[:2]
    return torch.cat(
        [
            F.conv2d(
                images,
                kernel.permute(0, 3, 1, 2),
                None if bias is None else bias[i * outputs : (i + 1) * outputs],
                padding=kernel.shape[1] // 2,
            )
            for i, (images, kernel) in enumerate(zip(x.chunk(models, 1), kernels, strict=True))
        ],
        dim=1,
    )


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize(("models", "side"), SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_convolution_is_one_of_every_model(
    name: str, models: int, side: int, with_bias: bool
) -> None:
    convolution = CONVOLUTIONS[name]
    grid = Grid(2, 5, 4, convolution.channels_last)
    x = random(2, models * 3, 5, 4).requires_grad_()
    kernels = random(models, 2, side, side, 3).requires_grad_()
    bias = random(models * 2).requires_grad_() if with_bias else None
    expected = separately(x, kernels, bias)
    result = convolution.apply(grid.rows(x, models), kernels, bias, grid)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)
    inputs = [x, kernels] if bias is None else [x, kernels, bias]
    weights = random(*expected.shape)
    gradients = torch.autograd.grad((result * weights).sum(), inputs)
    for gradient, right in zip(
        gradients, torch.autograd.grad((expected * weights).sum(), inputs), strict=True
    ):
        torch.testing.assert_close(gradient, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("channels", [4, 8, 16, 32])
@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_not_finite_stay_in_their_model_where_it_says_so(
    name: str, side: int, channels: int, dtype: torch.dtype
) -> None:
    convolution, models = CONVOLUTIONS[name], 5
    others = [0, 1, 3, 4]

    def outcome(broken: float) -> list[Tensor]:
        grid = Grid(3, 4, 4, convolution.channels_last)
        x = random(3, models * channels, 4, 4).to(dtype)
        kernels = random(models, channels, side, side, channels).to(dtype)
        x[:, 2 * channels : 3 * channels] *= broken
        kernels[2] *= broken
        x, kernels = x.requires_grad_(), kernels.requires_grad_()
        y = convolution.apply(grid.rows(x, models), kernels, None, grid)
        y = y.unflatten(1, (models, channels))
        weights = torch.ones(models, 1, 1, 1, dtype=dtype)
        weights[2] *= broken
        by_images, by_kernels = torch.autograd.grad((y * weights).sum(), (x, kernels))
        by_images = by_images.unflatten(1, (models, channels))
        assert y[:, 2].isfinite().all() == (broken == 1)
        return [y[:, others], by_images[:, others], by_kernels[others]]

    for broken in (float("nan"), float("inf")):
        pairs = zip(outcome(1.0), outcome(broken), strict=True)
        assert all(torch.equal(*pair) for pair in pairs) == convolution.isolates


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("inputs", [1, 3])
def test_shared_input_is_every_kernel_on_the_same_images(inputs: int, channels_last: bool) -> None:
    images, kernels, bias = random(2, inputs, 5, 4), random(3, 2, 3, 3, inputs), random(6)
    grid = Grid(2, 5, 4, channels_last)
    expected = separately(images.repeat(1, 3, 1, 1), kernels, bias)
    result = shared_input(images, kernels, bias, grid)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("channels_last", [False, True])
def test_rows_hold_the_channels_of_one_model_each(channels_last: bool) -> None:
    images, grid = random(2, 6, 5, 4), Grid(2, 5, 4, channels_last)
    rows = grid.rows(images, 3)
    assert torch.equal(grid.images(rows), images)
    for model in range(3):
        alone = grid.images(rows[:, model : model + 1])
        assert torch.equal(alone, images[:, 2 * model : 2 * model + 2])
    assert grid.halved() == Grid(2, 2, 2, channels_last)
