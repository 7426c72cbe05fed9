"""The contract between a recipe and all that works with its trainings: builds, costs, studies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from data_builders.recipe import Recipe
from data_builders.training.outcome import Training
from data_builders.zero_cost import Score
from nasbench.space import Arch

Work = Callable[[], None]


class Works(NamedTuple):
    """What a calibration times of an architecture.

    Attributes:
        step: A training step.
        validation: Answers to all validation examples.
        answer: An answer to :data:`data_builders.recipe.LATENCY_BATCH` examples.
    """

    step: Work
    validation: Work
    answer: Work


class Course(Protocol):
    """What a recipe trains on, and how. Networks of images and of sequences have one each.

    Attributes:
        recipe: The recipe.
        data_digest: SHA-256 of the data, as 64 hex digits.
        chance: Loss, and accuracy in percent, of a network without anything to train.
        guess: Accuracy on the validation examples, in percent, of the best answer that solves
            nothing.
        chosen: Names of the choices of the batched trainer, all in its manifest.
        scores: Zero-cost scores that are defined for the networks, by name.
    """

    @property
    def recipe(self) -> Recipe: ...
    @property
    def data_digest(self) -> str: ...
    @property
    def chance(self) -> tuple[float, float]: ...
    @property
    def guess(self) -> float: ...
    @property
    def chosen(self) -> tuple[str, ...]: ...
    @property
    def scores(self) -> Mapping[str, Score]: ...

    def arch_numbers(self, arch: Arch) -> Mapping[str, int | float | str]:
        """Return the network's numbers of an architecture as written, trainable or not."""

    def train(self, arch: Arch, seed: int, *, dtype: torch.dtype = torch.float32) -> Training:
        """Train one architecture by the reference loop; see the loop."""

    def train_group(
        self,
        archs: Sequence[Arch],
        seed: int,
        manifest: Mapping[str, Any],
        activations: torch.dtype | None = None,
    ) -> list[Training]:
        """Train architectures together.

        Args:
            archs: Representatives of their classes.
            seed: Training seed of all.
            manifest: All choices of the batched trainer.
            activations: Type of features; None for bfloat16 on a GPU, else that of the weights.
        """

    def choices(self, archs: Sequence[Arch], device: str) -> dict[str, Any]:
        """Return what the batched trainer chooses beside the device: what is fastest there.

        Args:
            archs: A typical group.
            device: ``"cpu"`` or ``"cuda"``.
        """

    def works(self, device: str) -> Callable[[Arch], Works]:
        """Return a function from an architecture to its works.

        They are free of host round trips. The learning rate of the step is 0, which keeps the
        weights: no overflow and no denormal numbers, whatever the recipe.
        """

    def first_batch(self) -> tuple[Tensor, Tensor]:
        """Return what all networks are scored on: the first training batch, and its targets."""

    def scored_network(self, arch: Arch, seed: int) -> nn.Module:
        """Return a network with the initial values of a training, in double precision.

        It gives one row of logits for every target of :meth:`first_batch`.
        """
