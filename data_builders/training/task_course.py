"""The course of networks of sequences; see :class:`data_builders.training.course.Course`."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from data_builders import NETWORKS
from data_builders.recipe import LATENCY_BATCH
from data_builders.task import NOT_ASKED, Sequences
from data_builders.task_recipe import TaskRecipe
from data_builders.training import task_reference as reference
from data_builders.training.batched.token_group import train_group
from data_builders.training.course import Works
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import Training
from data_builders.zero_cost import SCORES, Score
from nasbench.space import Arch

SCORED = ("grad_norm", "snip", "grasp")
"""Scores that need neither ReLU nor BatchNorm nor inputs of real numbers nor, as Fisher, pixels."""


class Answers(nn.Module):
    """A network's logits at the tokens that ask for an answer, one row each.

    Args:
        network: The network.
        asked: Where answers are asked, shape ``(batch, length)``.
    """

    def __init__(self, network: nn.Module, asked: Tensor) -> None:
        super().__init__()
        self.network = network
        self.asked = asked

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape ``(n_answers, vocabulary)``."""
        return self.network(tokens)[self.asked]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class TaskCourse:
    """A recipe and the held-out sequences of its task.

    Attributes:
        recipe: The recipe.
        valid: Validation sequences.
        test: Test sequences.
    """

    chosen: ClassVar[tuple[str, ...]] = ("device",)
    scores: ClassVar[Mapping[str, Score]] = {name: SCORES[name] for name in SCORED}

    recipe: TaskRecipe
    valid: Sequences
    test: Sequences

    @classmethod
    def of(cls, recipe: TaskRecipe) -> Self:
        """Make the held-out sequences of a recipe.

        Raises:
            InvalidArgumentError: Some are equal.
        """
        return cls(recipe, *recipe.task.held_out(recipe.valid, recipe.test))

    @property
    def data_digest(self) -> str:
        """Of the held-out sequences and the first training batch of seed 0."""
        digest = hashlib.sha256()
        for part in (self.valid, self.test, self.recipe.task.batch(0, 0, self.recipe.batch)):
            for numbers in part:
                digest.update(numbers.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def chance(self) -> tuple[float, float]:
        n = self.recipe.task.vocabulary
        return math.log(n), 100.0 / n

    @property
    def guess(self) -> float:
        return self.recipe.task.guess(self.valid)

    def arch_numbers(self, arch: Arch) -> Mapping[str, int | float | str]:
        numbers: Mapping[str, int | float | str] = NETWORKS.load(self.recipe.network).arch_numbers(
            arch, **reference.sizes(self.recipe)
        )
        return numbers

    def train(self, arch: Arch, seed: int, *, dtype: torch.dtype = torch.float32) -> Training:
        return reference.train(arch, seed, self.recipe, self.valid, self.test, dtype=dtype)

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
            self.valid,
            self.test,
            device=manifest["device"],
            activations=activations,
        )

    def choices(self, archs: Sequence[Arch], device: str) -> dict[str, Any]:
        return {}

    def works(self, device: str) -> Callable[[Arch], Works]:
        tokens, targets = (torch.from_numpy(part).to(device) for part in self._first())
        valid = torch.from_numpy(self.valid.tokens).to(device)
        return lambda arch: self._works(arch, tokens, targets, valid)

    def first_batch(self) -> tuple[Tensor, Tensor]:
        """Tokens, and the answers that are asked for."""
        tokens, targets = (torch.from_numpy(part) for part in self._first())
        return tokens, targets[targets != NOT_ASKED]

    def scored_network(self, arch: Arch, seed: int) -> nn.Module:
        network = reference.build_network(arch, self.recipe).double()
        initialise(network, arch, seed)
        return Answers(network, torch.from_numpy(self._first().targets != NOT_ASKED))

    def _first(self) -> Sequences:
        return self.recipe.task.batch(0, 0, self.recipe.batch)

    def _works(self, arch: Arch, tokens: Tensor, targets: Tensor, valid: Tensor) -> Works:
        trained, answering = (
            reference.build_network(arch, self.recipe).to(tokens.device) for _ in range(2)
        )
        initialise(trained, arch, 0)
        adamw = reference.optimizer(trained, self.recipe)
        adamw.param_groups[0]["lr"] = 0.0

        def step() -> None:
            reference.update(trained, adamw, tokens, targets, self.recipe)

        @torch.inference_mode()
        def validate() -> None:
            for part in torch.split(valid, reference.EVALUATED):  # as the loop does
                answering(part)

        @torch.inference_mode()
        def answer() -> None:
            answering(valid[:LATENCY_BATCH])

        return Works(step, validate, answer)
