"""The reference training loop: one architecture, one seed. It defines the meaning of a table's row.

Initial values are a function of (seed, class, site); data order and augmentation are functions of
(seed, epoch). None depends on the machine, or on what else is trained.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.images.datasets import Images, Split
from data_builders.recipe import Recipe
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch

DEVICES = ("cpu", "cuda")
CURVES = (
    "train_loss",
    "train_accuracy",
    "valid_loss",
    "valid_accuracy",
    "test_loss",
    "test_accuracy",
)


@dataclass(frozen=True, slots=True)
class Training:
    """Result of one training run.

    Attributes:
        curves: Values of shape ``(epochs,)`` for every name in :data:`CURVES`, float32 unless the
            training was float64. Accuracies are in percent. NaN from the epoch in which the
            training diverged.
        status: ``"finished"`` or ``"diverged"``.
    """

    curves: dict[str, NDArray[np.floating]]
    status: str


@dataclass(frozen=True, slots=True)
class Tensors:
    """One part of a split, normalised.

    Attributes:
        x: Images, shape ``(n, channels, height, width)``.
        y: Labels, shape ``(n,)``.
    """

    x: Tensor
    y: Tensor


def tensors(
    split: Split, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> dict[str, Tensors]:
    """Return the three parts, with channels normalised by mean and deviation of ``split.train``."""
    pixels = split.train.x.astype(np.float64)
    mean, std = pixels.mean(axis=(0, 1, 2)), pixels.std(axis=(0, 1, 2))

    def convert(images: Images) -> Tensors:
        x = ((images.x - mean) / np.where(std > 0, std, 1)).transpose(0, 3, 1, 2)
        y = torch.tensor(images.y, device=device)
        return Tensors(torch.tensor(x, dtype=dtype, device=device).contiguous(), y)

    return {
        "train": convert(split.train),
        "valid": convert(split.valid),
        "test": convert(split.test),
    }


def build_network(arch: Arch, recipe: Recipe, split: Split) -> nn.Module:
    """Return the untrained network of an architecture, with PyTorch's own initial values."""
    network: nn.Module = NETWORKS.load(recipe.network)(
        arch,
        channels=recipe.channels,
        cells=recipe.cells,
        image_channels=split.train.x.shape[3],
        n_classes=split.n_classes,
    )
    return network


def initial_value(site: str, shape: Sequence[int], arch: Arch, seed: int) -> NDArray[np.float64]:
    """Return the initial value of a parameter for (seed, class, site).

    The site is the parameter's name. Convolutions: uniform with standard deviation sqrt(2 / fan-in)
    (He et al., 2015, https://arxiv.org/abs/1502.01852). Linear weights: uniform in
    ±1/sqrt(fan-in). Scales are 1 and shifts 0.
    """
    if len(shape) == 1:
        return np.full(shape, 1.0 if site.endswith("weight") else 0.0)
    name_of_class = "".join(map(str, arch)) if max(arch) < 10 else "-".join(map(str, arch))
    bound = math.sqrt((6.0 if len(shape) == 4 else 1.0) / math.prod(shape[1:]))
    u = splitmix.uniform(splitmix.key("init", seed, name_of_class, site), math.prod(shape))
    return ((2.0 * u - 1.0) * bound).reshape(shape)


def initialise(network: nn.Module, arch: Arch, seed: int) -> None:
    """Set every parameter to its :func:`initial_value`."""
    with torch.no_grad():
        for site, parameter in network.named_parameters():
            value = initial_value(site, parameter.shape, arch, seed)
            parameter.copy_(torch.from_numpy(value))


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate of a step: a cosine from ``recipe.learning_rate`` to 0 after the last."""
    total = recipe.epochs * recipe.steps
    return 0.5 * recipe.learning_rate * (1.0 + math.cos(math.pi * step / total))


def epoch_images(data: Tensors, recipe: Recipe, seed: int, epoch: int) -> Tensors:
    """Return an epoch's training images in its order, mirrored and cropped as in the recipe."""
    n, device = len(data.y), data.x.device
    order = torch.tensor(splitmix.permutation(splitmix.key("order", seed, epoch), n), device=device)
    x, y = data.x[order], data.y[order]
    if recipe.flip:
        u = splitmix.uniform(splitmix.key("flip", seed, epoch), n)
        mirrored = torch.tensor(u < 0.5, device=device)
        x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
    if recipe.crop:
        places = 2 * recipe.crop + 1
        u = splitmix.uniform(splitmix.key("crop", seed, epoch), 2 * n)
        first = torch.tensor((u * places).astype(np.int64), device=device)
        images, channels, rows, columns = (torch.arange(k, device=device) for k in x.shape)
        rows = (first[:n, None] + rows)[:, None, :, None]
        columns = (first[n:, None] + columns)[:, None, None, :]
        padded = F.pad(x, (recipe.crop,) * 4)
        x = padded[images[:, None, None, None], channels[None, :, None, None], rows, columns]
    return Tensors(x, y)


def optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """Return SGD over all parameters, with Nesterov momentum."""
    return torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.momentum > 0,
        foreach=True,
    )


def step(
    network: nn.Module, sgd: torch.optim.SGD, x: Tensor, y: Tensor, rate: float
) -> tuple[float, int]:
    """Take one optimiser step at learning rate ``rate``.

    Returns:
        The loss summed over the batch and the number of correct answers, both before the step.
    """
    sgd.param_groups[0]["lr"] = rate
    logits = network(x)
    loss = F.cross_entropy(logits, y)
    sgd.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    sgd.step()
    return loss.item() * len(y), int((logits.argmax(dim=1) == y).sum())


@torch.inference_mode()
def evaluate(network: nn.Module, data: Tensors) -> tuple[float, float]:
    """Return mean loss and accuracy (percent) in evaluation mode."""
    network.eval()
    logits = network(data.x)
    network.train()
    correct = (logits.argmax(dim=1) == data.y).double().mean().item()
    return F.cross_entropy(logits, data.y).item(), 100.0 * correct


def check_device(device: str) -> None:
    """Raise InvalidArgumentError unless the device is ``cpu``, or ``cuda`` with a GPU present."""
    if device not in DEVICES:
        raise InvalidArgumentError(f"device = {device!r}{one_of(device, DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InvalidArgumentError("device = 'cuda', but PyTorch finds no GPU; possible is 'cpu'")


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread, as for everything that is trained, timed or scored."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def reproducible() -> Iterator[None]:
    """Use deterministic GPU kernels that accumulate in float32 or better.

    https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.deterministic, matmul.allow_bf16_reduced_precision_reduction
    cudnn.deterministic, matmul.allow_bf16_reduced_precision_reduction = True, False
    try:
        yield
    finally:
        cudnn.deterministic, matmul.allow_bf16_reduced_precision_reduction = before


def train(
    arch: Arch, seed: int, recipe: Recipe, split: Split, *, dtype: torch.dtype = torch.float32
) -> Training:
    """Train one architecture.

    Args:
        arch: The connected representative of its class.
        seed: Training seed.
        recipe: How to train.
        split: The images, from :func:`data_builders.images.datasets.load_split`.
        dtype: Type of weights and activations; tables are made with float32.

    Returns:
        Curves over all epochs. Training metrics are running means over the epoch; the others are
        measured at its end.
    """
    data = tensors(split, dtype)
    network = build_network(arch, recipe, split).to(dtype)
    initialise(network, arch, seed)
    sgd = optimizer(network, recipe)
    figures = np.full((recipe.epochs, len(CURVES)), np.nan)
    for epoch in range(recipe.epochs):
        images = epoch_images(data["train"], recipe, seed, epoch)
        loss, correct = 0.0, 0
        for i in range(recipe.steps):
            batch = slice(i * recipe.batch, (i + 1) * recipe.batch)
            rate = learning_rate(recipe, epoch * recipe.steps + i)
            batch_loss, batch_correct = step(network, sgd, images.x[batch], images.y[batch], rate)
            loss, correct = loss + batch_loss, correct + batch_correct
        values = [loss / recipe.train, 100.0 * correct / recipe.train]
        for part in ("valid", "test"):
            values += evaluate(network, data[part])
        figures[epoch] = values
        if not np.isfinite(values).all():
            break
    return training_of(figures, dtype)


def training_of(figures: NDArray[np.float64], dtype: torch.dtype) -> Training:
    """Pack the metrics of a run into a :class:`Training`.

    Args:
        figures: Metrics in the order of :data:`CURVES`, shape ``(epochs, 6)``. From the first epoch
            with a metric that is not finite, all become NaN in the result.
        dtype: Type of weights and activations.
    """
    sound = np.logical_and.accumulate(np.isfinite(figures).all(axis=1))
    kept = np.where(sound[:, None], figures, np.nan)
    kept = kept.astype(np.float64 if dtype == torch.float64 else np.float32)
    curves = {name: kept[:, i].copy() for i, name in enumerate(CURVES)}
    return Training(curves, "finished" if sound.all() else "diverged")
