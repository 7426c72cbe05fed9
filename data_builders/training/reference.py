"""The reference training loop of images: one architecture, one seed. It defines a row of a table.

Initial values are a function of (seed, class, site); data order and augmentation are functions of
(seed, epoch). None depends on the machine, or on what else is trained.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.images.datasets import Images, Split
from data_builders.recipe import ImageRecipe
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import CURVES, Training, training_of
from nasbench import splitmix
from nasbench.space import Arch


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


def build_network(arch: Arch, recipe: ImageRecipe, split: Split) -> nn.Module:
    """Return the untrained network of an architecture, with PyTorch's own initial values."""
    network: nn.Module = NETWORKS.load(recipe.network)(
        arch,
        channels=recipe.channels,
        cells=recipe.cells,
        image_channels=split.train.x.shape[3],
        n_classes=split.n_classes,
    )
    return network


def learning_rate(recipe: ImageRecipe, step: int) -> float:
    """Return the rate of a step: a cosine from ``recipe.learning_rate`` to 0 after the last."""
    total = recipe.epochs * recipe.steps
    return 0.5 * recipe.learning_rate * (1.0 + math.cos(math.pi * step / total))


def epoch_images(data: Tensors, recipe: ImageRecipe, seed: int, epoch: int) -> Tensors:
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


def optimizer(network: nn.Module, recipe: ImageRecipe) -> torch.optim.SGD:
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


def train(
    arch: Arch, seed: int, recipe: ImageRecipe, split: Split, *, dtype: torch.dtype = torch.float32
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
