"""Train many different cells at once, as :mod:`data_builders.training.reference` trains one.

All models of a group see the same batch in every step, since data order depends only on the seed. A
diverging model does not change the numbers of the others. On a GPU, features are bfloat16, weights
and statistics float32, and each step is one CUDA graph.
"""

import math
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.images.datasets import Split
from data_builders.networks.lite201 import Lite201
from data_builders.recipe import ImageRecipe
from data_builders.training.batched.convolutions import CONVOLUTIONS, convolutions_of
from data_builders.training.batched.layers import as_one
from data_builders.training.batched.stacked_lite201 import StackedLite201, stacked_lite201
from data_builders.training.cuda_graph import CapturedStep
from data_builders.training.devices import check_device, features_of, reproducible
from data_builders.training.outcome import Training, training_of
from data_builders.training.reference import epoch_images, learning_rate, tensors
from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError, one_of
from nasbench.space import Arch
from nasbench.spaces.nb201 import NONE, live_edges

EVALUATED_MODELS = {"cpu": 8, "cuda": 2**10}
"""Number of models to evaluate at once, by device."""
EVALUATED_NUMBERS = {"cpu": 2**19, "cuda": 2**28}
"""Largest size of their features in the first stage, by device; more images go in chunks."""
TIMED_STEPS = 5


def train_group(
    archs: Sequence[Arch],
    seed: int,
    recipe: ImageRecipe,
    split: Split,
    *,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    convolution: str | None = None,
    activations: torch.dtype | None = None,
) -> list[Training]:
    """Train architectures together.

    In float32, the last digits of a step depend on the group and the convolution, and the curves
    depend on those digits. In float64, only the last digits of the curves do.

    Args:
        archs: Connected representatives of their classes; duplicates are allowed.
        seed: Training seed of all.
        recipe: How to train them.
        split: The images, from :func:`data_builders.images.datasets.load_split`.
        dtype: Type of weights.
        device: ``"cpu"`` or ``"cuda"``.
        convolution: A name in
            :data:`data_builders.training.batched.convolutions.CONVOLUTIONS`; None for
            :func:`fastest_convolution`.
        activations: See :class:`Group`.

    Returns:
        One training per architecture, in their order, as
        :func:`data_builders.training.reference.train` returns it.

    Raises:
        InvalidArgumentError: No architecture is given, one cannot be trained, the recipe's network
            is not ``lite201``, or the device is unknown or absent.
        UnknownNameError: No convolution has that name.
    """
    _check_network(recipe)
    if convolution is None:
        convolution = fastest_convolution(archs, recipe, split, dtype=dtype, device=device)
    order = sorted(range(len(archs)), key=lambda i: _similarity_key(archs[i]))
    group = Group(
        [archs[i] for i in order],
        seed,
        recipe,
        split,
        convolution,
        dtype=dtype,
        device=device,
        activations=activations,
    )
    figures = np.stack([group.epoch(epoch) for epoch in range(recipe.epochs)], axis=1)
    trainings = {i: training_of(run, dtype) for i, run in zip(order, figures, strict=True)}
    return [trainings[i] for i in range(len(archs))]


def fastest_convolution(
    archs: Sequence[Arch],
    recipe: ImageRecipe,
    split: Split,
    *,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> str:
    """Return the name of the convolution with the fastest training step of a typical group.

    This function measures the steps when called; for its arguments see :func:`train_group`. It
    warns about a convolution that fails here, for lack of memory or of a compiler, and skips it.

    Raises:
        InvalidArgumentError: See :func:`train_group`; or no convolution works.
    """
    _check_network(recipe)
    typical = sorted(archs, key=_similarity_key)

    def seconds(name: str) -> float:
        try:
            group = Group(typical, 0, recipe, split, name, dtype=dtype, device=device)
            return median(group.seconds_of_steps(TIMED_STEPS))
        except NasbenchError:
            raise
        except Exception as error:  # PyTorch, cuDNN and Triton each raise errors of their own
            warnings.warn(f"convolution {name!r} does not work here: {error}", stacklevel=3)
            return math.inf

    times = {}
    for name in convolutions_of(device):
        times[name] = seconds(name)
        torch.cuda.empty_cache()
    fastest = min(times, key=lambda name: times[name])
    if times[fastest] == math.inf:
        raise InvalidArgumentError(f"no convolution works on {device!r}: {[*times]} all fail")
    return fastest


class Group:
    """A group of architectures in training; see :func:`train_group`.

    Args:
        archs: The architectures.
        seed: Training seed.
        recipe: How to train them.
        split: The images.
        convolution: Name of the convolution.
        dtype: Type of weights.
        device: ``"cpu"`` or ``"cuda"``.
        activations: Type of features; None for bfloat16 on a GPU with float32 weights, else
            ``dtype``.

    Attributes:
        network: The networks, in the order of the architectures.
        loss: Loss of every architecture, summed over the images of this epoch's steps.
        correct: Number of correct answers of every architecture, likewise.
        step: One step of SGD with Nesterov momentum for every model independently. Its arguments
            are images of shape ``(batch, channels, height, width)``, their labels, and the learning
            rate as a tensor without dimensions.

    Raises:
        InvalidArgumentError: See :func:`train_group`.
        UnknownNameError: See :func:`train_group`.
    """

    def __init__(
        self,
        archs: Sequence[Arch],
        seed: int,
        recipe: ImageRecipe,
        split: Split,
        convolution: str,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        activations: torch.dtype | None = None,
    ) -> None:
        _check(archs, recipe, device, convolution)
        self._seed, self._recipe = seed, recipe
        self.network = stacked_lite201(
            archs,
            seed,
            channels=recipe.channels,
            cells=recipe.cells,
            image_channels=split.train.x.shape[3],
            n_classes=split.n_classes,
            convolution=CONVOLUTIONS[convolution],
            weights=dtype,
            activations=activations or features_of(dtype, device),
            device=torch.device(device),
        )
        self._data = tensors(split, dtype, device)
        self._parameters = self.network.parameters()
        self._values = as_one(self._parameters)
        for parameter in self._parameters:
            parameter.requires_grad_()
        self._statistics = as_one(self.network.statistics())
        self._velocity = torch.zeros_like(self._values)
        self.loss = torch.zeros(len(archs), dtype=torch.float64, device=device)
        self.correct = torch.zeros_like(self.loss)
        self.step = self._make_step()

    def epoch(self, epoch: int) -> NDArray[np.float64]:
        """Train for the next epoch and evaluate.

        Args:
            epoch: Number of the epoch.

        Returns:
            Metrics in the order of :data:`data_builders.training.outcome.CURVES`, shape
            ``(n_archs, 6)``.
        """
        before = [tensor.clone() for tensor in self._state()]
        figures = self._train_and_evaluate(epoch)
        if not self.network.convolution.isolates and not np.isfinite(figures).all():
            # A failed model may have spoiled others: repeat the epoch without mixing.
            for tensor, value in zip(self._state(), before, strict=True):
                tensor.copy_(value)
            self.network = replace(self.network, convolution=CONVOLUTIONS["matmul"])
            self.step = self._make_step()
            figures = self._train_and_evaluate(epoch)
        return figures

    def seconds_of_steps(self, n: int) -> list[float]:
        """Return the seconds of ``n`` training steps on the first images at learning rate 0."""
        (x, y), seconds = self._first_batch(), []
        for _ in range(n + 1):
            start = perf_counter()
            self.step(x, y, x.new_zeros(()))
            self.loss.sum().item()  # waits for a GPU
            seconds.append(perf_counter() - start)
        return seconds[1:]

    @reproducible()
    def evaluate(self) -> NDArray[np.float64]:
        """Return valid loss and accuracy (percent), then those of test; shape ``(n_archs, 4)``."""
        step = EVALUATED_MODELS[self.loss.device.type]
        with torch.inference_mode():
            parts = [self.network.part(i, i + step) for i in range(0, len(self.loss), step)]
            scores = torch.cat([self._evaluate_part(part) for part in parts])
        return scores.cpu().numpy()

    def _update(self, x: Tensor, y: Tensor, rate: Tensor) -> None:
        losses, hits = _losses_and_hits(self.network.logits(x), y)
        # Summed over models, so that every model gets the gradient of its own mean.
        gradients = torch.autograd.grad(losses.mean(dim=1).sum(), self._parameters)
        with torch.no_grad():
            values, momentum = self._values, self._recipe.momentum
            gradient = torch.cat([part.flatten() for part in gradients])
            gradient.add_(values, alpha=self._recipe.weight_decay)
            self._velocity.mul_(momentum).add_(gradient)
            values.sub_(gradient.add_(self._velocity, alpha=momentum).mul_(rate))
            self.loss += losses.sum(dim=1)
            self.correct += hits.sum(dim=1)

    def _evaluate_part(self, network: StackedLite201) -> Tensor:
        """Return loss and accuracy on valid and test images, shape ``(models, 4)``."""
        folded, models, scores = network.folded(), len(network.archs), []
        for data in (self._data["valid"], self._data["test"]):
            numbers_per_image = models * self._recipe.channels * data.x[0, 0].numel()
            chunk = max(1, EVALUATED_NUMBERS[data.x.device.type] // numbers_per_image)
            totals = torch.zeros(models, 2, dtype=torch.float64, device=data.x.device)
            for x, y in zip(torch.split(data.x, chunk), torch.split(data.y, chunk), strict=True):
                losses, hits = _losses_and_hits(network.logits(x, folded), y)
                totals += torch.stack([losses.sum(dim=1), 100.0 * hits.sum(dim=1)], dim=1)
            scores.append(totals / len(data.y))
        return torch.cat(scores, dim=1)

    def _train_and_evaluate(self, epoch: int) -> NDArray[np.float64]:
        recipe = self._recipe
        images = epoch_images(self._data["train"], recipe, self._seed, epoch)
        self.loss.zero_()
        self.correct.zero_()
        for i in range(recipe.steps):
            batch = slice(i * recipe.batch, (i + 1) * recipe.batch)
            rate = images.x.new_full((), learning_rate(recipe, epoch * recipe.steps + i))
            self.step(images.x[batch], images.y[batch], rate)
        training = torch.stack([self.loss, 100.0 * self.correct], dim=1) / recipe.train
        return np.concatenate([training.cpu().numpy(), self.evaluate()], axis=1)

    def _state(self) -> list[Tensor]:
        """Return all tensors that a step changes and the next step needs."""
        return [self._values, self._statistics, self._velocity]

    def _first_batch(self) -> tuple[Tensor, Tensor]:
        data, size = self._data["train"], self._recipe.batch
        return data.x[:size], data.y[:size]

    @reproducible()
    def _make_step(self) -> Callable[[Tensor, Tensor, Tensor], None]:
        x, y = self._first_batch()
        if x.device.type != "cuda":
            return self._update
        return CapturedStep(self._update, [x, y, x.new_zeros(())], self._state())


def _losses_and_hits(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return loss and correctness of every model on every image, both ``(models, batch)``."""
    models, batch, _ = logits.shape
    losses = F.cross_entropy(logits.flatten(0, 1), y.repeat(models), reduction="none")
    return losses.view(models, batch), logits.argmax(dim=2) == y


def _similarity_key(arch: Arch) -> Arch:
    """Return a sort key that puts similar cells next to each other; see :func:`stacked_lite201`."""
    return tuple(o if live else NONE for o, live in zip(arch, live_edges(arch), strict=True))


def _check_network(recipe: ImageRecipe) -> None:
    if NETWORKS.load(recipe.network) is not Lite201:
        raise InvalidArgumentError(
            f"networks of {recipe.network!r} cannot be trained together, only those of 'lite201'"
        )


def _check(archs: Sequence[Arch], recipe: ImageRecipe, device: str, convolution: str) -> None:
    _check_network(recipe)
    if not archs:
        raise InvalidArgumentError("a group needs at least one architecture")
    for arch in archs:
        if not Lite201.trains(arch):
            raise InvalidArgumentError(f"{arch} has no path to its output: it cannot be trained")
    check_device(device)
    if convolution not in CONVOLUTIONS:
        raise UnknownNameError(
            f"unknown convolution {convolution!r}{one_of(convolution, CONVOLUTIONS)}"
        )
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not interpreted and convolution not in (possible := convolutions_of(device)):
        raise InvalidArgumentError(
            f"convolution {convolution!r} needs a GPU and the package triton; possible here: "
            f"{', '.join(possible)}"
        )
