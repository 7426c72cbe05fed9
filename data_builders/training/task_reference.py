"""The reference training loop of sequences: one architecture, one seed. It defines a table's row.

Initial values are a function of (seed, class, site), training sequences one of (seed, step).
"""

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.task import NOT_ASKED, Sequences
from data_builders.task_recipe import TaskRecipe
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import CURVES, Training, training_of
from nasbench.space import Arch

EVALUATED = 256
"""Sequences that a network answers at once."""


def sizes(recipe: TaskRecipe) -> dict[str, int]:
    """Return the arguments of the networks of a recipe."""
    task = recipe.task
    return {
        "width": recipe.width,
        "heads": recipe.heads,
        "vocabulary": task.vocabulary,
        "length": task.length,
    }


def build_network(arch: Arch, recipe: TaskRecipe) -> nn.Module:
    """Return the untrained network of an architecture, with PyTorch's own initial values."""
    network: nn.Module = NETWORKS.load(recipe.network)(arch, **sizes(recipe))
    return network


def learning_rate(recipe: TaskRecipe, step: int) -> float:
    """Return the rate of a step: rising in equal steps, then a cosine to 0 after the last step."""
    total = recipe.epochs * recipe.steps
    rising = round(recipe.warmup * total)
    if step < rising:
        return recipe.learning_rate * (step + 1) / rising
    share = (step - rising) / (total - rising)
    return 0.5 * recipe.learning_rate * (1.0 + math.cos(math.pi * share))


def optimizer(network: nn.Module, recipe: TaskRecipe) -> torch.optim.AdamW:
    """Return AdamW over all parameters."""
    return torch.optim.AdamW(
        network.parameters(),
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        weight_decay=recipe.weight_decay,
        foreach=True,
    )


def update(
    network: nn.Module,
    adamw: torch.optim.AdamW,
    tokens: Tensor,
    targets: Tensor,
    recipe: TaskRecipe,
) -> tuple[Tensor, Tensor]:
    """Take one optimiser step.

    Returns:
        The mean loss of the answers, and how many were right, both before the step.
    """
    logits = network(tokens)
    loss = cross_entropy(logits, targets, "mean")
    adamw.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), recipe.clip, foreach=True)
    adamw.step()
    return loss.detach(), (logits.argmax(dim=2) == targets).sum()


def cross_entropy(logits: Tensor, targets: Tensor, reduction: str) -> Tensor:
    """Return the cross-entropy of the answers that are asked."""
    return F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=NOT_ASKED, reduction=reduction
    )


@torch.inference_mode()
def evaluate(network: nn.Module, tokens: Tensor, targets: Tensor) -> tuple[float, float]:
    """Return mean loss and accuracy (percent) of all answers."""
    loss, correct, n = 0.0, 0, 0
    for x, y in zip(*(torch.split(part, EVALUATED) for part in (tokens, targets)), strict=True):
        logits = network(x)
        loss += cross_entropy(logits, y, "sum").item()
        correct += int((logits.argmax(dim=2) == y).sum())
        n += n_answers(y)
    return loss / n, 100.0 * correct / n


def train(
    arch: Arch,
    seed: int,
    recipe: TaskRecipe,
    valid: Sequences,
    test: Sequences,
    *,
    dtype: torch.dtype = torch.float32,
) -> Training:
    """Train one architecture.

    Args:
        arch: The representative of its class.
        seed: Training seed.
        recipe: How to train.
        valid: Validation sequences.
        test: Test sequences.
        dtype: Type of weights and activations; tables are made with float32.

    Returns:
        Curves over all epochs: mean loss in nats, and percent of right answers. Training metrics
        are running means over the epoch; the others are measured at its end.
    """
    network = build_network(arch, recipe).to(dtype)
    initialise(network, arch, seed)
    adamw = optimizer(network, recipe)
    parts = [tensors(part) for part in (valid, test)]
    figures = np.full((recipe.epochs, len(CURVES)), np.nan)
    for epoch in range(recipe.epochs):
        loss, correct, answers = 0.0, 0, 0
        for step in range(epoch * recipe.steps, (epoch + 1) * recipe.steps):
            tokens, targets = tensors(recipe.task.batch(seed, step, recipe.batch))
            adamw.param_groups[0]["lr"] = learning_rate(recipe, step)
            mean, right = update(network, adamw, tokens, targets, recipe)
            loss += mean.item()
            correct += int(right)
            answers += n_answers(targets)
        values = [loss / recipe.steps, 100.0 * correct / answers]
        for tokens, targets in parts:
            values += evaluate(network, tokens, targets)
        figures[epoch] = values
        if not np.isfinite(values).all():
            break
    return training_of(figures, dtype)


def n_answers(targets: Tensor) -> int:
    """Return how many answers are asked."""
    return int((targets != NOT_ASKED).sum())


def tensors(sequences: Iterable[np.ndarray], device: str | torch.device = "cpu") -> list[Tensor]:
    """Return tokens and targets as tensors."""
    return [torch.from_numpy(part).to(device) for part in sequences]
