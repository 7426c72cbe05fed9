"""The works that a calibration times: step, validation and prediction of one architecture."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from data_builders.costs.stopwatch import Stopwatch, Work
from data_builders.images.datasets import Split
from data_builders.recipe import Recipe
from data_builders.training import reference as training
from nasbench.space import Arch

TIMED = {"step": 5, "validation": 1, "latency": 5}
"""Repeats of each work per round; several repeats are preceded by an untimed one."""
LATENCY_BATCH = 1


def measure(
    archs: Sequence[Arch], recipe: Recipe, split: Split, watch: Stopwatch
) -> NDArray[np.float64]:
    """Return the seconds of a training step, validation and prediction, shape ``(n_archs, 3)``."""
    data = training.tensors(split)
    x, y = (part[: recipe.batch].to(watch.device) for part in (data["train"].x, data["train"].y))
    valid = data["valid"].x.to(watch.device)
    seconds: list[list[list[float]]] = [[[] for _ in TIMED] for _ in archs]
    n = len(archs) if watch.interleaved else 1
    for i in range(0, len(archs), n):
        clocks = [
            [watch.prepare(work) for work in works(arch, recipe, split, x, y, valid)]
            for arch in archs[i : i + n]
        ]
        for _ in range(watch.rounds):
            for of_arch, found in zip(clocks, seconds[i : i + n], strict=True):
                for once, repeats, times in zip(of_arch, TIMED.values(), found, strict=True):
                    if repeats > 1:
                        once()
                    times += [once() for _ in range(repeats)]
    return np.array([[watch.estimate(times) for times in found] for found in seconds])


def works(
    arch: Arch, recipe: Recipe, split: Split, x: Tensor, y: Tensor, valid: Tensor
) -> tuple[Work, Work, Work]:
    """Return a training step, a validation and a prediction, free of host round trips.

    The learning rate of the step is 0, which keeps the weights: no overflow and no denormal
    numbers, whatever the recipe.

    Args:
        arch: A trainable architecture.
        recipe: How it is trained.
        split: The images.
        x: A normalised batch of them, on the timed device.
        y: Labels of the batch.
        valid: The validation images.
    """
    trained, answering = (
        training.build_network(arch, recipe, split).to(x.device) for _ in range(2)
    )
    training.initialise(trained, arch, 0)
    answering.eval()
    sgd = training.optimizer(trained, recipe)
    sgd.param_groups[0]["lr"] = 0.0

    def step() -> None:
        loss = F.cross_entropy(trained(x), y)
        sgd.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        sgd.step()

    @torch.inference_mode()
    def validate() -> None:
        answering(valid)

    @torch.inference_mode()
    def answer() -> None:
        answering(valid[:LATENCY_BATCH])

    return step, validate, answer
