"""The course of networks of images; see :class:`data_builders.training.course.Course`."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.images.datasets import Split, load_split
from data_builders.recipe import LATENCY_BATCH, ImageRecipe
from data_builders.training import reference
from data_builders.training.batched.group import fastest_convolution, train_group
from data_builders.training.course import Works
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import Training
from data_builders.zero_cost import SCORES, Score
from nasbench.space import Arch


@dataclass(frozen=True, slots=True)
class ImageCourse:
    """A recipe and its images.

    Attributes:
        recipe: The recipe.
        split: The images.
    """

    chosen: ClassVar[tuple[str, ...]] = ("device", "convolution")
    scores: ClassVar[Mapping[str, Score]] = SCORES

    recipe: ImageRecipe
    split: Split

    @classmethod
    def of(cls, recipe: ImageRecipe) -> Self:
        """Load the images of a recipe; for the errors see :func:`load_split`."""
        return cls(recipe, load_split(recipe))

    @property
    def data_digest(self) -> str:
        return self.split.digest

    @property
    def chance(self) -> tuple[float, float]:
        return math.log(self.split.n_classes), 100.0 / self.split.n_classes

    @property
    def guess(self) -> float:
        """Of the most frequent class."""
        return float(100.0 * np.bincount(self.split.valid.y).max() / len(self.split.valid.y))

    def arch_numbers(self, arch: Arch) -> Mapping[str, int | float | str]:
        numbers: Mapping[str, int | float | str] = NETWORKS.load(self.recipe.network).arch_numbers(
            arch,
            channels=self.recipe.channels,
            cells=self.recipe.cells,
            image_channels=self.split.train.x.shape[3],
            n_classes=self.split.n_classes,
            size=self.split.train.x.shape[1],
        )
        return numbers

    def train(self, arch: Arch, seed: int, *, dtype: torch.dtype = torch.float32) -> Training:
        return reference.train(arch, seed, self.recipe, self.split, dtype=dtype)

    def train_group(
        self,
        archs: Sequence[Arch],
        seed: int,
        manifest: Mapping[str, Any],
        activations: torch.dtype | None = None,
    ) -> list[Training]:
        return train_group(
            archs,
            seed,
            self.recipe,
            self.split,
            device=manifest["device"],
            convolution=manifest["convolution"],
            activations=activations,
        )

    def choices(self, archs: Sequence[Arch], device: str) -> dict[str, Any]:
        return {"convolution": fastest_convolution(archs, self.recipe, self.split, device=device)}

    def works(self, device: str) -> Callable[[Arch], Works]:
        data = reference.tensors(self.split)
        x, y = (part[: self.recipe.batch].to(device) for part in (data["train"].x, data["train"].y))
        valid = data["valid"].x.to(device)
        return lambda arch: self._works(arch, x, y, valid)

    def first_batch(self) -> tuple[Tensor, Tensor]:
        """The images are normalised as in training, neither mirrored nor cropped."""
        data, n = reference.tensors(self.split, torch.float64)["train"], self.recipe.batch
        return data.x[:n], data.y[:n]

    def scored_network(self, arch: Arch, seed: int) -> nn.Module:
        network = reference.build_network(arch, self.recipe, self.split).double()
        initialise(network, arch, seed)
        return network

    def _works(self, arch: Arch, x: Tensor, y: Tensor, valid: Tensor) -> Works:
        trained, answering = (
            reference.build_network(arch, self.recipe, self.split).to(x.device) for _ in range(2)
        )
        initialise(trained, arch, 0)
        answering.eval()
        sgd = reference.optimizer(trained, self.recipe)
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

        return Works(step, validate, answer)
